#include "formats/hdf5_edit/prepare.h"

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
  auto source = open_source(file);
  Census& census = prepared.census;
  census = take_census(*source, file, options.use_paths);
  prepared.wishes = resolve(names_of(census), edit);
  Naming naming = place_names(*source, census, prepared.wishes, edit, options.use_paths);
  source.reset();  // it remembers much of what it has read
  if (options.repack) check_repackable(census);
  prepared.layers = std::move(naming.layers);
  Work work = compile(std::move(census.links), std::move(naming), prepared.wishes, edit);
  prepared.notes = std::move(work.notes);
  prepared.outcome.patch = {file.size(), file.size(), {}};
  if (!options.plan_only && !options.repack && !work.operations.empty()) {
    prepared.outcome = edit_by_helper(part, work.operations,
                                      {options.helper, options.helper_time, options.helper_memory});
    const PatchedFile patched(file, prepared.outcome.patch);
    const Plan plan{census, prepared.wishes, work, edit, prepared.outcome.patch, options.use_paths};
    check_outcome(plan, file, patched, prepared.outcome.created);
  }
  prepared.operations = report_of(std::move(work.operations));
  return prepared;
}

void check_written(const RandomFile& written, const Outcome& outcome) {
  bool is_same = written.size() == outcome.patch.size_after;
  Bytes bytes;
  for (const auto& piece : outcome.patch.pieces) {
    if (!is_same) break;
    bytes.resize(piece.bytes.size());
    written.read_at(piece.offset, bytes);
    for (const Extent& extent : outcome.created) {
      for (std::uint64_t at = std::max(extent.offset, piece.offset);
           at < std::min(extent.offset + extent.bytes, piece.offset + bytes.size()); ++at) {
        bytes[at - piece.offset] = piece.bytes[at - piece.offset];
      }
    }
    is_same = bytes == piece.bytes;
  }
  if (!is_same) {
    throw Error(Errc::kWrite, "what was written reads back as something else; it was taken back");
  }
}

}  // namespace ckpt::hdf5
