#include "model/ops/window.h"

#include <algorithm>

#include "core/text.h"

namespace ckpt::ops {
namespace {

// Extents of the attribute, ones in front; all `otherwise` where there is none.
kernels::Extents extents(const Operation& op, std::string_view name, std::size_t dimensions,
                         std::int64_t otherwise, std::int64_t least) {
  kernels::Extents out;
  out.fill(otherwise);
  if (!op.attributes.has(name)) return out;
  const auto& given = op.attributes.integers(name);
  require(given.size() == dimensions,
          cat("its ", name, " has ", given.size(), " extents, not ", dimensions));
  for (std::size_t i = 0; i < dimensions; ++i) {
    require(given[i] >= least && given[i] <= (std::int64_t{1} << 30),
            cat("its ", name, " has the extent ", given[i]));
    out[3 - dimensions + i] = given[i];
  }
  return out;
}

std::size_t spatial_dimensions(const Shape& input) {
  require(input.size() >= 3 && input.size() <= 5,
          cat("takes an input of 3 to 5 dimensions, not ", describe(input)));
  return input.size() - 2;
}

kernels::Window read_window(const Operation& op, std::size_t dimensions) {
  kernels::Window window;
  window.size = extents(op, "window", dimensions, 1, 1);
  window.strides = extents(op, "strides", dimensions, 1, 1);
  window.dilation = extents(op, "dilation", dimensions, 1, 1);
  return window;
}

// The elements that a dilated window spans.
std::int64_t span_of(const kernels::Window& window, std::size_t i) {
  return add_extents(multiply_extents(window.size[i] - 1, window.dilation[i]), 1);
}

}  // namespace

Shape channels_last(const Operation& op, const Shape& shape) {
  require(shape.size() >= 3,
          cat("takes a tensor of three dimensions at least, not ", describe(shape)));
  return channels_first(op) ? to_channels_last(shape) : shape;
}

Array channels_last(const Operation& op, const Array& array) {
  return channels_first(op) ? to_channels_last(array) : array;
}

Array five_dimensional_kernel(const Array& kernel) {
  Shape shape = kernel.shape;
  shape.insert(shape.begin(), 5 - shape.size(), 1);
  return reshaped(kernel, std::move(shape));
}

Shape five_dimensions(const Shape& shape) {
  Shape out = shape;
  out.insert(out.begin() + 1, 5 - shape.size(), 1);
  return out;
}

kernels::Window forward_window(const Operation& op, const Shape& input) {
  const std::size_t dimensions = spatial_dimensions(input);
  kernels::Window window = read_window(op, dimensions);
  const Shape in = five_dimensions(input);
  const std::string padding = op.attributes.text("padding", "valid");
  require(padding == "valid" || padding == "same" || padding == "causal",
          cat("its padding '", padding, "' is neither valid nor same nor causal"));
  for (std::size_t i = 3 - dimensions; i < 3; ++i) {
    const std::int64_t extent = in[i + 1];
    const std::int64_t span = span_of(window, i);
    if (extent == kUnknown) {
      window.out[i] = kUnknown;
    } else if (padding == "same") {
      // TensorFlow's rule: as many windows as strides begin in the input; what is missing is put
      // evenly around it, the odd element behind.
      window.out[i] = (extent + window.strides[i] - 1) / window.strides[i];
      const std::int64_t total = std::max<std::int64_t>(
          add_extents(multiply_extents(window.out[i] - 1, window.strides[i]), span) - extent, 0);
      window.before[i] = total / 2;
    } else {
      const std::int64_t front = padding == "causal" ? span - 1 : 0;
      window.before[i] = front;
      require(extent + front >= span,
              cat("its window spans ", span, " of an input that has ", extent));
      window.out[i] = (extent + front - span) / window.strides[i] + 1;
    }
  }
  return window;
}

kernels::Window transposed_window(const Operation& op, const Shape& input) {
  const std::size_t dimensions = spatial_dimensions(input);
  kernels::Window window = read_window(op, dimensions);
  const Shape in = five_dimensions(input);
  const std::string padding = op.attributes.text("padding", "valid");
  require(padding == "valid" || padding == "same", "its padding is neither valid nor same");
  const bool same = padding == "same";
  const bool is_theano = op.attributes.text("alignment") == "theano";
  const kernels::Extents extra = extents(op, "output_padding", dimensions, -1, -1);
  for (std::size_t i = 3 - dimensions; i < 3; ++i) {
    const std::int64_t extent = in[i + 1];
    const std::int64_t stride = window.strides[i];
    const std::int64_t span = span_of(window, i);
    if (extent == kUnknown) {
      window.out[i] = kUnknown;
      continue;
    }
    const std::int64_t last = multiply_extents(extent - 1, stride);
    if (extra[i] < 0) {
      window.out[i] = same ? multiply_extents(extent, stride)
                           : add_extents(multiply_extents(extent, stride),
                                         std::max<std::int64_t>(span - stride, 0));
    } else {
      window.out[i] = add_extents(last, span) - (same ? 2 * (span / 2) : 0) + extra[i];
    }
    require(window.out[i] >= 0, "its output would have a negative extent");
    if (!same) continue;
    const std::int64_t total = std::max<std::int64_t>(add_extents(last, span) - window.out[i], 0);
    // Where the surplus is odd Theano takes one more from the front, TensorFlow from the end.
    window.before[i] = is_theano ? (total + 1) / 2 : total / 2;
  }
  return window;
}

Shape result_shape(const Shape& input, const kernels::Window& window, std::int64_t channels) {
  Shape out{input[0]};
  for (std::size_t i = 5 - input.size(); i < 3; ++i) out.push_back(window.out[i]);
  out.push_back(channels);
  return out;
}

}  // namespace ckpt::ops
