#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/bytes.h"
#include "core/system.h"

namespace ckpt {

// Bytes at offsets, for reading: a file, or a piece of memory in tests.
class RandomFile {
 public:
  virtual ~RandomFile() = default;
  RandomFile() = default;
  RandomFile(const RandomFile&) = delete;
  RandomFile& operator=(const RandomFile&) = delete;

  [[nodiscard]] virtual std::uint64_t size() const = 0;

  // Fills `out` with the bytes at `offset`. Throws Error(kCorrupt) where the file ends before, and
  // Error(kIo) where the system cannot read. Safe to call from several threads.
  virtual void read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;

  // The open file whose bytes these are, offset for offset; empty where they are something else.
  [[nodiscard]] virtual std::optional<int> descriptor() const { return std::nullopt; }
};

// The file of an open descriptor, which it owns from now on, with the length that it has now.
// Throws Error(kIo).
std::unique_ptr<RandomFile> own_file(FileDescriptor fd);

// The same of a duplicate of the descriptor: a lock that it has lasts as long as either.
std::unique_ptr<RandomFile> view_file(int fd);

// A copy of `bytes` as a file.
std::unique_ptr<RandomFile> memory_file(Bytes bytes);

}  // namespace ckpt
