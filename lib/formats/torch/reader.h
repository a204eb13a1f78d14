#pragma once

#include <functional>
#include <memory>
#include <string>

#include "checkpoint/reader.h"
#include "core/file.h"
#include "formats/torch/pickle.h"

namespace ckpt::torch {

// Where the storages of a checkpoint lie.
class StorageSource {
 public:
  virtual ~StorageSource() = default;

  // Bytes of storage `i` (of Pickle::storages). REQUIRES: inside of its numbers.
  virtual void read(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const = 0;

  // "archive/data/0", "storage 0": what `Entry::place` and errors call it.
  [[nodiscard]] virtual std::string name_of(std::size_t i) const = 0;
};

struct Content {
  Index index;  // without entries
  Pickle pickle;
  Bytes bytes;  // of the pickle
  std::unique_ptr<StorageSource> source;
  bool big_endian = false;
};

// The reader of both kinds of PyTorch file. Lists what find_tensors() finds, and throws what that
// throws. Nothing of the pickle is needed afterwards.
std::unique_ptr<Reader> make_reader(Content content);

// What that reader would list, one name at a time, an alias as an entry of its own: for a check
// that has no room for an index. Throws the same.
void for_each_name(Content content, const std::function<void(const Entry&)>& take);

// A zip archive with a data.pkl. Throws Error.
Content read_archive(std::unique_ptr<RandomFile> file);
std::unique_ptr<Reader> open_archive(std::unique_ptr<RandomFile> file);

// The file that PyTorch wrote before version 1.6: pickles, then storages. Throws Error.
std::unique_ptr<Reader> open_legacy(std::unique_ptr<RandomFile> file);

// Does the file start with the pickle of PyTorch's magic number?
bool is_legacy(const RandomFile& file);

}  // namespace ckpt::torch
