// PyTorch's file before version 1.6: pickles one after the other, then storages.
//
//   a pickle of the number 0x1950a86a20f9469cfc6c
//   a pickle of the protocol, 1001
//   a pickle of a dict: "little_endian", sizes of types
//   the pickle of what was saved; storages are named by a key
//   a pickle of a list of keys: the order of the storages
//   for each: the number of its elements, 8 bytes; the elements
#include <algorithm>
#include <optional>
#include <unordered_map>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"
#include "formats/torch/reader.h"

namespace ckpt::torch {
namespace {

using namespace std::string_view_literals;

// LONG1 of 10 bytes, the number's.
constexpr std::string_view kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr std::int64_t kProtocol = 1001;
constexpr std::uint64_t kFirstTry = std::uint64_t{64} << 10;

class LegacySource final : public StorageSource {
 public:
  LegacySource(std::unique_ptr<RandomFile> file, std::vector<std::uint64_t> offsets)
      : file_(std::move(file)), offsets_(std::move(offsets)) {}

  void read(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const override {
    file_->read_at(offsets_[i] + offset, out);
  }

  [[nodiscard]] std::string name_of(std::size_t i) const override {
    return cat("byte ", offsets_[i]);
  }

 private:
  std::unique_ptr<RandomFile> file_;
  std::vector<std::uint64_t> offsets_;
};

// Reads the pickle at `offset` with as much of the file as it takes; `bytes` keeps them.
Pickle pickle_at(const RandomFile& file, std::uint64_t offset, Bytes& bytes) {
  for (std::uint64_t size = kFirstTry;; size *= 4) {
    const std::uint64_t left = file.size() - offset;
    bytes.resize(static_cast<std::size_t>(std::min({size, left, kLargestPickle})));
    file.read_at(offset, bytes);
    try {
      return read_pickle(bytes);
    } catch (const PickleIsCut&) {
      if (bytes.size() == left) {
        throw Error(Errc::kCorrupt, cat("its pickle at ", offset, " asks for more than the ", left,
                                        " bytes that are left"));
      }
      if (bytes.size() == kLargestPickle) {
        throw Error(Errc::kUnsupported,
                    cat("its pickle at ", offset, " has more than ", kLargestPickle, " bytes"));
      }
    }
  }
}

// "little_endian" of the third pickle; a file that does not say is little-endian.
bool is_little_endian(const Pickle& pickle) {
  const Node& root = pickle.nodes[pickle.root];
  if (root.kind != Kind::kDict) return true;
  const auto items = pickle.items_of(root);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const Node& key = pickle.nodes[items[i]];
    const Node& value = pickle.nodes[items[i + 1]];
    const bool is_order = key.kind == Kind::kText && key.text() == "little_endian";
    if (is_order && value.kind == Kind::kBool) return value.number != 0;
  }
  return true;
}

}  // namespace

bool is_legacy(const RandomFile& file) {
  std::string start(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), 32)), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(start)));
  return start.starts_with('\x80') && start.find(kMagic) != std::string::npos;
}

std::unique_ptr<Reader> open_legacy(std::unique_ptr<RandomFile> file) {
  Content content;
  content.index.format = "PyTorch";
  content.index.file_bytes = file->size();
  std::uint64_t at = 0;
  Bytes bytes;
  const auto next = [&] {
    Pickle pickle = pickle_at(*file, at, bytes);
    at += pickle.size;
    return pickle;
  };
  const Pickle magic = next();
  const Pickle protocol = next();
  const Node& number = protocol.nodes[protocol.root];
  if (magic.nodes[magic.root].kind != Kind::kBigInt || number.kind != Kind::kInt ||
      number.number != kProtocol) {
    throw Error(Errc::kUnsupported, cat("does not say that it is of protocol ", kProtocol,
                                        ", the one that PyTorch's old files have"));
  }
  content.big_endian = !is_little_endian(next());
  content.pickle = pickle_at(*file, at, content.bytes);
  const Pickle& pickle = content.pickle;
  at += pickle.size;
  const Pickle keys = next();
  const Node& order = keys.nodes[keys.root];
  if (order.kind != Kind::kList) {
    throw Error(Errc::kCorrupt, "does not list its storages behind its pickle");
  }

  std::unordered_map<std::string_view, std::size_t> by_key;
  for (std::size_t i = 0; i < pickle.storages.size(); ++i) by_key[pickle.storages[i].key] = i;
  std::vector<std::optional<std::uint64_t>> found(pickle.storages.size());
  for (const Ref ref : keys.items_of(order)) {
    const Node& node = keys.nodes[ref];
    const std::string_view key = node.kind == Kind::kText ? node.text() : "";
    const auto it = by_key.find(key);
    if (node.kind != Kind::kText || it == by_key.end() || found[it->second]) {
      throw Error(Errc::kCorrupt, cat("lists a storage '", escape(key),
                                      "' that its pickle does not name, or lists it twice"));
    }
    const Storage& storage = pickle.storages[it->second];
    Bytes count_bytes(8);
    file->read_at(at, count_bytes);
    const auto order_of_bytes = content.big_endian ? ByteOrder::kBig : ByteOrder::kLittle;
    const auto count = decode_number<std::uint64_t>(count_bytes, order_of_bytes);
    const auto size = checked_mul(count, std::uint64_t{pickle.type_of(storage).size});
    const auto end = size ? checked_add(at + 8, *size) : std::nullopt;
    if (count != static_cast<std::uint64_t>(storage.count) || !end || *end > file->size()) {
      throw Error(Errc::kCorrupt, cat("storage ", escape(key), " has ", count, " elements at ",
                                      at + 8, "; its pickle says ", storage.count,
                                      ", and the file ends at ", file->size()));
    }
    found[it->second] = at + 8;
    at = *end;
  }
  std::vector<std::uint64_t> offsets;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      throw Error(Errc::kCorrupt, cat("has no storage '", escape(pickle.storages[i].key),
                                      "', which its pickle names"));
    }
    offsets.push_back(*found[i]);
  }
  if (at < file->size()) {
    content.index.notes.push_back(
        cat(count_of(file->size() - at, "byte"), " behind the last storage"));
  }
  content.source = std::make_unique<LegacySource>(std::move(file), std::move(offsets));
  return make_reader(std::move(content));
}

}  // namespace ckpt::torch
