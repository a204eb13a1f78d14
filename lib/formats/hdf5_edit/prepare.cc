#include "formats/hdf5_edit/prepare.h"

#include <algorithm>

#include "core/error.h"
#include "formats/hdf5/chosen_source.h"
#include "formats/hdf5_edit/check.h"
#include "formats/hdf5_edit/repack.h"

namespace ckpt::hdf5 {

namespace {

std::vector<Wishes::Name> names_of(const Variables& variables) {
  std::vector<Wishes::Name> names;
  names.reserve(variables.variables.size() + variables.aliases.size());
  for (std::uint32_t i = 0; i < variables.variables.size(); ++i) {
    const std::string_view name = variables.name_of(i);
    names.push_back({i, false, name, name});
    for (const auto& alias : variables.aliases_of(i)) {
      names.push_back({i, true, alias.path, alias.path});
    }
  }
  return names;
}

}  // namespace

Prepared prepare(const RandomFile& file, const FilePart& part, const Edit& edit,
                 const EditOptions& options) {
  Prepared prepared;
  auto source = open_source(file, {.traced = true});
  Census& census = prepared.census;
  census = take_census(*source, file, options.use_paths);
  prepared.wishes = resolve(names_of(census), edit);
  Naming naming = place_names(*source, census, prepared.wishes, edit, options.use_paths);
  source.reset();  // it remembers much of what it has read
  if (options.repack) check_repackable(census);
  prepared.layers = std::move(naming.layers);
  Work work = compile(std::move(census.links), std::move(naming), prepared.wishes, edit);
  prepared.notes = std::move(work.notes);
  prepared.has_operations = !work.operations.empty();
  if (options.report_operations || options.plan_only) {
    prepared.operations = report_of(work.operations);
  }
  prepared.outcome.patch = {file.size(), file.size(), {}};
  if (!options.plan_only && !options.repack && !work.operations.empty()) {
    Bytes request = encode_request(work.operations, part.offset, part.size);
    // The texts are checked afterwards; of the rest it is enough what must come of them.
    std::erase_if(work.operations, [](const Operation& operation) {
      return operation.kind != Operation::Kind::kTexts;
    });
    work.operations.shrink_to_fit();
    prepared.outcome = edit_by_helper(part, std::move(request),
                                      {options.helper, options.helper_time, options.helper_memory});
    const PatchedFile patched(file, prepared.outcome.patch);
    const Plan plan{census, prepared.wishes, work, edit, prepared.outcome.patch, options.use_paths};
    check_outcome(plan, file, patched, prepared.outcome.created);
  }
  return prepared;
}

void check_written(const RandomFile& written, const Outcome& outcome) {
  bool is_same = written.size() == outcome.patch.size_after;
  auto filled = outcome.created;
  std::erase_if(filled, [](const ByteRange& extent) { return extent.bytes == 0; });
  std::ranges::sort(filled, {}, &ByteRange::offset);
  const auto end_of = [](const ByteRange& extent) { return extent.offset + extent.bytes; };
  const auto compare = [&](const Patch::Piece& piece, std::span<std::byte> there) {
    const std::uint64_t end = piece.offset + there.size();
    for (auto extent = std::ranges::upper_bound(filled, piece.offset, {}, end_of);
         extent != filled.end() && extent->offset < end; ++extent) {
      for (std::uint64_t at = std::max(extent->offset, piece.offset);
           at < std::min(end_of(*extent), end); ++at) {
        there[at - piece.offset] = piece.bytes[at - piece.offset];
      }
    }
    is_same = is_same && std::ranges::equal(there, piece.bytes);
  };
  if (is_same) read_at_pieces(written, outcome.patch, compare);
  if (!is_same) {
    throw Error(Errc::kWrite, "what was written reads back as something else; it was taken back");
  }
}

}  // namespace ckpt::hdf5
