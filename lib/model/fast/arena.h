#pragma once

#include <cstddef>
#include <vector>

namespace ckpt::fast {

// Where in one block of memory an array of floats lies, and while which steps it is needed.
struct Slot {
  std::size_t size = 0;
  std::size_t first = 0;   // the step that writes it
  std::size_t last = 0;    // the last step that reads it
  std::size_t offset = 0;  // set by place_slots()
};

// Gives each slot its place, so that no two overlap while both are needed; places begin on cache
// lines. Gives the size of the whole block. The largest are placed first, each at the lowest place
// that is free in its time.
std::size_t place_slots(std::vector<Slot>& slots);

}  // namespace ckpt::fast
