#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "formats/torch/globals.h"

namespace ckpt::torch {

// What a pickle says, as a graph of inert nodes. Protocols 0 to 5 are read; opcodes that only build
// values are carried out, and calls are recorded. Names that find_global() does not know, extension
// codes and out-of-band buffers end the reading.

using Ref = std::uint32_t;  // a node's number

enum class Kind : std::uint8_t {
  kNone,
  kBool,     // number
  kInt,      // number
  kBigInt,   // of more than 64 bits: text, its bytes
  kFloat,    // real
  kText,     // text
  kBytes,    // text
  kTuple,    // items
  kList,     // items
  kSet,      // items
  kDict,     // items: key, value, key, value …
  kGlobal,   // global; text: "module.name"
  kCall,     // callee, arguments (a tuple), state
  kStorage,  // number: which of Pickle::storages; first
};

struct Node {
  static constexpr Ref kNothing = ~Ref{0};

  Kind kind = Kind::kNone;
  Ref callee = kNothing;
  Ref arguments = kNothing;
  Ref state = kNothing;     // what BUILD gave
  std::uint32_t items = 0;  // which of Pickle::sequences
  std::int64_t number = 0;  // also of kGlobal: which of Pickle::globals
  std::int64_t first = 0;   // the element where a view into a storage begins
  double real = 0;
  std::string_view text;
};

// A storage: the bytes of one tensor or several. Named by ("storage", class, key, device, count).
struct Storage {
  std::string key;
  Global type;
  std::int64_t count = 0;  // elements
};

struct Pickle {
  std::vector<Node> nodes;
  std::vector<std::vector<Ref>> sequences;
  std::vector<Global> globals;
  std::vector<Storage> storages;  // each key once
  Ref root = 0;
  std::size_t size = 0;  // bytes up to and with STOP

  [[nodiscard]] const std::vector<Ref>& items(const Node& node) const {
    return sequences[node.items];
  }

  std::deque<std::string> texts;  // those that are not in the pickle as they are
};

// The pickle ends before its STOP. For a caller that has more bytes.
struct PickleIsCut {};

// Reads the pickle at the front of `bytes`, which must outlive the result: its texts are views.
// Throws PickleIsCut, and Error: kCorrupt where the opcodes make no sense, kUnsupported where they
// are not those of a checkpoint or pass a limit.
Pickle read_pickle(ByteView bytes);

}  // namespace ckpt::torch
