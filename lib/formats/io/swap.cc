#include "formats/io/swap.h"

#include <algorithm>

namespace ckpt {

void swap_units(std::span<std::byte> bytes, std::size_t unit) {
  if (unit < 2) return;
  for (; !bytes.empty(); bytes = bytes.subspan(unit)) {
    std::ranges::reverse(bytes.first(unit));
  }
}

}  // namespace ckpt
