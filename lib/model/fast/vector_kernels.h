#pragma once

#include "model/fast/kernels.h"

// The fast kernels for registers of kLanes floats, which the file that includes this has chosen.
//
// That file is compiled for processors that the rest of the program may not run on. If one function
// of it were shared with another file, an inline one or a template of the standard library, the
// linker might keep this file's copy for all, and the program would stop with an illegal
// instruction on an older processor. So everything here is in an unnamed namespace, calls nothing
// outside of it, and includes no header with code; a test looks at the symbols of the objects.
//
// Vectors are the compilers' own (GCC, clang): lanes of a register with the usual operators.
namespace ckpt::fast {
namespace {

using Vec = float __attribute__((vector_size(kLanes * 4)));
using Bits = std::int32_t __attribute__((vector_size(kLanes * 4)));

// Anywhere in memory.
inline Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }
// x - 0 is x for every x, so the compiler makes one instruction of this; x + 0 is not for -0.
inline Vec splat(float x) { return x - Vec{}; }

// The first n lanes, where memory has no more.
inline Vec load_part(const float* p, std::size_t n) {
  Vec v{};
  for (std::size_t i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
inline void store_part(float* p, Vec v, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) p[i] = v[i];
}

// A comparison with NaN is false, so NaN stays.
inline Vec clamp(Vec v, Limits limits) {
  const Vec low = splat(limits.low);
  const Vec high = splat(limits.high);
  v = v < low ? low : v;
  return v > high ? high : v;
}

// Calls f(at, lanes) for pieces of `count` elements: whole registers, and then what is left.
template <typename F>
inline void for_each_piece(std::size_t count, F f) {
  std::size_t at = 0;
  for (; at + kLanes <= count; at += kLanes) f(at, std::size_t{kLanes});
  if (at < count) f(at, count - at);
}

inline Vec load(const float* p, std::size_t n) { return n == kLanes ? load(p) : load_part(p, n); }
inline void store(float* p, Vec v, std::size_t n) {
  if (n == kLanes) {
    store(p, v);
  } else {
    store_part(p, v, n);
  }
}

// ---- Sums of products --------------------------------------------------------------------------

// R rows by V registers of filters. All sums stay in registers; in the inner loop each float of the
// rows is spread over a register and meets V registers of the kernel.
template <std::size_t R, std::size_t V>
[[gnu::noinline]] void product_tile(const Product& p, std::size_t row, const float* kernel,
                                    std::size_t filter) {
  Vec sums[R][V] = {};
  for (std::size_t t = 0; t < p.tap_count; ++t) {
    const float* in[R];
    for (std::size_t r = 0; r < R; ++r) in[r] = p.rows[row + r] + p.taps[t];
    for (std::size_t i = 0; i < p.run; ++i, kernel += V * kLanes) {
      Vec w[V];
      for (std::size_t v = 0; v < V; ++v) w[v] = load(kernel + v * kLanes);
      __builtin_prefetch(kernel + 512);
      for (std::size_t r = 0; r < R; ++r) {
        const Vec x = splat(in[r][i]);
        for (std::size_t v = 0; v < V; ++v) sums[r][v] += x * w[v];
      }
    }
  }
  for (std::size_t v = 0; v < V; ++v) {
    const std::size_t f = filter + v * kLanes;
    const std::size_t lanes = p.last - f < kLanes ? p.last - f : kLanes;
    const Vec bias = load(p.bias + f);
    for (std::size_t r = 0; r < R; ++r) {
      const std::size_t at = (row + r) * p.out_stride + f;
      Vec y = sums[r][v] + bias;
      if (p.residual != nullptr) y += load(p.residual + at, lanes);
      store(p.out + at, clamp(y, p.limits), lanes);
    }
  }
}

// Rows of a tile: as many as there are registers for their sums, the kernel and one float.
constexpr std::size_t kRows = kLanes == 16 ? 12 : 6;

// The tile of `count` rows, 1 to R.
template <std::size_t R, std::size_t V>
void product_rows(const Product& p, std::size_t row, std::size_t count, const float* kernel,
                  std::size_t filter) {
  if constexpr (R > 1) {
    if (count < R) return product_rows<R - 1, V>(p, row, count, kernel, filter);
  }
  product_tile<R, V>(p, row, kernel, filter);
}

// Panel by panel, so that a panel stays in the nearest cache while all rows meet it. The rows are
// divided evenly: 49 of them in nine tiles of five or six, none of one, which would be slow.
void multiply(const Product& p) {
  const std::size_t tiles = (p.row_count + kRows - 1) / kRows;
  const float* kernel = p.kernel;
  for (std::size_t filter = p.first; filter < p.last; filter += 2 * kLanes) {
    const std::size_t wide = p.last - filter > kLanes ? 2 : 1;
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      const std::size_t row = tile * p.row_count / tiles;
      const std::size_t count = (tile + 1) * p.row_count / tiles - row;
      if (wide == 2) {
        product_rows<kRows, 2>(p, row, count, kernel, filter);
      } else {
        product_rows<kRows, 1>(p, row, count, kernel, filter);
      }
    }
    kernel += p.tap_count * p.run * wide * kLanes;
  }
}

// ---- Windows -----------------------------------------------------------------------------------

// The columns of the window that lie inside of the input at output place x.
struct Inside {
  std::size_t first;
  std::size_t last;
};

inline Inside inside(const WindowRow& w, std::ptrdiff_t begin) {
  std::size_t first = 0;
  std::size_t last = w.window_width;
  while (first < last && begin + static_cast<std::ptrdiff_t>(first) * w.dilation < 0) ++first;
  while (last > first && begin + static_cast<std::ptrdiff_t>(last - 1) * w.dilation >= w.in_width) {
    --last;
  }
  return {first, last};
}

// X neighbouring outputs, V registers of channels; all columns of the window are inside.
template <std::size_t X, std::size_t V>
inline void depthwise_tile(const WindowRow& w, const float* kernel, const float* bias,
                           Limits limits, std::size_t x, std::size_t c) {
  Vec sums[X][V];
  for (std::size_t v = 0; v < V; ++v) {
    const Vec b = load(bias + c + v * kLanes);
    for (std::size_t i = 0; i < X; ++i) sums[i][v] = b;
  }
  const auto channels = static_cast<std::ptrdiff_t>(w.all_channels);
  const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(x) * w.stride - w.before;
  const float* taps = kernel + c;
  for (std::size_t k = 0; k < w.window_rows; ++k) {
    if (w.rows[k] == nullptr) {
      taps += w.window_width * w.all_channels;
      continue;
    }
    const float* in = w.rows[k] + begin * channels + static_cast<std::ptrdiff_t>(c);
    for (std::size_t j = 0; j < w.window_width; ++j, taps += w.all_channels) {
      for (std::size_t v = 0; v < V; ++v) {
        const Vec tap = load(taps + v * kLanes);
        for (std::size_t i = 0; i < X; ++i) {
          sums[i][v] += load(in + static_cast<std::ptrdiff_t>(i) * w.stride * channels +
                             static_cast<std::ptrdiff_t>(v * kLanes)) *
                        tap;
        }
      }
      in += w.dilation * channels;
    }
  }
  for (std::size_t i = 0; i < X; ++i) {
    for (std::size_t v = 0; v < V; ++v) {
      store(w.out + (x + i) * w.all_channels + c + v * kLanes, clamp(sums[i][v], limits));
    }
  }
}

// One output, at the border of the input or of the channels.
void depthwise_place(const WindowRow& w, const float* kernel, const float* bias, Limits limits,
                     std::size_t x, std::size_t first_channel) {
  const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(x) * w.stride - w.before;
  const Inside columns = inside(w, begin);
  for_each_piece(w.channels - first_channel, [&](std::size_t at, std::size_t lanes) {
    const std::size_t c = first_channel + at;
    Vec sum = load(bias + c, lanes);
    for (std::size_t k = 0; k < w.window_rows; ++k) {
      if (w.rows[k] == nullptr) continue;
      for (std::size_t j = columns.first; j < columns.last; ++j) {
        const std::ptrdiff_t place = begin + static_cast<std::ptrdiff_t>(j) * w.dilation;
        sum += load(w.rows[k] + static_cast<std::size_t>(place) * w.all_channels + c, lanes) *
               load(kernel + (k * w.window_width + j) * w.all_channels + c, lanes);
      }
    }
    store(w.out + x * w.all_channels + c, clamp(sum, limits), lanes);
  });
}

void depthwise(const WindowRow& w, const float* kernel, const float* bias, Limits limits) {
  constexpr std::size_t kPlaces = 4;
  constexpr std::size_t kVectors = kLanes == 16 ? 1 : 2;
  const std::size_t whole = w.channels / (kVectors * kLanes) * (kVectors * kLanes);
  const auto span = static_cast<std::ptrdiff_t>(w.window_width - 1) * w.dilation;
  std::size_t x = 0;
  while (x < w.out_width) {
    const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(x) * w.stride - w.before;
    const auto end_of = [&](std::size_t places) {
      return begin + static_cast<std::ptrdiff_t>(places - 1) * w.stride + span;
    };
    if (begin < 0 || end_of(1) >= w.in_width) {
      depthwise_place(w, kernel, bias, limits, x, 0);
      ++x;
      continue;
    }
    const bool four = x + kPlaces <= w.out_width && end_of(kPlaces) < w.in_width;
    for (std::size_t c = 0; c < whole; c += kVectors * kLanes) {
      if (four) {
        depthwise_tile<kPlaces, kVectors>(w, kernel, bias, limits, x, c);
      } else {
        depthwise_tile<1, kVectors>(w, kernel, bias, limits, x, c);
      }
    }
    const std::size_t places = four ? kPlaces : 1;
    if (whole < w.channels) {
      for (std::size_t i = 0; i < places; ++i) {
        depthwise_place(w, kernel, bias, limits, x + i, whole);
      }
    }
    x += places;
  }
}

// f(so far, next) over each window of each channel, beginning with `start`; then done(sum, count).
template <typename F, typename Done>
inline void for_each_window(const WindowRow& w, float start, F f, Done done) {
  for (std::size_t x = 0; x < w.out_width; ++x) {
    const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(x) * w.stride - w.before;
    const Inside columns = inside(w, begin);
    for_each_piece(w.channels, [&](std::size_t c, std::size_t lanes) {
      Vec sum = splat(start);
      std::size_t count = 0;
      for (std::size_t k = 0; k < w.window_rows; ++k) {
        if (w.rows[k] == nullptr) continue;
        for (std::size_t j = columns.first; j < columns.last; ++j, ++count) {
          const std::ptrdiff_t place = begin + static_cast<std::ptrdiff_t>(j) * w.dilation;
          const float* in = w.rows[k] + static_cast<std::size_t>(place) * w.all_channels + c;
          sum = f(sum, load(in, lanes));
        }
      }
      store(w.out + x * w.all_channels + c, done(sum, count), lanes);
    });
  }
}

void max_pool(const WindowRow& w) {
  for_each_window(
      w, -__builtin_inff(),
      [](Vec best, Vec x) { return ((x > best) | (x != x)) ? x : best; },  // NaN wins
      [](Vec best, std::size_t) { return best; });
}

void average_pool(const WindowRow& w) {
  for_each_window(
      w, 0, [](Vec sum, Vec x) { return sum + x; },
      [](Vec sum, std::size_t count) { return sum / splat(static_cast<float>(count)); });
}

void mean(const float* in, std::size_t places, std::size_t channels, std::size_t count,
          float* out) {
  for_each_piece(channels, [&](std::size_t c, std::size_t lanes) {
    Vec sum{};
    for (std::size_t p = 0; p < places; ++p) sum += load(in + p * channels + c, lanes);
    store(out + c, sum / splat(static_cast<float>(count)), lanes);
  });
}

// ---- Element by element ------------------------------------------------------------------------

void normalize(const float* in, std::size_t places, std::size_t channels, const float* mean,
               const float* scale, const float* shift, Limits limits, float* out) {
  for (std::size_t p = 0; p < places; ++p, in += channels, out += channels) {
    for_each_piece(channels, [&](std::size_t c, std::size_t n) {
      const Vec y = (load(in + c, n) - load(mean + c, n)) * load(scale + c, n) + load(shift + c, n);
      store(out + c, clamp(y, limits), n);
    });
  }
}

void add(const float* a, const float* b, std::size_t count, Limits limits, float* out) {
  for_each_piece(count, [&](std::size_t i, std::size_t n) {
    store(out + i, clamp(load(a + i, n) + load(b + i, n), limits), n);
  });
}

void multiply_each(const float* a, const float* b, std::size_t count, float* out) {
  for_each_piece(count, [&](std::size_t i, std::size_t n) {
    store(out + i, load(a + i, n) * load(b + i, n), n);
  });
}

void scale(const float* in, std::size_t places, std::size_t channels, const float* factors,
           float* out) {
  for (std::size_t p = 0; p < places; ++p) {
    multiply_each(in + p * channels, factors, channels, out + p * channels);
  }
}

void clamp_each(const float* in, std::size_t count, Limits limits, float* out) {
  for_each_piece(count, [&](std::size_t i, std::size_t n) {
    store(out + i, clamp(load(in + i, n), limits), n);
  });
}

// e^x to 2 units in the last place: 2^k · e^r with |r| ≤ ln 2 / 2, and Taylor's polynomial for e^r,
// whose next term is below 2^-26. Beyond the exponents of float it is infinite, or almost 0.
inline Vec exponential(Vec x) {
  const Vec high = splat(89.0F);
  const Vec low = splat(-87.0F);
  x = x > high ? high : x;
  x = x < low ? low : x;
  // Added to a float below 2^22, 1.5 · 2^23 leaves no digits behind the point: that rounds.
  const Vec magic = splat(12582912.0F);
  const Vec shifted = x * splat(1.44269504F) + magic;
  const Vec k = shifted - magic;
  // ln 2 in two parts, of which the first times k is exact.
  const Vec r = (x - k * splat(0.693359375F)) - k * splat(-2.12194440e-4F);
  const float taylor[] = {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F};
  Vec y = splat(1.0F / 5040);
  for (const float c : taylor) y = y * r + splat(c);
  const Bits exponent = (reinterpret_cast<Bits>(shifted) - reinterpret_cast<Bits>(magic) + 127)
                        << 23;
  return y * reinterpret_cast<Vec>(exponent);
}

inline Vec sigmoid(Vec x) { return splat(1.0F) / (splat(1.0F) + exponential(-x)); }
inline Vec hard_sigmoid(Vec x) { return clamp(x / splat(6.0F) + splat(0.5F), {0.0F, 1.0F}); }

template <typename F>
inline void map(float* values, std::size_t count, F f) {
  for_each_piece(
      count, [&](std::size_t i, std::size_t n) { store(values + i, f(load(values + i, n)), n); });
}

void apply(Function function, float* values, std::size_t count) {
  switch (function) {
    case Function::kSigmoid:
      return map(values, count, [](Vec x) { return sigmoid(x); });
    case Function::kSilu:
      return map(values, count, [](Vec x) { return x * sigmoid(x); });
    case Function::kHardSigmoid:
      return map(values, count, [](Vec x) { return hard_sigmoid(x); });
    case Function::kHardSilu:
      return map(values, count, [](Vec x) { return x * hard_sigmoid(x); });
  }
}

constexpr Kernels kTable{kLanes,    kRows, multiply,      depthwise, max_pool,   average_pool, mean,
                         normalize, add,   multiply_each, scale,     clamp_each, apply};

}  // namespace
}  // namespace ckpt::fast
