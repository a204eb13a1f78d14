#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/string_pool.h"
#include "formats/torch/globals.h"
#include "formats/torch/opcode.h"

namespace ckpt::torch {

inline constexpr std::uint64_t kLargestPickle = std::uint64_t{512} << 20;  // that is read, in bytes

// What a pickle says, as a graph of inert nodes. Protocols 0 to 5 are read; opcodes that only build
// values are carried out, and calls are recorded. Names that find_global() does not know, extension
// codes and out-of-band buffers end the reading.
//
// A checkpoint of 100,000 tensors is a million values, so they are small: texts lie in the pickle's
// own bytes, children in one array, and a call that makes a tensor gives way to a View of 48 bytes
// as soon as it is read.

using Ref = std::uint32_t;  // a node's number

enum class Kind : std::uint8_t {
  kNone,
  kBool,     // number
  kInt,      // number
  kBigInt,   // of more than 64 bits: text(), its bytes
  kFloat,    // real
  kText,     // text()
  kBytes,    // text()
  kTuple,    // items
  kList,     // items
  kSet,      // items
  kDict,     // items: key, value, key, value …
  kGlobal,   // size: which of Pickle::globals
  kCall,     // call; size: the node that BUILD gave as its state, or kNothing
  kStorage,  // size: which of Pickle::storages; number: the element where a view into it begins
  kTensor,   // size: which of Pickle::views
};

struct Node {
  static constexpr Ref kNothing = ~Ref{0};

  // Where in Pickle::items `size` items lie, with room for more.
  struct Items {
    std::uint32_t first;
    std::uint32_t room;
  };
  struct Call {
    Ref callee;     // a kGlobal
    Ref arguments;  // a kTuple
  };

  Kind kind = Kind::kNone;
  std::uint32_t size = 0;
  union {  // `kind` says which
    std::int64_t number = 0;
    double real;
    const char* bytes;  // of `size`
    Items items;
    Call call;
  };

  [[nodiscard]] std::string_view text() const { return {bytes, size}; }
};
static_assert(sizeof(Node) == 16);

// A class or a function that the pickle names.
struct NamedGlobal {
  std::string_view name;  // "module.name"
  Global global;
};

// A storage: the bytes of one tensor or several. Named by ("storage", class, key, device, count).
struct Storage {
  std::string_view key;
  std::uint32_t global = 0;  // its class: which of Pickle::globals
  std::int64_t count = 0;    // elements
};

// A tensor: a view of a storage.
struct View {
  std::uint32_t storage = 0;  // of Pickle::storages
  DType dtype = DType::kOther;
  std::uint32_t element_size = 0;
  std::uint32_t rank = 0;
  std::uint32_t extents = 0;  // where in Pickle::extents its shape lies, with its stride behind
  std::int64_t offset = 0;    // in elements
  std::string_view native;    // where `dtype` does not say all of it
};
static_assert(sizeof(View) == 48);

struct Pickle {
  // Of what there may be millions: a vector would hold twice as many while it grows.
  std::deque<Node> nodes;
  std::deque<Storage> storages;  // each key once
  std::deque<View> views;
  std::vector<Ref> items;
  std::vector<NamedGlobal> globals;
  std::vector<std::int64_t> extents;
  StringPool texts;  // those that are not in the pickle as they are
  Ref root = 0;
  std::size_t size = 0;  // bytes up to and with STOP

  [[nodiscard]] std::span<const Ref> items_of(const Node& node) const {
    return std::span(items).subspan(node.items.first, node.size);
  }
  [[nodiscard]] std::span<const std::int64_t> shape_of(const View& view) const {
    return std::span(extents).subspan(view.extents, view.rank);
  }
  // REQUIRES: the dtype is not kOther, which has no values to step over.
  [[nodiscard]] std::span<const std::int64_t> stride_of(const View& view) const {
    return std::span(extents).subspan(view.extents + view.rank, view.rank);
  }
  [[nodiscard]] const Global& type_of(const Storage& storage) const {
    return globals[storage.global].global;
  }
};

// Gives the room of one of its containers back.
template <typename Container>
void release(Container& container) {
  container = Container();  // {} would keep it
}

// Where in a pickle's bytes, which 32 bits can count, its values are made: for those who change it.
struct PickleTrace {
  // Of a dict that is reached by opcodes SETITEM and SETITEMS: the bytes that make a key, then
  // those that make its value, each with what fills the memo.
  struct Pair {
    Ref dict = 0;
    std::uint32_t position = 0;  // of the key, among its items
    std::uint32_t key = 0;
    std::uint32_t value = 0;
    std::uint32_t end = 0;   // of the value
    bool is_single = false;  // SETITEM follows, of this pair alone
  };
  // An opcode that fills the memo with the value that the bytes from `expression` on have made.
  struct Fill {
    std::uint32_t index = 0;
    std::uint32_t expression = 0;
    std::uint32_t at = 0;
    std::uint32_t end = 0;
  };
  struct Use {
    std::uint32_t index = 0;
    std::uint32_t at = 0;
  };
  bool wants_memo = false;  // asks for fills and uses, of which there may be millions
  std::vector<Pair> pairs;
  std::vector<Fill> fills;  // with what has uses; in the order of the bytes, as all of these
  std::deque<Use> uses;
  std::vector<std::size_t> frames;  // opcodes FRAME, of 9 bytes
  bool counts_memo = false;         // MEMOIZE: what fills the memo cannot be left out
  bool has_copies = false;          // DUP: bytes of one value may be those of another
};

// Reads the pickle at the front of `bytes`, which must outlive the result: its texts are views.
// Throws PickleIsCut, and Error: kCorrupt where the opcodes make no sense, kUnsupported where they
// are not those of a checkpoint or pass a limit.
// `trace` may be null. REQUIRES: bytes that 32 bits can count.
Pickle read_pickle(ByteView bytes, PickleTrace* trace = nullptr);

}  // namespace ckpt::torch
