#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ckpt::torch {

// At most eight bytes as a number without a sign.
std::uint64_t little_endian(std::string_view bytes);

// An opcode of a pickle with what stands behind it.
struct Opcode {
  std::size_t at = 0;  // its byte
  unsigned char code = 0;
  std::string_view argument;  // a number, a text without its length, or a line without its end
  std::string_view second;    // the line behind that, of GLOBAL and INST

  // The argument as a little-endian number. REQUIRES: it has at most 8 bytes.
  [[nodiscard]] std::uint64_t number() const;
};

// The pickle ends before its STOP. For a caller that has more bytes.
struct PickleIsCut {};

// Takes a pickle apart. `next()` throws PickleIsCut, and Error(kCorrupt), without the place. An
// opcode that no protocol has is given as one without an argument.
class OpcodeReader {
 public:
  explicit OpcodeReader(std::string_view bytes) : bytes_(bytes) {}

  Opcode next();

  [[nodiscard]] std::size_t at() const { return at_; }  // of the next one
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

 private:
  std::string_view take(std::uint64_t count);
  std::string_view take_sized(std::size_t bytes_of_size);
  std::string_view take_line();

  std::string_view bytes_;
  std::size_t at_ = 0;
};

// Which entries of the memo are asked for before the pickle's STOP, or its first mistake. Writers
// put all that they write into the memo and ask for little of it.
std::vector<bool> asked_entries(std::string_view bytes);

}  // namespace ckpt::torch
