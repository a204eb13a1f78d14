#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/bytes.h"

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

// Opens a regular file for reading and takes a shared lock on it (flock), so that a writer which
// locks, as HDF5's own library does, is noticed. The lock lasts as long as the object.
// Throws Error: kNotFound where there is no such file; kIo where it is a directory or a device,
// may not be read, or is locked by a program that writes it. Messages do not name the file: the
// caller does, with Error::in().
std::unique_ptr<RandomFile> open_file(const std::string& path);

// The file of an open descriptor, which is duplicated, with the length that it has now. No lock is
// taken. Throws Error(kIo).
std::unique_ptr<RandomFile> view_file(int fd);

// A copy of `bytes` as a file.
std::unique_ptr<RandomFile> memory_file(Bytes bytes);

}  // namespace ckpt
