#include "formats/hdf5_edit/repack.h"

#include <sys/stat.h>

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/hdf5/format.h"

namespace ckpt::hdf5 {
namespace {

// What a variable is, by its entry and its attributes.
VariableSpec spec_of(const Reader& original, const Census& census, std::size_t i,
                     const std::string& name) {
  const Entry& entry = original.index().entries[i];
  const auto refuse = [&](const std::string& what) {
    throw Error(Errc::kUnsupported, cat("cannot be repacked: ", escape(entry.name), " ", what));
  };
  if (!is_numeric(entry.dtype)) refuse("is no tensor");
  if (!entry.aliases.empty()) refuse("has a second name");
  if (!entry.native_dtype.empty() && entry.native_dtype.view().front() == '>') refuse("is big-endian");
  const Storage::Kind kind = census.variables[i].kind;
  if (kind != Storage::Kind::kContiguous && kind != Storage::Kind::kUnallocated) {
    refuse("is stored in chunks or compact, which would be lost");
  }
  VariableSpec spec{.name = name, .dtype = entry.dtype, .shape = entry.shape, .collections = {}};
  for (const auto& attribute : original.details(i).attributes) {
    if (attribute.name != "dtype") {
      refuse(cat("has the attribute '", escape(attribute.name), "', which would be lost"));
    }
  }
  return spec;
}

}  // namespace

void check_repackable(const Census& census) {
  if (census.layout != "native") {
    throw Error(Errc::kUnsupported, cat("cannot be repacked: its layout is ", escape(census.layout),
                                        "; files in this program's own layout can"));
  }
  std::size_t links = 0;
  census.links.visit([&](const std::string&, const TreeLink&, const LinkGroup* entered) {
    if (entered == nullptr) ++links;
  });
  if (links != census.variables.size()) {
    throw Error(Errc::kUnsupported,
                "cannot be repacked: it holds links or objects beside its variables, which would "
                "be lost");
  }
}

std::uint64_t repack_native(const Reader& original, const Census& census, const Wishes& wishes,
                            const Edit& edit, const std::string& target, Overwrite overwrite) {
  std::vector<VariableSpec> specs;
  std::vector<std::size_t> entries;
  for (const auto& wish : wishes.names) {
    if (wish.to.empty()) continue;
    specs.push_back(spec_of(original, census, wish.entry, std::string(wish.to)));
    entries.push_back(wish.entry);
  }
  for (const Put& put : edit.puts) specs.push_back(put.spec);
  auto writer = kHdf5Format.create(target, specs, CreateOptions{overwrite});
  for (std::size_t i = 0; i < entries.size(); ++i) {
    original.check_whole(entries[i]);
    for_each_piece(original, entries[i],
                   [&](std::uint64_t, ByteView bytes) { writer->write(i, bytes); });
  }
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    edit.puts[p].produce(original,
                         [&](ByteView bytes) { writer->write(entries.size() + p, bytes); });
  }
  writer->commit();
  struct stat status {};
  return ::stat(target.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace ckpt::hdf5
