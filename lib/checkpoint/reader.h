#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/entry.h"
#include "core/tensor.h"
#include "storage/locked_file.h"

namespace ckpt {

// Something of a damaged file that cannot be read.
struct Loss {
  std::string name;    // of a variable or scope, as far as it is known
  std::string reason;  // "offset 4096 + 800 bytes passes the end of the file (4500)"

  friend bool operator==(const Loss&, const Loss&) = default;
};

// All that a checkpoint says of itself without a tensor being read. Plain data.
struct Index {
  std::string format;    // "HDF5", "memory"
  std::string layout;    // how the format arranges names: "native", "keras-2 weights", …
  char separator = '/';  // between the segments of a name
  std::uint64_t file_bytes = 0;
  std::vector<Entry> entries;      // in the file's order; no name twice
  std::vector<std::string> notes;  // oddities that did not stop the reading, a sentence each
  // What the file calls the layer whose variables a scope holds, where that is another word:
  // "layers/dense" → "dense_19" in a Keras 3 file.
  std::map<std::string, std::string, std::less<>> layers;
  std::vector<Loss> lost;  // of a damaged file that was opened to salvage what is whole
};

// The layer that has the variable or scope `name`, by Index::layers; empty where that has none.
std::string layer_of(const Index& index, std::string_view name);

// What a file says of itself as a whole, beside its variables: name to text, sorted by name. Names
// are the format's own. A whole Keras model has "model_config", "keras_version" and "backend".
using Metadata = std::map<std::string, std::string, std::less<>>;

// An open checkpoint. It is valid as long as it exists: open() has checked the whole index, or
// thrown. Tensors are read when they are asked for.
class Reader {
 public:
  virtual ~Reader() = default;
  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  [[nodiscard]] virtual const Index& index() const = 0;

  // The state of the file that was opened, for an edit that is planned on what is read here
  // (EditOptions::planned_on); all zeros where it was none.
  [[nodiscard]] const FileStamp& stamp() const { return stamp_; }
  void set_stamp(const FileStamp& stamp) { stamp_ = stamp; }

  // The position of a variable by its name or an alias of it.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

  // Reads elements [first, first + out.size() / element size) in row-major order of entry `i` into
  // `out`: little-endian, whatever the file has. Uses no more memory than `out`, a read buffer of
  // fixed size, and where the file is chunked one chunk.
  // Throws Error: kUnsupported for a dtype that is no tensor, storage outside of the file or an
  // unknown filter; kCorrupt where the stored bytes are damaged; kIo where the system cannot read.
  // REQUIRES: i < entries, out.size() a multiple of the element size, the range inside the tensor.
  void read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const;

  // The whole tensor. Throws also as check_whole() does.
  [[nodiscard]] Tensor read(std::size_t i) const;

  // Throws Error(kUnsupported) where entry `i` cannot be taken whole, though pieces of it could be
  // read: its storage is outside of the file, or it declares gigabytes where next to nothing is
  // stored. For those who are about to stream all of it.
  void check_whole(std::size_t i) const;

  // The box of `count` elements from `start` in each dimension, as a tensor of shape `count`.
  // Throws Error(kInvalid) where the box is not inside the tensor.
  [[nodiscard]] Tensor read_slice(std::size_t i, const Shape& start, const Shape& count) const;

  // May several threads read entry `i` at once, and while others read other such entries? Other
  // entries, and details(), are for one thread at a time.
  [[nodiscard]] virtual bool is_concurrent(std::size_t /*i*/) const { return false; }

  // How entry `i` is stored, and its attributes.
  [[nodiscard]] virtual Details details(std::size_t i) const = 0;

  // Read when it is asked for; what is no text is left out. Throws Error(kCorrupt) where the file
  // is damaged there. Empty where a format has none, or none that is read.
  [[nodiscard]] virtual Metadata metadata() const { return {}; }

  // What is left out there, in a few words each: what is no text by its name ("alignment"), and
  // what is said of variables or scopes alone ("units of dense/kernel").
  [[nodiscard]] virtual std::vector<std::string> other_metadata() const { return {}; }

  // Damage that no tensor shows, such as a checksum of the whole container that does not match.
  // Reads all of the file. Throws Error(kIo).
  [[nodiscard]] virtual std::vector<Loss> check_container() const { return {}; }

 private:
  FileStamp stamp_;

  virtual void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const = 0;
  virtual void do_check_whole(std::size_t /*i*/) const {}
};

// Reads entry `i` from its first to its last byte in pieces of at most a megabyte, whole elements
// each, and gives `f` each piece with its offset in bytes. Throws what Reader::read() throws.
void for_each_piece(const Reader& reader, std::size_t i,
                    const std::function<void(std::uint64_t, ByteView)>& f);

}  // namespace ckpt
