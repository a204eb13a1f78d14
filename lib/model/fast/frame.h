#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "model/array.h"
#include "model/fast/arena.h"
#include "model/fast/buffer.h"
#include "model/fast/kernels.h"
#include "model/fast/thread_pool.h"

namespace ckpt::fast {

// What a thread has for itself: floats to copy to, and pointers to rows.
struct Scratch {
  Buffer floats;
  std::vector<const float*> rows;
};

// What steps work in while a program runs.
struct Frame {
  const Kernels& kernels;
  ThreadPool& pool;
  const std::vector<Slot>& slots;
  Buffer memory;                 // where the slots are
  std::vector<Scratch> scratch;  // one a thread
  std::vector<Array> others;     // by value: those that are not f32

  [[nodiscard]] float* at(std::size_t slot) { return memory.data() + slots[slot].offset; }
};

// Into how many pieces a loop over so many elements is cut, equally many for each thread where
// there are enough; small loops are not worth a second thread.
inline std::size_t pieces_of(const Frame& frame, std::size_t elements) {
  constexpr std::size_t kWorthIt = 16384;  // elements: a microsecond or two
  const std::size_t threads = frame.pool.size();
  const std::size_t pieces = std::min(elements / kWorthIt, 4 * threads);
  if (threads == 1 || pieces < 2) return 1;
  return pieces > threads ? pieces / threads * threads : pieces;
}

// f(first, last) over pieces of [0, count), shared by the threads; `cost` is what one item costs,
// in elements.
template <typename F>
void share(Frame& frame, std::size_t count, std::size_t cost, F f) {
  const std::size_t pieces =
      std::min(count, pieces_of(frame, count * std::max<std::size_t>(cost, 1)));
  frame.pool.run(
      pieces, [&](std::size_t i, std::size_t) { f(i * count / pieces, (i + 1) * count / pieces); });
}

}  // namespace ckpt::fast
