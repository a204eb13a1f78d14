#include "formats/torch/edit.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/torch/archive.h"
#include "formats/torch/edited_pickle.h"
#include "formats/torch/pickle.h"
#include "formats/torch/reader.h"
#include "formats/zip/archive_writer.h"

namespace ckpt::torch {
namespace {

using Keys = std::set<std::string, std::less<>>;

Keys storages_of(ByteView pickle) {
  Keys keys;
  for (const Storage& storage : read_pickle(pickle).storages) keys.emplace(storage.key);
  return keys;
}

// The storages that only tensors which are dropped had.
Keys unused_storages(ByteView before, std::string_view after, const Wishes& wishes) {
  Keys keys;
  if (std::ranges::all_of(wishes.names, [](const auto& name) { return !name.to.empty(); })) {
    return keys;
  }
  const Keys used = storages_of(as_byte_view(after));
  for (const std::string& key : storages_of(before)) {
    if (!used.contains(key)) keys.insert(key);
  }
  return keys;
}

void refuse_what_cannot(const std::vector<zip::Member>& members, const std::string& root,
                        const Reader& original, const Edit& edit) {
  const std::string constants = root + "/constants.pkl";
  for (const zip::Member& member : members) {
    if (member.name == constants) {
      throw Error(Errc::kUnsupported,
                  "is a TorchScript archive, whose code has the names too; `ckpt convert` writes "
                  "its variables as a state dict");
    }
  }
  if (edit.puts.empty()) return;
  for (const Entry& entry : original.index().entries) {
    if (entry.native_dtype.view().starts_with('>')) {
      throw Error(Errc::kUnsupported,
                  "is big-endian, and new tensors are written little-endian; `ckpt convert` writes "
                  "all of it anew");
    }
  }
}

// Every name leads to the bytes that it had before, or its old name.
void check_places(const Index& before, const Wishes& wishes, const Index& after) {
  std::map<std::string_view, std::string_view> place_by_name;
  for (const Entry& entry : after.entries) {
    place_by_name[entry.name] = place_of(entry);
    for (const std::string& alias : entry.aliases) place_by_name[alias] = place_of(entry);
  }
  for (const auto& name : wishes.names) {
    if (name.to.empty() || place_by_name[name.to] == place_of(before.entries[name.entry])) continue;
    throw Error(Errc::kWrite, cat("what was written reads back as something else (",
                                  escape(name.to), "); it was taken back"));
  }
}

// Writes the new archive, and gives the bytes of new tensors. Without `writes` it only throws what
// the pickle cannot express.
std::uint64_t write_archive(Rewrite& rewrite, const Reader& original, const Wishes& wishes,
                            const Edit& edit, bool writes) {
  const zip::Contents contents(view_file(rewrite.fd()), zip::read_archive(rewrite.original()));
  const auto& old = contents.members();
  const std::size_t pickle = find_pickle(old);
  const std::string root = root_of(old[pickle]);
  refuse_what_cannot(old, root, original, edit);
  const Bytes old_pickle = read_pickle_member(contents, pickle);
  const EditedPickle edited = edit_pickle(as_text(old_pickle), wishes, edit);
  if (!writes) return 0;

  const std::string data = root + "/data/";
  const Keys unused = unused_storages(old_pickle, edited.bytes, wishes);
  std::vector<zip::NewMember> members;
  members.reserve(old.size() + edit.puts.size());
  for (std::size_t i = 0; i < old.size(); ++i) {
    const std::string_view name = old[i].name;
    if (i == pickle) {
      members.push_back({std::string(name), edited.bytes.size()});
    } else if (!name.starts_with(data) || !unused.contains(name.substr(data.size()))) {
      members.push_back({std::string(name), old[i].size, &old[i]});
    }
  }
  const std::size_t first_put = members.size();
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    const VariableSpec& spec = edit.puts[p].spec;
    members.push_back({data + edited.storages[p], tensor_bytes(spec.dtype, spec.shape)});
  }

  zip::ArchiveWriter archive(rewrite.out(), std::move(members));
  for (std::size_t i = 0; i < first_put; ++i) {
    if (const auto* source = archive.member(i).copy_of) {
      rewrite.keep(source->data_offset, archive.data_offset(i), source->stored_bytes);
    } else {
      archive.append(i, as_byte_view(std::string_view(edited.bytes)));
    }
  }
  std::uint64_t made = 0;
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    stream_put(edit.puts[p], original,
               [&](ByteView bytes) { archive.append(first_put + p, bytes); });
    made += archive.member(first_put + p).size;
  }
  archive.finish();
  return made;
}

}  // namespace

EditResult edit(const std::string& path, const std::string& target, const Edit& edit,
                const EditOptions& options) {
  Rewrite rewrite(path, target, options);
  if (is_legacy(rewrite.original())) {
    throw Error(Errc::kUnsupported,
                "is a PyTorch file from before version 1.6, which is only read; `ckpt convert` "
                "writes it as a new one");
  }
  const auto original = open_archive(view_file(rewrite.fd()));
  const Wishes wishes = resolve(original->index().entries, edit);
  EditResult result;
  result.operations = operations_of(wishes, edit);
  result.size_before = result.size_after = rewrite.original().size();

  const bool writes = !options.plan_only && (!target.empty() || !result.operations.empty());
  result.tensor_bytes = write_archive(rewrite, *original, wishes, edit, writes);
  if (!writes) return result;
  const auto written = open_archive(view_file(rewrite.out().fd()));
  check_outcome(original->index(), wishes, edit, written->index());
  check_places(original->index(), wishes, written->index());
  return rewrite.commit(std::move(result));
}

}  // namespace ckpt::torch
