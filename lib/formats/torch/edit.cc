#include "formats/torch/edit.h"

#include <algorithm>

#include "core/blocks.h"
#include "core/error.h"
#include "core/name_set.h"
#include "core/string_pool.h"
#include "core/tensor.h"
#include "formats/edit/outcome.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/torch/archive.h"
#include "formats/torch/edited_pickle.h"
#include "formats/torch/pickle.h"
#include "formats/torch/reader.h"
#include "formats/zip/archive_writer.h"

namespace ckpt::torch {
namespace {

// Keys of storages.
class Keys {
 public:
  void add(std::string_view key) { set_.insert(strings_.add(key)); }
  [[nodiscard]] bool contains(std::string_view key) const { return set_.contains(key); }

 private:
  StringPool strings_;
  NameSet set_;
};

// Those that only tensors which are dropped had.
Keys unused_storages(const EditedPickle& edited, const Wishes& wishes) {
  Keys used;
  Keys unused;
  const auto is_drop = [](const Wishes::Name& name) { return name.to.empty(); };
  if (std::ranges::none_of(wishes.names, is_drop)) return unused;
  const auto for_each_key = [](const Bytes& pickle, const auto& take) {
    for (const Storage& storage : read_pickle(pickle).storages) take(storage.key);
  };
  for_each_key(edited.bytes(), [&](std::string_view key) { used.add(key); });
  for_each_key(edited.old, [&](std::string_view key) {
    if (!used.contains(key)) unused.add(key);
  });
  return unused;
}

Bytes editable_pickle(const Rewrite& rewrite) {
  const zip::Contents contents(view_file(rewrite.fd()), zip::read_archive(rewrite.original()));
  const std::size_t pickle = find_pickle(contents.members());
  const std::string constants = root_of(contents.members()[pickle]) + "/constants.pkl";
  if (std::ranges::count(contents.members(), constants, &zip::Member::name) > 0) {
    throw Error(Errc::kUnsupported,
                "is a TorchScript archive, whose code has the names too; `ckpt convert` writes its "
                "variables as a state dict");
  }
  return read_pickle_member(contents, pickle);
}

void refuse_big_endian(const Index& index) {
  for (const Entry& entry : index.entries) {
    if (entry.native_dtype.view().starts_with('>')) {
      throw Error(Errc::kUnsupported,
                  "is big-endian, and new tensors are written little-endian; `ckpt convert` writes "
                  "all of it anew");
    }
  }
}

void append_pickle(zip::ArchiveWriter& archive, std::size_t member, const EditedPickle& pickle) {
  Blocks blocks([&](ByteView block) { archive.append(member, block); });
  pickle.for_each_piece([&](ByteView piece) { blocks.add(piece); });
  blocks.flush();
}

// Writes the new archive, and gives the bytes of new tensors. Without `writes` it only throws what
// the pickle cannot express. `original` may be null where there are no puts.
std::uint64_t write_archive(Rewrite& rewrite, const Reader* original, const Wishes& wishes,
                            const Edit& edit, bool writes) {
  if (!edit.puts.empty()) refuse_big_endian(original->index());
  const EditedPickle edited = edit_pickle(editable_pickle(rewrite), wishes, edit);
  if (!writes) return 0;
  const Keys unused = unused_storages(edited, wishes);

  const zip::Archive archive_before = zip::read_archive(rewrite.original());
  const auto& old = archive_before.members;
  const std::size_t pickle = find_pickle(old);
  const std::string data = root_of(old[pickle]) + "/data/";
  StringPool names;
  std::vector<zip::NewMember> members;
  members.reserve(old.size() + edit.puts.size());
  for (std::size_t i = 0; i < old.size(); ++i) {
    const std::string_view name = old[i].name;
    if (i == pickle) {
      members.push_back({name, edited.size()});
    } else if (!name.starts_with(data) || !unused.contains(name.substr(data.size()))) {
      members.push_back({name, old[i].size, &old[i]});
    }
  }
  const std::size_t first_put = members.size();
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    const VariableSpec& spec = edit.puts[p].spec;
    members.push_back({names.add(data + edited.storages[p]), tensor_bytes(spec.dtype, spec.shape)});
  }

  zip::ArchiveWriter archive(rewrite.out(), std::move(members));
  for (std::size_t i = 0; i < first_put; ++i) {
    if (const auto* source = archive.member(i).copy_of) {
      rewrite.keep(source->data_offset, archive.data_offset(i), source->stored_bytes);
    } else {
      append_pickle(archive, i, edited);
    }
  }
  std::uint64_t made = 0;
  for (std::size_t p = 0; p < edit.puts.size(); ++p) {
    stream_put(edit.puts[p], *original,
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
  EditResult result;
  result.size_before = result.size_after = rewrite.original().size();
  {
    auto original = open_archive(view_file(rewrite.fd()));
    const Wishes wishes = resolve(original->index().entries, edit);
    const Before before(original->index(), Places::kStay);
    if (edit.puts.empty()) original.reset();
    rewrite.expect_kept(wishes.names.size());

    const bool writes = !options.plan_only && (!target.empty() || has_changes(wishes, edit));
    result.tensor_bytes = write_archive(rewrite, original.get(), wishes, edit, writes);
    original.reset();
    if (writes) {
      OutcomeCheck check(before, wishes, edit);
      for_each_name(read_archive(view_file(rewrite.out().fd())),
                    [&](const Entry& entry) { check.see(entry.name, entry); });
      check.finish();
    }
    result.operations = operations_of(wishes, edit, options);
    if (!writes) return result;
  }
  return rewrite.commit(std::move(result));
}

}  // namespace ckpt::torch
