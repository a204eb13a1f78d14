#include "formats/torch/edit.h"

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

std::set<std::string> storages_of(const std::string& pickle) {
  std::set<std::string> keys;
  for (const Storage& storage : read_pickle(as_byte_view(std::string_view(pickle))).storages) {
    keys.insert(storage.key);
  }
  return keys;
}

void refuse_what_cannot(const std::vector<zip::Member>& members, const std::string& root,
                        const Reader& original, const Edit& edit) {
  for (const zip::Member& member : members) {
    if (member.name == root + "/constants.pkl") {
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

  const zip::Contents contents(view_file(rewrite.fd()), zip::read_archive(rewrite.original()));
  const auto& old = contents.members();
  const std::size_t pickle = find_pickle(old);
  const std::string root = root_of(old[pickle]);
  refuse_what_cannot(old, root, *original, edit);
  const std::string old_pickle = read_pickle_member(contents, pickle);
  const EditedPickle edited = edit_pickle(old_pickle, wishes, edit);
  if (options.plan_only || (target.empty() && result.operations.empty())) return result;

  const auto used_before = storages_of(old_pickle);
  const auto used_after = storages_of(edited.bytes);
  const std::string data = root + "/data/";
  std::vector<zip::NewMember> members;
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (i == pickle) {
      members.push_back({old[i].name, edited.bytes.size()});
      continue;
    }
    if (old[i].name.starts_with(data)) {
      const std::string key = old[i].name.substr(data.size());
      if (used_before.contains(key) && !used_after.contains(key)) continue;
    }
    members.push_back({old[i].name, old[i].size, old[i]});
  }
  const std::size_t first_put = members.size();
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    const VariableSpec& spec = edit.puts[p].spec;
    members.push_back({data + edited.storages[p], tensor_bytes(spec.dtype, spec.shape)});
  }

  zip::ArchiveWriter archive(rewrite.out(), members);
  for (std::size_t i = 0; i < first_put; ++i) {
    if (const auto& source = members[i].copy_of) {
      rewrite.keep(source->data_offset, archive.data_offset(i), source->stored_bytes);
    } else {
      archive.append(i, as_byte_view(std::string_view(edited.bytes)));
    }
  }
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    stream_put(edit.puts[p], *original,
               [&](ByteView bytes) { archive.append(first_put + p, bytes); });
    result.tensor_bytes += members[first_put + p].size;
  }
  archive.finish();
  const auto written = open_archive(view_file(rewrite.out().fd()));
  check_outcome(original->index(), wishes, edit, written->index());
  check_places(original->index(), wishes, written->index());
  return rewrite.commit(std::move(result));
}

}  // namespace ckpt::torch
