#include <algorithm>

#include "core/text.h"
#include "model/kernels/activation.h"
#include "model/kernels/conv.h"
#include "model/ops/recurrent.h"
#include "model/ops/window.h"

namespace ckpt::ops {
namespace {

// One time step of the input [N, T, spatial …, C], channels last.
Shape step_shape(const Operation& op, const Shape& shape) {
  require(shape.size() >= 4,
          cat("takes [batch, time, spatial …, channels], not ", describe(shape)));
  Shape out = shape;
  out.erase(out.begin() + 1);
  return channels_last(op, out);
}

// The convolution of the state: the same window, no strides, padded to keep its extents.
Operation state_operation(const Operation& op) {
  Operation state = op;
  const std::size_t dimensions = op.attributes.integers("window").size();
  state.attributes.set("strides", std::vector<std::int64_t>(dimensions, 1));
  state.attributes.set("dilation", std::vector<std::int64_t>(dimensions, 1));
  state.attributes.set("padding", std::string("same"));
  return state;
}

std::vector<Value> infer_conv_lstm(const Signature& s) {
  const Shape input = step_shape(s.op, s.input(0).shape);
  const auto window = forward_window(s.op, input);
  const Shape* recurrent = s.find_variable("recurrent_kernel");
  require(recurrent != nullptr && recurrent->size() == input.size() &&
              s.find_variable("kernel") != nullptr,
          "needs a kernel and a recurrent_kernel");
  const std::int64_t filters = (*recurrent)[recurrent->size() - 2];
  Shape kernel = s.op.attributes.integers("window");
  kernel.push_back(input.back());
  kernel.push_back(multiply_extents(filters, 4));
  require_variable(s, "kernel", kernel);
  kernel[kernel.size() - 2] = filters;
  require_variable(s, "recurrent_kernel", kernel);
  require_variable(s, "bias", {multiply_extents(filters, 4)});
  Shape state = result_shape(input, window, filters);
  if (channels_first(s.op)) state = to_channels_first(state);
  state.erase(state.begin());
  return infer_sweep(s, Sweep(s.op), state, {state, state});
}

// Gates i, f, c̃, o are quarters of z = conv(x, W) + b + conv(h, U), each [N, spatial …, F]:
// c' = σ(f)·c + σ(i)·φ(c̃), h' = σ(o)·φ(c').
Array gate(const Array& z, std::size_t which, const Operation& op, const std::string& activation) {
  const auto width = static_cast<std::size_t>(z.shape.back());
  const std::size_t filters = width / 4;
  Shape shape = z.shape;
  shape.back() /= 4;
  Array out = make_array(z.dtype, shape);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    out.values[i] = z.values[i / filters * width + which * filters + i % filters];
  }
  activate(out, op, activation);
  round(out, op.compute);
  return out;
}

std::vector<Array> run_conv_lstm(const Call& call) {
  const Array& x = call.input(0);
  const Operation& op = call.op;
  const Shape input = step_shape(op, x.shape);
  const auto window = forward_window(op, input);
  const Array kernel = five_dimensional_kernel(call.need("kernel"));
  const Array recurrent = five_dimensional_kernel(call.need("recurrent_kernel"));
  const Array* bias = call.variable("bias");
  const std::int64_t filters = recurrent.shape[3];
  const Shape state_shape = result_shape(input, window, filters);
  const auto state_window = forward_window(state_operation(op), state_shape);

  // States are kept channels last between steps, and turned round at the ends.
  std::vector<Array> states;
  for (std::size_t i = 0; i < 2; ++i) {
    const Array* initial = call.find(cat("initial_state_", i));
    if (initial == nullptr) {
      states.push_back(make_array(op.compute, state_shape));
    } else {
      states.push_back(channels_last(op, *initial));
    }
  }
  const auto step = [&](const Array& at, std::vector<Array>& all) {
    Array frame = channels_last(op, at);
    frame = reshaped(std::move(frame), five_dimensions(input));
    Array z = kernels::conv(frame, kernel, window, 1);
    add_bias(z, bias, op.compute);
    const Array from_state =
        kernels::conv(reshaped(all[0], five_dimensions(state_shape)), recurrent, state_window, 1);
    for (std::size_t i = 0; i < z.values.size(); ++i) z.values[i] += from_state.values[i];
    round(z, op.compute);
    const Array i_gate = gate(z, 0, op, "recurrent_activation");
    const Array f_gate = gate(z, 1, op, "recurrent_activation");
    const Array candidate = gate(z, 2, op, "activation");
    const Array o_gate = gate(z, 3, op, "recurrent_activation");
    Array& h = all[0];
    Array& c = all[1];
    for (std::size_t i = 0; i < c.values.size(); ++i) {
      c.values[i] = f_gate.values[i] * c.values[i] + i_gate.values[i] * candidate.values[i];
    }
    round(c, op.compute);
    Array shown = c;
    activate(shown, op, "activation");
    for (std::size_t i = 0; i < h.values.size(); ++i)
      h.values[i] = o_gate.values[i] * shown.values[i];
    round(h, op.compute);
    return h;
  };
  std::vector<Array> out = sweep(x, call.find("mask"), Sweep(op), std::move(states), step);
  if (!channels_first(op)) return out;
  // Channels go in front of the spatial axes: behind the batch, or behind the time as well.
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool has_time = i == 0 && Sweep(op).sequences;
    std::vector<std::int64_t> order{0};
    if (has_time) order.push_back(1);
    const auto rank = static_cast<std::int64_t>(out[i].shape.size());
    order.push_back(rank - 1);
    for (std::int64_t a = has_time ? 2 : 1; a < rank - 1; ++a) order.push_back(a);
    out[i] = permuted(out[i], order);
  }
  return out;
}

constexpr Kind kConvLstmKinds[] = {{"conv_lstm", infer_conv_lstm, run_conv_lstm}};

}  // namespace

std::span<const Kind> conv_lstm_kinds() { return kConvLstmKinds; }

}  // namespace ckpt::ops
