#include "formats/hdf5/upkeep.h"

#include "core/checked.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/h5parse/parsed_source.h"
#include "formats/hdf5/walk.h"

namespace ckpt::hdf5 {
namespace {

// An attribute in an object header, as Keras writes layer_names, has at most 64 KiB; one that fills
// seven eighths of that is worth a word.
constexpr std::uint64_t kMostBytes = 64 * 1024;
constexpr std::uint64_t kManyBytes = kMostBytes / 8 * 7;
constexpr std::uint64_t kSpareBytes = 64 * 1024;
constexpr std::uint64_t kSpareShare = 20;  // one part in so many

std::uint64_t bytes_of(const Attribute& attribute) {
  std::uint64_t bytes = attribute.type.size;
  for (const std::uint64_t extent : attribute.extents) {
    bytes = checked_mul(bytes, extent).value_or(UINT64_MAX);
  }
  return bytes;
}

void check_attributes(const Source& source, const std::function<std::string()>& path, ObjectId id,
                      Notes& notes) {
  for (const std::string& name : source.attribute_names(id)) {
    const auto attribute = source.attribute(id, name);
    const std::uint64_t bytes = attribute ? bytes_of(*attribute) : 0;
    if (bytes < kManyBytes || bytes > kMostBytes) continue;
    notes.add("attributes near their limit",
              cat("/", escape(path()), ": the attribute '", escape(name), "' has ",
                  with_commas(bytes), " bytes, and most programs can write ",
                  with_commas(kMostBytes), " at most: longer names or more of them may not fit"));
  }
}

}  // namespace

Upkeep upkeep_hdf5(const RandomFile& file) {
  const h5parse::ParsedSource source(file, h5parse::Mode::kStrict, h5parse::Survey::kAll);
  Notes notes;
  Notes ignored;            // Reader tells them
  bool is_surveyed = true;  // the elements of variable length are not looked at
  const auto take = [&](const std::string& path, ObjectId id, const Dataset& dataset) {
    is_surveyed = is_surveyed && !has_variable_length(dataset.type);
    check_attributes(
        source, [&] { return path; }, id, notes);
    return true;
  };
  const Walk found = walk(source, take, ignored);
  for (std::size_t i = 0; i < found.groups.size(); ++i) {
    const Walk::Group& group = found.groups[i];
    check_attributes(
        source, [&] { return path_of(found, i); }, group.id, notes);
  }
  Upkeep upkeep{.notes = notes.sentences()};
  const std::uint64_t spare = file.size() - source.used_bytes();
  if (is_surveyed && spare >= kSpareBytes && spare >= file.size() / kSpareShare)
    upkeep.spare_bytes = spare;
  return upkeep;
}

}  // namespace ckpt::hdf5
