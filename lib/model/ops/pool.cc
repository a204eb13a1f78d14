#include <algorithm>

#include "core/text.h"
#include "model/kernels/extreme.h"
#include "model/ops/op.h"
#include "model/ops/window.h"

namespace ckpt::ops {
namespace {

std::vector<Value> infer_pool(const Signature& s) {
  const Shape input = channels_last(s.op, s.input(0).shape);
  const Shape out = result_shape(input, forward_window(s.op, input), input.back());
  return {{s.op.compute, channels_first(s.op) ? to_channels_first(out) : out}};
}

std::vector<Array> run_pool(const Call& call) {
  Array x = channels_last(call.op, call.input(0));
  const Shape input = x.shape;
  const auto window = forward_window(call.op, input);
  x = reshaped(std::move(x), five_dimensions(input));
  Array y =
      call.op.kind == "max_pool" ? kernels::max_pool(x, window) : kernels::average_pool(x, window);
  y = reshaped(std::move(y), result_shape(input, window, input.back()));
  return {channels_first(call.op) ? to_channels_first(y) : y};
}

std::vector<Value> infer_global(const Signature& s) {
  const Shape input = channels_last(s.op, s.input(0).shape);
  if (const Value* mask = s.find("mask")) {
    require(input.size() == 3 && mask->shape.size() == 2, "takes a mask [batch, time] alone");
  }
  Shape out{input[0]};
  if (s.op.attributes.flag("keepdims")) out.insert(out.end(), input.size() - 2, 1);
  out.push_back(input.back());
  return {{s.op.compute, channels_first(s.op) ? to_channels_first(out) : out}};
}

// The mean or the largest over all places, each channel apart. With a mask [N, T]: the mean over
// the places where it is true.
std::vector<Array> run_global(const Call& call) {
  const Array x = channels_last(call.op, call.input(0));
  const auto batch = static_cast<std::size_t>(x.shape[0]);
  const auto channels = static_cast<std::size_t>(x.shape.back());
  const std::size_t places = batch * channels == 0 ? 0 : x.values.size() / (batch * channels);
  const bool largest = call.op.kind == "global_max_pool";
  const Array* mask = largest ? nullptr : call.find("mask");
  Shape shape{x.shape[0]};
  if (call.op.attributes.flag("keepdims")) shape.insert(shape.end(), x.shape.size() - 2, 1);
  shape.push_back(x.shape.back());
  Array y = make_array(x.dtype, shape);
  for (std::size_t n = 0; n < batch; ++n) {
    double count = 0;
    double* out = y.values.data() + n * channels;
    for (std::size_t p = 0; p < places; ++p) {
      const double* values = x.values.data() + (n * places + p) * channels;
      const double weight = mask == nullptr ? 1 : mask->values[n * places + p];
      for (std::size_t c = 0; c < channels; ++c) {
        if (largest) {
          out[c] = p == 0 ? values[c] : kernels::larger(out[c], values[c]);
        } else {
          out[c] += values[c] * weight;
        }
      }
      count += weight;
    }
    if (largest) continue;
    for (std::size_t c = 0; c < channels; ++c) out[c] /= count;
  }
  return {channels_first(call.op) ? to_channels_first(y) : y};
}

// Bin i of n over an extent e covers [⌊i·e/n⌋, ⌈(i+1)·e/n⌉).
std::vector<Value> infer_adaptive(const Signature& s) {
  const Shape input = channels_last(s.op, s.input(0).shape);
  const auto& sizes = s.op.attributes.integers("output_size");
  require(sizes.size() == input.size() - 2, "its output_size does not fit its input");
  Shape out{input[0]};
  for (const std::int64_t size : sizes) {
    require(size > 0, "its output_size is not positive");
    out.push_back(size);
  }
  out.push_back(input.back());
  return {{s.op.compute, channels_first(s.op) ? to_channels_first(out) : out}};
}

std::vector<Array> run_adaptive(const Call& call) {
  Array x = channels_last(call.op, call.input(0));
  const auto& sizes = call.op.attributes.integers("output_size");
  const bool largest = call.op.kind == "adaptive_max_pool";
  for (std::size_t d = 0; d < sizes.size(); ++d) {  // one dimension after the other
    const auto [outer, extent, inner] = view_axis(x.shape, d + 1);
    const auto bins = static_cast<std::size_t>(sizes[d]);
    Shape shape = x.shape;
    shape[d + 1] = sizes[d];
    Array y = make_array(x.dtype, shape);
    for (std::size_t o = 0; o < outer; ++o) {
      for (std::size_t b = 0; b < bins; ++b) {
        const std::size_t first = b * extent / bins;
        const std::size_t end = ((b + 1) * extent + bins - 1) / bins;
        for (std::size_t i = 0; i < inner; ++i) {
          double& out = y.values[(o * bins + b) * inner + i];
          for (std::size_t e = first; e < end; ++e) {
            const double value = x.values[(o * extent + e) * inner + i];
            out = e == first ? value : largest ? kernels::larger(out, value) : out + value;
          }
          if (!largest) out /= static_cast<double>(end - first);
        }
      }
    }
    x = std::move(y);
  }
  return {channels_first(call.op) ? to_channels_first(x) : x};
}

constexpr Kind kPoolKinds[] = {
    {"max_pool", infer_pool, run_pool},
    {"average_pool", infer_pool, run_pool},
    {"global_max_pool", infer_global, run_global},
    {"global_average_pool", infer_global, run_global},
    {"adaptive_max_pool", infer_adaptive, run_adaptive},
    {"adaptive_average_pool", infer_adaptive, run_adaptive},
};

}  // namespace

std::span<const Kind> pool_kinds() { return kPoolKinds; }

}  // namespace ckpt::ops
