// PyTorch's file since version 1.6: a zip archive of stored members, each aligned to 64 bytes.
//
//   NAME/data.pkl      the pickle; storages are named by a key
//   NAME/data/KEY      a storage's bytes
//   NAME/byteorder     "little" or "big"; absent in older files, which are little-endian
//   NAME/version       of the container
//
// A TorchScript archive has NAME/code/… and NAME/constants.pkl as well.
#include "formats/torch/archive.h"

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/name_index.h"
#include "core/text.h"
#include "formats/torch/reader.h"
#include "formats/zip/archive.h"
#include "formats/zip/contents.h"

namespace ckpt::torch {
namespace {

class ArchiveSource final : public StorageSource {
 public:
  ArchiveSource(std::unique_ptr<zip::Contents> contents, std::vector<std::uint32_t> members)
      : contents_(std::move(contents)), members_(std::move(members)) {}

  void read(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const override {
    contents_->read(members_[i], offset, out);
  }

  [[nodiscard]] std::string name_of(std::size_t i) const override {
    return std::string(contents_->members()[members_[i]].name);
  }

 private:
  std::unique_ptr<zip::Contents> contents_;
  std::vector<std::uint32_t> members_;  // of each storage
};

Bytes unpack(const zip::Contents& contents, std::size_t member, std::uint64_t largest) {
  const zip::Member& found = contents.members()[member];
  if (found.size > largest) {
    throw Error(Errc::kUnsupported, cat(escape(found.name), " has ", found.size, " bytes; at most ",
                                        largest, " are read"));
  }
  Bytes bytes(static_cast<std::size_t>(found.size));
  contents.read(member, 0, bytes);
  return bytes;
}

}  // namespace

std::size_t find_pickle(const std::vector<zip::Member>& members) {
  std::vector<std::size_t> pickles;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].name.ends_with(kPickle)) pickles.push_back(i);
  }
  if (pickles.size() != 1) {
    throw Error(Errc::kCorrupt, cat("has ", pickles.size(),
                                    " members NAME/data.pkl; a PyTorch file "
                                    "has 1"));
  }
  return pickles[0];
}

std::string root_of(const zip::Member& pickle) {
  return std::string(pickle.name.substr(0, pickle.name.size() - kPickle.size()));
}

Bytes read_pickle_member(const zip::Contents& contents, std::size_t member) {
  return unpack(contents, member, kLargestPickle);
}

Content read_archive(std::unique_ptr<RandomFile> file) {
  Content content;
  content.index.format = "PyTorch";
  content.index.file_bytes = file->size();
  zip::Archive archive = zip::read_archive(*file);
  auto contents = std::make_unique<zip::Contents>(std::move(file), std::move(archive));

  const auto& members = contents->members();
  const auto name_of = [&](std::uint32_t i) { return members[i].name; };
  NameIndex by_name(members.size());
  for (std::uint32_t i = 0; i < members.size(); ++i) by_name.add(i, name_of);
  const std::size_t pickle_member = find_pickle(members);
  const std::string root = root_of(members[pickle_member]);
  const auto find = [&](std::string_view name) {
    return by_name.find(cat(root, "/", name), name_of);
  };
  if (const std::uint32_t order = find("byteorder"); order != NameIndex::kNone) {
    const Bytes bytes = unpack(*contents, order, 64);
    const std::string_view text = as_text(bytes);
    if (text != "little" && text != "big") {
      throw Error(Errc::kCorrupt,
                  cat("its byte order is '", escape(text), "'; 'little' and 'big' are known"));
    }
    content.big_endian = text == "big";
  }

  const Bytes& bytes = content.bytes = read_pickle_member(*contents, pickle_member);
  Pickle& pickle = content.pickle;
  try {
    pickle = read_pickle(bytes);
  } catch (const PickleIsCut&) {
    throw Error(Errc::kCorrupt, cat("its pickle asks for more than its ", bytes.size(), " bytes"));
  }
  if (pickle.size < bytes.size()) {
    content.index.notes.push_back(
        cat(count_of(bytes.size() - pickle.size, "byte"), " behind the end of the pickle"));
  }
  std::vector<std::uint32_t> of_storage;
  std::size_t longer = 0;
  for (const Storage& storage : pickle.storages) {
    const std::uint32_t member = find(cat("data/", storage.key));
    if (member == NameIndex::kNone) {
      throw Error(Errc::kCorrupt, cat("has no member ", escape(cat(root, "/data/", storage.key)),
                                      ", a storage that its pickle names"));
    }
    const std::uint32_t unit = pickle.type_of(storage).size;
    const auto needed = checked_mul(static_cast<std::uint64_t>(storage.count), std::uint64_t{unit});
    const std::uint64_t size = members[member].size;
    if (!needed || *needed > size) {
      throw Error(Errc::kCorrupt,
                  cat("storage ", escape(storage.key), " has ", size, " bytes; its ", storage.count,
                      " elements of ", unit, " bytes need more"));
    }
    if (*needed < size) ++longer;
    of_storage.push_back(member);
  }
  if (longer > 0) {
    content.index.notes.push_back(cat(count_of(longer, "storage"), longer == 1 ? " is" : " are",
                                      " longer than the pickle says"));
  }
  if (find("constants.pkl") != NameIndex::kNone) {
    content.index.notes.push_back(
        "it is a TorchScript archive: its attributes are listed, its code "
        "and the constants of its code are not");
  }
  content.source = std::make_unique<ArchiveSource>(std::move(contents), std::move(of_storage));
  return content;
}

std::unique_ptr<Reader> open_archive(std::unique_ptr<RandomFile> file) {
  return make_reader(read_archive(std::move(file)));
}

}  // namespace ckpt::torch
