#pragma once

#include <cstddef>
#include <cstdint>

// The arithmetic of the fast engine: plain functions on arrays of float, compiled once for each
// instruction set. This header is included by files that are compiled for processors which this one
// may not be, so it holds and includes no code.
namespace ckpt {

enum class InstructionSet : std::uint8_t;

namespace fast {

// Values are kept between these two; NaN stays NaN.
struct Limits {
  float low;
  float high;
};

// Sums of products, of which dense layers and convolutions are made:
//   out[r, f] = clamp(Σ_t Σ_i rows[r][taps[t] + i] · kernel[t, i, f] + bias[f] + residual[r, f])
// for all rows r and the filters f from `first` to `last`. A row is what one output place reads: in
// an image in memory a few runs of neighbouring floats, each at a fixed distance (its tap) from the
// first. So nothing is copied to make a matrix of the image.
// The kernel is in panels: width() filters each, the last of half that width where that is enough;
// in a panel [t, i, f], filters that do not exist being zero.
struct Product {
  const float* const* rows;
  std::size_t row_count;
  const std::ptrdiff_t* taps;
  std::size_t tap_count;
  std::size_t run;        // floats in a run
  const float* kernel;    // the panel that begins with `first`
  const float* bias;      // [filters], padded to the width
  const float* residual;  // null: none; else as `out`
  Limits limits;
  float* out;  // filter 0 of row 0
  std::size_t out_stride;
  std::size_t first;  // REQUIRES: a multiple of width()
  std::size_t last;
};

// A window that moves along one row of an output, each channel apart. An input row is
// [in_width, all_channels]; rows[k] is the one under row k of the window, null where that is
// outside. The first `channels` of each place are computed.
struct WindowRow {
  const float* const* rows;
  std::size_t window_rows;
  std::size_t window_width;
  std::ptrdiff_t stride;
  std::ptrdiff_t dilation;
  std::ptrdiff_t before;  // padding in front of the input row
  std::ptrdiff_t in_width;
  std::size_t out_width;
  std::size_t channels;
  std::size_t all_channels;
  float* out;  // [out_width, all_channels]
};

enum class Function : std::uint8_t { kSigmoid, kSilu, kHardSigmoid, kHardSilu };

struct Kernels {
  std::size_t lanes;  // floats in a register; a panel of a product is twice as wide
  std::size_t rows;   // of a product whose sums are in registers at once

  void (*multiply)(const Product& product);
  // out[x, c] = clamp(Σ_k Σ_j in[k, x·stride + j·dilation - before, c] · kernel[k, j, c] + bias[c])
  // for a kernel [rows, width, all_channels].
  void (*depthwise)(const WindowRow& row, const float* kernel, const float* bias, Limits limits);
  // The largest, the mean, of what lies inside.
  void (*max_pool)(const WindowRow& row);
  void (*average_pool)(const WindowRow& row);
  // out[c] = Σ in[p, c] over all places, divided by `count`.
  void (*mean)(const float* in, std::size_t places, std::size_t channels, std::size_t count,
               float* out);
  // out[p, c] = clamp((in[p, c] - mean[c]) · scale[c] + shift[c]); `out` may be `in`.
  void (*normalize)(const float* in, std::size_t places, std::size_t channels, const float* mean,
                    const float* scale, const float* shift, Limits limits, float* out);
  // Element by element; `out` may be an operand.
  void (*add)(const float* a, const float* b, std::size_t count, Limits limits, float* out);
  void (*multiply_each)(const float* a, const float* b, std::size_t count, float* out);
  // out[p, c] = in[p, c] · scale[c].
  void (*scale)(const float* in, std::size_t places, std::size_t channels, const float* scale,
                float* out);
  void (*clamp)(const float* in, std::size_t count, Limits limits, float* out);
  void (*apply)(Function function, float* values, std::size_t count);
};

// REQUIRES: the processor has that instruction set.
const Kernels& kernels_of(InstructionSet set);

// Each in a file of its own, compiled for its instruction set.
extern const Kernels kBaselineKernels;
extern const Kernels kV3Kernels;
extern const Kernels kV4Kernels;

}  // namespace fast
}  // namespace ckpt
