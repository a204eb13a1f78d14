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
  prepared.outcome.patch = {file.size(), file.size(), {}};
  if (!options.plan_only && !options.repack && !work.operations.empty()) {
    Bytes request = encode_request(work.operations, part.offset, part.size);
    if (options.report_operations) prepared.operations = report_of(work.operations);
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
  } else {
    prepared.operations = report_of(work.operations);
  }
  return prepared;
}

void check_written(const RandomFile& written, const Outcome& outcome) {
  bool is_same = written.size() == outcome.patch.size_after;
  auto filled = outcome.created;
  std::erase_if(filled, [](const Extent& extent) { return extent.bytes == 0; });
  std::ranges::sort(filled, {}, &Extent::offset);
  const auto end_of = [](const Extent& extent) { return extent.offset + extent.bytes; };
  Bytes bytes;
  auto piece = outcome.patch.pieces.begin();
  for (const auto& [offset, size] : windows_of(outcome.patch)) {
    if (!is_same) break;
    bytes.resize(static_cast<std::size_t>(size));
    written.read_at(offset, bytes);
    for (; piece != outcome.patch.pieces.end() && piece->offset < offset + size; ++piece) {
      const auto there = std::span(bytes).subspan(static_cast<std::size_t>(piece->offset - offset),
                                                  piece->bytes.size());
      const std::uint64_t end = piece->offset + there.size();
      for (auto extent = std::ranges::upper_bound(filled, piece->offset, {}, end_of);
           extent != filled.end() && extent->offset < end; ++extent) {
        for (std::uint64_t at = std::max(extent->offset, piece->offset);
             at < std::min(end_of(*extent), end); ++at) {
          there[at - piece->offset] = piece->bytes[at - piece->offset];
        }
      }
      is_same = is_same && std::ranges::equal(there, piece->bytes);
    }
  }
  if (!is_same) {
    throw Error(Errc::kWrite, "what was written reads back as something else; it was taken back");
  }
}

}  // namespace ckpt::hdf5
