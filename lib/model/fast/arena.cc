#include "model/fast/arena.h"

#include <algorithm>
#include <numeric>

namespace ckpt::fast {

std::size_t place_slots(std::vector<Slot>& slots) {
  constexpr std::size_t kLine = 16;  // floats
  std::vector<std::size_t> order(slots.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](auto a, auto b) { return slots[a].size > slots[b].size; });
  std::vector<const Slot*> placed;  // by offset
  std::size_t total = 0;
  for (const std::size_t i : order) {
    Slot& slot = slots[i];
    slot.offset = 0;
    for (const Slot* other : placed) {
      if (other->last < slot.first || other->first > slot.last) continue;  // at another time
      if (slot.offset + slot.size <= other->offset) break;                 // the gap before it
      slot.offset =
          std::max(slot.offset, (other->offset + other->size + kLine - 1) / kLine * kLine);
    }
    placed.insert(std::ranges::upper_bound(placed, slot.offset, {}, &Slot::offset), &slot);
    total = std::max(total, slot.offset + slot.size);
  }
  return total;
}

}  // namespace ckpt::fast
