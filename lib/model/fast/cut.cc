#include "model/fast/cut.h"

#include <algorithm>

#include "model/fast/sizes.h"

namespace ckpt::fast {
namespace {

// All times are in cycles, of a processor that does two fused multiplications of a register each
// cycle. They need not be right, only in proportion.
constexpr double kCall = 15000;      // to have threads begin and to see them all done
constexpr double kChunk = 200;       // to begin a chunk
constexpr double kPanelStep = 12;    // to read what a panel multiplies one float of each row with
constexpr double kShortestTile = 4;  // fewer rows wait for their own sums
constexpr double kCopied = 0.125;    // to copy a float
constexpr double kShared = 0.34;     // to fetch one from another processor's cache

double chunk_time(const ProductExtents& e, std::int64_t block, double panels) {
  const std::int64_t places = block * e.places;
  const auto tiles = static_cast<double>(divided_up(places, static_cast<std::int64_t>(e.tile)));
  const double rows = std::max(static_cast<double>(places), tiles * kShortestTile);
  return kChunk + panels * static_cast<double>(e.depth) * (rows + kPanelStep) +
         kCopied * static_cast<double>(e.copied) * static_cast<double>(block);
}

double time_of(const ProductExtents& e, const Cut& cut, std::size_t threads) {
  const std::size_t blocks = static_cast<std::size_t>(e.slices * divided_up(e.units, cut.block));
  const std::size_t chunks = blocks * cut.parts;
  const double panels = static_cast<double>(divided_up(e.panels, cut.parts));
  const double chunk = chunk_time(e, cut.block, panels);
  if (chunks == 1) return chunk;
  return kCall + static_cast<double>(divided_up(chunks, threads)) * chunk +
         (cut.parts > 1 ? kShared * static_cast<double>(e.shared) : 0);
}

}  // namespace

Cut cut_product(const ProductExtents& extents, std::size_t threads) {
  const std::int64_t least = divided_up(extents.units, extents.most);
  Cut best{divided_up(extents.units, least), 1};
  if (threads == 1) return best;
  double best_time = time_of(extents, best, threads);
  const auto most = static_cast<std::int64_t>(16 * threads);  // chunks, where there is a choice
  for (std::int64_t blocks = least; blocks <= std::min(extents.units, least + most); ++blocks) {
    for (std::size_t parts = 1; parts <= extents.panels; ++parts) {
      const std::int64_t chunks = extents.slices * blocks * static_cast<std::int64_t>(parts);
      if (parts > 1 && chunks > most) break;
      const Cut cut{divided_up(extents.units, blocks), parts};
      const double time = time_of(extents, cut, threads);
      if (time < best_time) {
        best_time = time;
        best = cut;
      }
    }
  }
  return best;
}

}  // namespace ckpt::fast
