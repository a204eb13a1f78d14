#include "model/kernels/conv.h"

#include <limits>

#include "model/kernels/extreme.h"

namespace ckpt::kernels {
namespace {

// The extents of a channels-last array of five dimensions.
struct Grid {
  explicit Grid(const Shape& shape)
      : batch(shape[0]), size{shape[1], shape[2], shape[3]}, channels(shape[4]) {}

  std::int64_t batch;
  Extents size;
  std::int64_t channels;

  // The first channel at a place.
  [[nodiscard]] std::size_t at(std::int64_t n, const Extents& p) const {
    return static_cast<std::size_t>((((n * size[0] + p[0]) * size[1] + p[1]) * size[2] + p[2]) *
                                    channels);
  }

  [[nodiscard]] bool has(const Extents& p) const {
    for (std::size_t i = 0; i < 3; ++i) {
      if (p[i] < 0 || p[i] >= size[i]) return false;
    }
    return true;
  }
};

template <typename F>
void for_each_place(const Extents& size, F f) {
  Extents p;
  for (p[0] = 0; p[0] < size[0]; ++p[0]) {
    for (p[1] = 0; p[1] < size[1]; ++p[1]) {
      for (p[2] = 0; p[2] < size[2]; ++p[2]) f(p);
    }
  }
}

// Where the window's element `k` lies when the window stands at `o`.
Extents reach(const Window& window, const Extents& o, const Extents& k) {
  Extents p;
  for (std::size_t i = 0; i < 3; ++i) {
    p[i] = o[i] * window.strides[i] + k[i] * window.dilation[i] - window.before[i];
  }
  return p;
}

std::size_t flat(const Extents& p, const Extents& size) {
  return static_cast<std::size_t>((p[0] * size[1] + p[1]) * size[2] + p[2]);
}

Array make_result(const Array& x, const Window& window, std::int64_t channels) {
  return make_array(x.dtype, {x.shape[0], window.out[0], window.out[1], window.out[2], channels});
}

}  // namespace

Array conv(const Array& x, const Array& kernel, const Window& window, std::int64_t groups) {
  const Grid in(x.shape);
  const std::int64_t filters = kernel.shape[4];
  Array y = make_result(x, window, filters);
  const Grid out(y.shape);
  const auto depth = static_cast<std::size_t>(in.channels / groups);  // channels of one group
  const auto width = static_cast<std::size_t>(filters / groups);      // filters of one group
  for (std::int64_t n = 0; n < in.batch; ++n) {
    for_each_place(window.out, [&](const Extents& o) {
      double* sums = y.values.data() + out.at(n, o);
      for_each_place(window.size, [&](const Extents& k) {
        const Extents p = reach(window, o, k);
        if (!in.has(p)) return;
        const double* values = x.values.data() + in.at(n, p);
        const double* taps =
            kernel.values.data() + flat(k, window.size) * depth * static_cast<std::size_t>(filters);
        for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
          for (std::size_t c = 0; c < depth; ++c) {
            const double value = values[g * depth + c];
            const double* row = taps + c * static_cast<std::size_t>(filters) + g * width;
            for (std::size_t f = 0; f < width; ++f) sums[g * width + f] += value * row[f];
          }
        }
      });
    });
  }
  return y;
}

Array conv_transpose(const Array& x, const Array& kernel, const Window& window) {
  const Grid in(x.shape);
  const std::int64_t filters = kernel.shape[3];
  Array y = make_result(x, window, filters);
  const Grid out(y.shape);
  const auto channels = static_cast<std::size_t>(in.channels);
  const auto width = static_cast<std::size_t>(filters);
  for (std::int64_t n = 0; n < in.batch; ++n) {
    for_each_place(in.size, [&](const Extents& i) {
      const double* values = x.values.data() + in.at(n, i);
      for_each_place(window.size, [&](const Extents& k) {
        const Extents p = reach(window, i, k);
        if (!out.has(p)) return;
        double* sums = y.values.data() + out.at(n, p);
        const double* taps = kernel.values.data() + flat(k, window.size) * width * channels;
        for (std::size_t f = 0; f < width; ++f) {
          for (std::size_t c = 0; c < channels; ++c) sums[f] += values[c] * taps[f * channels + c];
        }
      });
    });
  }
  return y;
}

Array max_pool(const Array& x, const Window& window) {
  const Grid in(x.shape);
  Array y = make_result(x, window, in.channels);
  const Grid out(y.shape);
  for (double& value : y.values) value = -std::numeric_limits<double>::infinity();
  for (std::int64_t n = 0; n < in.batch; ++n) {
    for_each_place(window.out, [&](const Extents& o) {
      double* best = y.values.data() + out.at(n, o);
      for_each_place(window.size, [&](const Extents& k) {
        const Extents p = reach(window, o, k);
        if (!in.has(p)) return;
        const double* values = x.values.data() + in.at(n, p);
        for (std::size_t c = 0; c < static_cast<std::size_t>(in.channels); ++c) {
          best[c] = larger(best[c], values[c]);
        }
      });
    });
  }
  return y;
}

Array average_pool(const Array& x, const Window& window) {
  const Grid in(x.shape);
  Array y = make_result(x, window, in.channels);
  const Grid out(y.shape);
  for (std::int64_t n = 0; n < in.batch; ++n) {
    for_each_place(window.out, [&](const Extents& o) {
      double* sums = y.values.data() + out.at(n, o);
      double count = 0;
      for_each_place(window.size, [&](const Extents& k) {
        const Extents p = reach(window, o, k);
        if (!in.has(p)) return;
        ++count;
        const double* values = x.values.data() + in.at(n, p);
        for (std::size_t c = 0; c < static_cast<std::size_t>(in.channels); ++c) {
          sums[c] += values[c];
        }
      });
      for (std::size_t c = 0; c < static_cast<std::size_t>(in.channels); ++c) sums[c] /= count;
    });
  }
  return y;
}

}  // namespace ckpt::kernels
