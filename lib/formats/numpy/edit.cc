#include "formats/numpy/edit.h"

#include <map>

#include "core/string_pool.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/edit/outcome.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/npy.h"
#include "formats/numpy/array_reader.h"
#include "formats/numpy/npz_writer.h"
#include "formats/zip/archive_writer.h"

namespace ckpt::numpy {
namespace {

// The members of the new archive, in the old one's order; a put has the place of what it replaces.
struct Outline {
  std::vector<zip::NewMember> members;
  std::vector<std::size_t> puts;  // those of the members that are no copies
  StringPool names;
};

// REQUIRES: `index` is that of the archive with the members `old`, and `wishes` are for it.
Outline outline_of(const std::vector<zip::Member>& old, const Index& index, const Wishes& wishes,
                   const Edit& edit) {
  std::multimap<std::string_view, std::size_t> puts_at;  // what they replace → which
  for (std::size_t p = 0; p < edit.puts.size(); ++p) puts_at.emplace(edit.puts[p].replaces, p);

  Outline outline;
  outline.members.reserve(old.size() + edit.puts.size());
  const auto add_puts = [&](std::string_view replaced) {
    const auto [begin, end] = puts_at.equal_range(replaced);
    for (auto it = begin; it != end; ++it) {
      const VariableSpec& spec = edit.puts[it->second].spec;
      outline.members.push_back(
          {outline.names.add(spec.name + ".npy"),
           npy_header(spec.dtype, spec.shape).size() + tensor_bytes(spec.dtype, spec.shape)});
      outline.puts.push_back(it->second);
    }
    puts_at.erase(begin, end);
  };
  std::size_t entry = 0;  // the next one; arrays are listed in the order of their members
  for (const zip::Member& member : old) {
    const bool is_array =
        entry < index.entries.size() && place_of(index.entries[entry]) == member.name;
    if (!is_array) {
      outline.members.push_back({member.name, member.size, &member});
      continue;
    }
    const Wishes::Name& wish = wishes.names[entry++];
    if (wish.to == wish.from) {
      outline.members.push_back({member.name, member.size, &member});
    } else if (!wish.to.empty()) {
      outline.members.push_back({outline.names.add(cat(wish.to, ".npy")), member.size, &member});
    }
    add_puts(wish.from);
  }
  while (!puts_at.empty()) add_puts(puts_at.begin()->first);
  return outline;
}

// Writes the new archive, and gives the bytes of new tensors. `original` may be null where there
// are none.
std::uint64_t write_archive(Rewrite& rewrite, const Reader* original, Outline outline,
                            const Edit& edit) {
  const std::size_t count = outline.members.size();
  zip::ArchiveWriter archive(rewrite.out(), std::move(outline.members));
  std::uint64_t tensor_bytes = 0;
  auto put_at = outline.puts.begin();
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto* source = archive.member(i).copy_of) {
      rewrite.keep(source->data_offset, archive.data_offset(i), source->stored_bytes);
      continue;
    }
    const Put& put = edit.puts[*put_at++];
    archive.append(i, as_byte_view(npy_header(put.spec.dtype, put.spec.shape)));
    stream_put(put, *original, [&](ByteView bytes) { archive.append(i, bytes); });
    tensor_bytes += archive.member(i).size;
  }
  archive.finish();
  return tensor_bytes;
}

}  // namespace

EditResult edit_npz(const std::string& path, const std::string& target, const Edit& edit,
                    const EditOptions& options) {
  Rewrite rewrite(path, target, options);
  auto original = ArrayReader::open_archive(view_file(rewrite.fd()));
  const Wishes wishes = resolve(original->index().entries, edit);
  const Before before(original->index());
  std::vector<VariableSpec> made;
  for (const Put& put : edit.puts) made.push_back(put.spec);
  check_specs(made);
  EditResult result;
  result.operations = operations_of(wishes, edit, options);
  result.size_before = result.size_after = rewrite.original().size();
  if (options.plan_only || (target.empty() && !has_changes(wishes, edit))) return result;

  {
    const zip::Archive old = zip::read_archive(rewrite.original());
    Outline outline = outline_of(old.members, original->index(), wishes, edit);
    if (edit.puts.empty()) original.reset();
    result.tensor_bytes = write_archive(rewrite, original.get(), std::move(outline), edit);
  }
  original.reset();
  check_outcome(before, wishes, edit,
                ArrayReader::open_archive(view_file(rewrite.out().fd()))->index());
  return rewrite.commit(std::move(result));
}

}  // namespace ckpt::numpy
