#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ckpt {

// As many rows as text or a file of that size is likely to have at most, where one takes about
// `least` bytes: how many to make room for. Room that is not used costs no memory, and growing
// would hold every row twice. A million at most, since a file may be large for other reasons.
inline std::size_t likely_rows(std::uint64_t bytes, std::uint64_t least) {
  return static_cast<std::size_t>(std::min(bytes / least, std::uint64_t{1} << 20U));
}

}  // namespace ckpt
