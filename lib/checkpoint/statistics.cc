#include "checkpoint/statistics.h"

#include <algorithm>
#include <cmath>

#include "core/numbers.h"

namespace ckpt {
namespace {

template <typename F>
void for_each_value(const Reader& reader, std::size_t i, int pass, const PieceObserver& observe,
                    const F& f) {
  const DType dtype = reader.index().entries[i].dtype;
  std::vector<double> values;
  for_each_piece(reader, i, [&](std::uint64_t, ByteView piece) {
    if (observe) observe(pass, piece);
    values.resize(piece.size() / size_of(dtype));
    decode(dtype, piece, values);
    for (const double value : values) f(value);
  });
}

}  // namespace

Statistics statistics_of(const Reader& reader, std::size_t i, std::size_t bins,
                         const PieceObserver& observe) {
  Statistics s;
  std::uint64_t finite = 0;
  double squares = 0;  // Welford's running sum of squared distances from the running mean
  for_each_value(reader, i, 0, observe, [&](double value) {
    ++s.count;
    if (value == 0) ++s.zeros;
    if (std::isnan(value)) {
      ++s.nan;
    } else if (std::isinf(value)) {
      ++s.infinite;
    } else {
      if (finite == 0) s.min = s.max = value;
      s.min = std::min(s.min, value);
      s.max = std::max(s.max, value);
      ++finite;
      const double distance = value - s.mean;
      const auto n = static_cast<double>(finite);
      s.mean += value / n - s.mean / n;  // in two terms: their difference may overflow
      squares += distance * (value - s.mean);
    }
  });
  if (finite > 0) s.deviation = std::sqrt(squares / static_cast<double>(finite));

  s.histogram.assign(bins, 0);
  if (finite == 0) return s;
  // Halves of everything, since max - min may overflow.
  const double half_width = (s.max / 2 - s.min / 2) / static_cast<double>(bins);
  for_each_value(reader, i, 1, observe, [&](double value) {
    if (!std::isfinite(value)) return;
    const double position = half_width > 0 ? (value / 2 - s.min / 2) / half_width : 0;
    ++s.histogram[std::min(static_cast<std::size_t>(position), bins - 1)];
  });
  return s;
}

}  // namespace ckpt
