// The opcodes' arguments are those of Python's Lib/pickletools.py.
#include "formats/torch/opcode.h"

#include <bit>

#include "core/error.h"
#include "core/text.h"
#include "formats/torch/pickle_text.h"

namespace ckpt::torch {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

std::uint64_t Opcode::number() const { return little_endian(argument); }

std::string_view OpcodeReader::take(std::uint64_t count) {
  if (count > left()) throw PickleIsCut();
  const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(count));
  at_ += taken.size();
  return taken;
}

std::string_view OpcodeReader::take_sized(std::size_t bytes_of_size) {
  return take(little_endian(take(bytes_of_size)));
}

std::string_view OpcodeReader::take_line() {
  constexpr std::size_t kLongestLine = std::size_t{1} << 20;
  const auto end = bytes_.find('\n', at_);
  if (end == std::string_view::npos) {
    if (left() > kLongestLine) {
      throw Error(Errc::kCorrupt, "its pickle has a line without an end");
    }
    throw PickleIsCut();
  }
  const std::string_view line = bytes_.substr(at_, end - at_);
  at_ = end + 1;
  return line;
}

Opcode OpcodeReader::next() {
  Opcode opcode{.at = at_};
  opcode.code = static_cast<unsigned char>(take(1)[0]);
  switch (opcode.code) {
    case 'K':   // BININT1
    case 'q':   // BINPUT
    case 'h':   // BINGET
    case 0x80:  // PROTO
    case 0x82:  // EXT1
      opcode.argument = take(1);
      break;
    case 'M':   // BININT2
    case 0x83:  // EXT2
      opcode.argument = take(2);
      break;
    case 'J':   // BININT
    case 'r':   // LONG_BINPUT
    case 'j':   // LONG_BINGET
    case 0x84:  // EXT4
      opcode.argument = take(4);
      break;
    case 'G':   // BINFLOAT
    case 0x95:  // FRAME
      opcode.argument = take(8);
      break;
    case 'U':   // SHORT_BINSTRING
    case 'C':   // SHORT_BINBYTES
    case 0x8a:  // LONG1
    case 0x8c:  // SHORT_BINUNICODE
      opcode.argument = take_sized(1);
      break;
    case 'T':  // BINSTRING
    case 'X':  // BINUNICODE
    case 'B':  // BINBYTES
      opcode.argument = take_sized(4);
      break;
    case 0x8b: {  // LONG4
      const auto size = static_cast<std::uint32_t>(little_endian(take(4)));
      if (const auto signed_size = std::bit_cast<std::int32_t>(size); signed_size < 0) {
        throw Error(Errc::kCorrupt, cat("its pickle has a number of ", signed_size, " bytes"));
      }
      opcode.argument = take(size);
      break;
    }
    case 0x8d:  // BINUNICODE8
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      opcode.argument = take_sized(8);
      break;
    case 'I':  // INT
    case 'L':  // LONG
    case 'F':  // FLOAT
    case 'S':  // STRING
    case 'V':  // UNICODE
    case 'p':  // PUT
    case 'g':  // GET
    case 'P':  // PERSID
      opcode.argument = take_line();
      break;
    case 'c':  // GLOBAL
    case 'i':  // INST
      opcode.argument = take_line();
      opcode.second = take_line();
      break;
    default:
      break;
  }
  return opcode;
}

std::vector<bool> asked_entries(std::string_view bytes) {
  std::vector<bool> asked;
  const auto ask = [&](std::uint64_t index) {
    if (index >= bytes.size()) return;  // a writer's memo is no larger than its pickle
    if (index >= asked.size()) asked.resize(static_cast<std::size_t>(index) + 1);
    asked[static_cast<std::size_t>(index)] = true;
  };
  OpcodeReader reader(bytes);
  try {
    for (Opcode opcode = reader.next(); opcode.code != '.'; opcode = reader.next()) {
      if (opcode.code == 'h' || opcode.code == 'j') ask(opcode.number());
      if (opcode.code == 'g') ask(static_cast<std::uint64_t>(decimal(opcode.argument)));
    }
  } catch (const PickleIsCut&) {  // whoever carries the opcodes out comes to the same place
  } catch (const Error&) {
  }
  return asked;
}

}  // namespace ckpt::torch
