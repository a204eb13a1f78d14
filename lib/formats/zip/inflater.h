#pragma once

#include <zlib.h>

#include <cstdint>
#include <span>

#include "core/file.h"
#include "formats/zip/archive.h"

namespace ckpt::zip {

// Unpacks a deflated member from its first byte on, in a buffer of fixed size, and checks its size
// and CRC when its last byte is read. Stops at the size that the directory says, whatever else the
// stream would bring.
class Inflater {
 public:
  // REQUIRES: both outlive the inflater.
  Inflater(const RandomFile& file, const Member& member);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Unpacked bytes given so far.
  [[nodiscard]] std::uint64_t position() const { return position_; }

  // The next out.size() bytes. Throws Error(kCorrupt) where the stream is damaged or ends early.
  // REQUIRES: position() + out.size() <= member.size.
  void read(std::span<std::byte> out);

  // Unpacks and drops bytes up to `position`. REQUIRES: position() <= position <= member.size.
  void skip_to(std::uint64_t position);

 private:
  void refill();

  const RandomFile& file_;
  const Member& member_;
  z_stream stream_{};
  Bytes input_;
  std::uint64_t taken_ = 0;  // of the member's bytes in the file
  std::uint64_t position_ = 0;
  std::uint32_t crc_ = 0;
};

}  // namespace ckpt::zip
