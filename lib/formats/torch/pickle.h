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
  std::deque<Node> nodes;  // millions: a vector would hold twice as many while it grows
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

// Where in a pickle's bytes its values are made, for those who change it.
struct PickleTrace {
  // Of a dict that is reached by opcodes SETITEM and SETITEMS: the bytes that make a key, then
  // those that make its value, each with what fills the memo.
  struct Pair {
    std::uint32_t sequence = 0;
    std::size_t position = 0;  // of the key
    std::size_t key = 0;
    std::size_t value = 0;
    std::size_t end = 0;     // of the value
    bool is_single = false;  // SETITEM follows, of this pair alone
  };
  // An opcode that fills the memo with the value that the bytes from `expression` on have made.
  struct Fill {
    std::uint64_t index = 0;
    std::size_t expression = 0;
    std::size_t at = 0;
    std::size_t end = 0;
  };
  struct Use {
    std::uint64_t index = 0;
    std::size_t at = 0;
  };
  std::vector<Pair> pairs;
  std::vector<Fill> fills;  // in the order of the bytes, as all of these
  std::vector<Use> uses;
  std::vector<std::size_t> frames;  // opcodes FRAME, of 9 bytes
  bool counts_memo = false;         // MEMOIZE: what fills the memo cannot be left out
  bool has_copies = false;          // DUP: bytes of one value may be those of another
};

// The pickle ends before its STOP. For a caller that has more bytes.
struct PickleIsCut {};

// Reads the pickle at the front of `bytes`, which must outlive the result: its texts are views.
// Throws PickleIsCut, and Error: kCorrupt where the opcodes make no sense, kUnsupported where they
// are not those of a checkpoint or pass a limit.
// `trace` may be null.
Pickle read_pickle(ByteView bytes, PickleTrace* trace = nullptr);

}  // namespace ckpt::torch
