#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dups/shared_reader.h"

namespace ckpt {

// A tensor of one of several checkpoints.
struct TensorRef {
  std::size_t input = 0;
  std::size_t entry = 0;

  friend auto operator<=>(const TensorRef&, const TensorRef&) = default;
};

// Is told how many of so many bytes are read, now and then, by one thread at a time.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

struct EqualRequest {
  std::uint64_t min_bytes = 64;  // smaller tensors are equal by chance
  bool across = false;           // only what is equal in different inputs
  bool deep = false;             // check stored digests against the bytes
  Progress progress = {};
};

struct EqualTensors {
  // Tensors of one dtype, one shape and the same bytes, two or more, sorted. Constant tensors (all
  // zero, all one) and ramps (0, 1, 2, …) are in no class: that two of them are equal means
  // nothing.
  std::vector<std::vector<TensorRef>> classes;
  std::uint64_t compared = 0;      // tensors that had to be looked at
  std::uint64_t unread = 0;        // of them, those whose bytes cannot be read
  std::vector<std::string> notes;  // the first of those, and why; stored digests that are false
};

// Reads the least that decides it: nothing of tensors whose dtype and shape nobody shares; of the
// others a page in the middle, or the stored digest of a native file; of those that agree there,
// all. A digest only proposes: classes are compared byte by byte.
// Uses all cores. Throws what Reader::read() throws, but for kUnsupported, which becomes a note.
EqualTensors find_equal(std::span<const SharedReader* const> readers,
                        std::span<const TensorRef> tensors, const EqualRequest& request);

}  // namespace ckpt
