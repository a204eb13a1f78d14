#include "formats/numpy/edit.h"

#include <map>

#include "core/tensor.h"
#include "core/text.h"
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
  std::vector<std::optional<std::size_t>> puts;  // which one a member is
};

Outline outline_of(const std::vector<zip::Member>& old, const Index& index, const Wishes& wishes,
                   const Edit& edit) {
  std::map<std::string_view, const Wishes::Name*> wish_of;  // by member
  for (const auto& name : wishes.names) wish_of[place_of(index.entries[name.entry])] = &name;
  std::multimap<std::string_view, std::size_t> puts_at;  // what they replace → which
  for (std::size_t p = 0; p < edit.puts.size(); ++p) puts_at.emplace(edit.puts[p].replaces, p);

  Outline outline;
  const auto add_puts = [&](std::string_view replaced) {
    const auto [begin, end] = puts_at.equal_range(replaced);
    for (auto it = begin; it != end; ++it) {
      const VariableSpec& spec = edit.puts[it->second].spec;
      outline.members.push_back({spec.name + ".npy", npy_header(spec.dtype, spec.shape).size() +
                                                         tensor_bytes(spec.dtype, spec.shape)});
      outline.puts.emplace_back(it->second);
    }
    puts_at.erase(begin, end);
  };
  for (const zip::Member& member : old) {
    const auto it = wish_of.find(member.name);
    const Wishes::Name* wish = it == wish_of.end() ? nullptr : it->second;
    if (wish == nullptr || !wish->to.empty()) {
      const bool stays = wish == nullptr || wish->to == wish->from;
      outline.members.push_back({stays ? member.name : cat(wish->to, ".npy"), member.size, member});
      outline.puts.emplace_back();
    }
    if (wish != nullptr) add_puts(wish->from);
  }
  while (!puts_at.empty()) add_puts(puts_at.begin()->first);
  return outline;
}

}  // namespace

EditResult edit_npz(const std::string& path, const std::string& target, const Edit& edit,
                    const EditOptions& options) {
  Rewrite rewrite(path, target, options);
  const auto original = ArrayReader::open_archive(view_file(rewrite.fd()));
  const Wishes wishes = resolve(original->index().entries, edit);
  std::vector<VariableSpec> made;
  for (const Put& put : edit.puts) made.push_back(put.spec);
  check_specs(made);
  EditResult result;
  result.operations = operations_of(wishes, edit);
  result.size_before = result.size_after = rewrite.original().size();
  if (options.plan_only || (target.empty() && result.operations.empty())) return result;

  const auto old = zip::read_archive(rewrite.original());
  const Outline outline = outline_of(old, original->index(), wishes, edit);
  zip::ArchiveWriter archive(rewrite.out(), outline.members);
  for (std::size_t i = 0; i < outline.members.size(); ++i) {
    if (const auto& source = outline.members[i].copy_of) {
      rewrite.keep(source->data_offset, archive.data_offset(i), source->stored_bytes);
      continue;
    }
    const Put& put = edit.puts[*outline.puts[i]];
    archive.append(i, as_byte_view(npy_header(put.spec.dtype, put.spec.shape)));
    stream_put(put, *original, [&](ByteView bytes) { archive.append(i, bytes); });
    result.tensor_bytes += outline.members[i].size;
  }
  archive.finish();
  check_outcome(original->index(), wishes, edit,
                ArrayReader::open_archive(view_file(rewrite.out().fd()))->index());
  return rewrite.commit(std::move(result));
}

}  // namespace ckpt::numpy
