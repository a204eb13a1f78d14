#include "model/kernels/conv.h"

#include "core/text.h"
#include "model/ops/op.h"
#include "model/ops/window.h"

namespace ckpt::ops {
namespace {

Value result(const Signature& s, const Shape& input, const kernels::Window& window,
             std::int64_t channels) {
  const Shape shape = result_shape(input, window, channels);
  return {s.op.compute, channels_first(s.op) ? to_channels_first(shape) : shape};
}

// The window's sizes, which are the first axes of the kernel, and then these.
Shape kernel_shape(const Operation& op, std::int64_t a, std::int64_t b) {
  Shape shape = op.attributes.integers("window");
  shape.push_back(a);
  shape.push_back(b);
  return shape;
}

const Shape& need_kernel(const Signature& s, std::string_view role, std::size_t rank) {
  const Shape* kernel = s.find_variable(role);
  require(kernel != nullptr && kernel->size() == rank,
          cat("needs a ", role, " of ", rank, " dimensions"));
  return *kernel;
}

// The input, channels last and with five dimensions.
Array prepared(const Call& call) {
  Array x = channels_last(call.op, call.input(0));
  Shape shape = five_dimensions(x.shape);
  return reshaped(std::move(x), std::move(shape));
}

// The result with the input's number of dimensions, and its channels where they belong.
std::vector<Array> finished(const Call& call, Array y, const Shape& input,
                            const kernels::Window& window) {
  const std::int64_t channels = y.shape.back();
  y = reshaped(std::move(y), result_shape(input, window, channels));
  if (channels_first(call.op)) y = to_channels_first(y);
  std::vector<Array> out;
  out.push_back(std::move(y));
  return out;
}

Shape run_shape(const Call& call) {
  const Shape& shape = call.input(0).shape;
  return channels_first(call.op) ? to_channels_last(shape) : shape;
}

std::vector<Value> infer_conv(const Signature& s) {
  const Shape input = channels_last(s.op, s.input(0).shape);
  const auto window = forward_window(s.op, input);
  const std::int64_t groups = s.op.attributes.integer("groups", 1);
  const Shape& kernel = need_kernel(s, "kernel", input.size());
  const std::int64_t filters = kernel.back();
  const std::int64_t depth = kernel[kernel.size() - 2];
  require(groups >= 1 && filters % groups == 0,
          cat("its ", filters, " filters do not divide into ", groups, " groups"));
  require_variable(s, "kernel", kernel_shape(s.op, kUnknown, kUnknown));
  require(may_equal(input.back(), multiply_extents(depth, groups)),
          cat("its kernel takes ", depth, " channels in ", groups, " groups, the input has ",
              input.back()));
  require_variable(s, "bias", {filters});
  return {result(s, input, window, filters)};
}

std::vector<Array> run_conv(const Call& call) {
  const Shape input = run_shape(call);
  const auto window = forward_window(call.op, input);
  Array y = kernels::conv(prepared(call), five_dimensional_kernel(call.need("kernel")), window,
                          call.op.attributes.integer("groups", 1));
  add_bias(y, call.variable("bias"), call.op.compute);
  activate(y, call.op);
  return finished(call, std::move(y), input, window);
}

std::vector<Value> infer_depthwise(const Signature& s) {
  const Shape input = channels_last(s.op, s.input(0).shape);
  const auto window = forward_window(s.op, input);
  const Shape& kernel = need_kernel(s, "depthwise_kernel", input.size());
  require_variable(s, "depthwise_kernel", kernel_shape(s.op, input.back(), kUnknown));
  const std::int64_t filters = multiply_extents(kernel[kernel.size() - 2], kernel.back());
  if (s.op.kind == "depthwise_conv") {
    require_variable(s, "bias", {filters});
    return {result(s, input, window, filters)};
  }
  const Shape& pointwise = need_kernel(s, "pointwise_kernel", input.size());
  Shape ones(input.size() - 2, 1);
  ones.push_back(filters);
  ones.push_back(kUnknown);
  require_variable(s, "pointwise_kernel", ones);
  require_variable(s, "bias", {pointwise.back()});
  return {result(s, input, window, pointwise.back())};
}

// Each channel apart: a convolution with as many groups as channels, whose kernel [K, C, M] has
// the same elements in the same order as [K, 1, C·M].
Array depthwise(const Call& call, const kernels::Window& window) {
  Array kernel = five_dimensional_kernel(call.need("depthwise_kernel"));
  const std::int64_t channels = kernel.shape[3];
  Shape shape = kernel.shape;
  shape[4] *= channels;
  shape[3] = 1;
  return kernels::conv(prepared(call), reshaped(std::move(kernel), std::move(shape)), window,
                       channels);
}

std::vector<Array> run_depthwise(const Call& call) {
  const Shape input = run_shape(call);
  const auto window = forward_window(call.op, input);
  Array y = depthwise(call, window);
  if (call.op.kind == "separable_conv") {
    round(y, call.op.compute);
    kernels::Window point;
    point.out = window.out;
    y = kernels::conv(y, five_dimensional_kernel(call.need("pointwise_kernel")), point, 1);
  }
  add_bias(y, call.variable("bias"), call.op.compute);
  activate(y, call.op);
  return finished(call, std::move(y), input, window);
}

std::vector<Value> infer_transpose(const Signature& s) {
  const Shape input = channels_last(s.op, s.input(0).shape);
  const auto window = transposed_window(s.op, input);
  const Shape& kernel = need_kernel(s, "kernel", input.size());
  require_variable(s, "kernel", kernel_shape(s.op, kUnknown, input.back()));
  const std::int64_t filters = kernel[kernel.size() - 2];
  require_variable(s, "bias", {filters});
  return {result(s, input, window, filters)};
}

std::vector<Array> run_transpose(const Call& call) {
  const Shape input = run_shape(call);
  const auto window = transposed_window(call.op, input);
  Array y =
      kernels::conv_transpose(prepared(call), five_dimensional_kernel(call.need("kernel")), window);
  add_bias(y, call.variable("bias"), call.op.compute);
  activate(y, call.op);
  return finished(call, std::move(y), input, window);
}

constexpr Kind kConvKinds[] = {
    {"conv", infer_conv, run_conv},
    {"depthwise_conv", infer_depthwise, run_depthwise},
    {"separable_conv", infer_depthwise, run_depthwise},
    {"conv_transpose", infer_transpose, run_transpose},
};

}  // namespace

std::span<const Kind> conv_kinds() { return kConvKinds; }

}  // namespace ckpt::ops
