#pragma once

#include <cstdint>

#include "core/bytes.h"
#include "core/file.h"

namespace ckpt {

// Small reads of a file through a buffer, for an index whose pieces lie near one another or far
// apart: a jump reads 4 KiB, going on from there reads more each time, up to 256 KiB.
class Window {
 public:
  // REQUIRES: `file` outlives the window.
  explicit Window(const RandomFile& file) : file_(file) {}

  [[nodiscard]] std::uint64_t file_size() const { return file_.size(); }

  // `count` bytes at `offset`, valid until the next call.
  // Throws Error: kCorrupt where the file ends before; what RandomFile::read_at() throws.
  ByteView view(std::uint64_t offset, std::size_t count);

 private:
  const RandomFile& file_;
  Bytes buffer_;
  std::uint64_t start_ = 0;
  std::size_t reach_ = 0;
};

}  // namespace ckpt
