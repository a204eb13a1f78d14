#include "model/kernels/activation.h"

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// "identity": what dropout, noise and regularisation layers are when nothing is trained.
std::vector<Value> infer_same(const Signature& s) { return {{s.op.compute, s.input(0).shape}}; }

std::vector<Array> run_identity(const Call& call) { return {call.input(0)}; }

std::vector<Value> infer_activation(const Signature& s) {
  const std::string function = s.op.attributes.text("activation");
  require(kernels::is_activation(function), cat("'", function, "' is no activation"));
  Shape shape = s.input(0).shape;
  if (function == "glu") {
    require(!shape.empty() && (shape.back() == kUnknown || shape.back() % 2 == 0),
            cat("cannot halve the last axis of ", describe(shape)));
    if (shape.back() != kUnknown) shape.back() /= 2;
  }
  return {{s.op.compute, shape}};
}

std::vector<Array> run_activation(const Call& call) {
  Array y = call.input(0);
  activate(y, call.op);
  return {std::move(y)};
}

// y = slope · (x - threshold) below the threshold, x from there on, max_value at most.
std::vector<Array> run_relu(const Call& call) {
  Array y = call.input(0);
  const Attributes& a = call.op.attributes;
  const double slope = a.number("slope");
  const double threshold = a.number("threshold");
  const bool limited = a.has("max_value");
  const double limit = a.number("max_value");
  for (double& x : y.values) {
    if (x < threshold) {
      x = slope * (x - threshold);
    } else if (limited && x > limit) {
      x = limit;
    }
  }
  return {std::move(y)};
}

std::vector<Value> infer_prelu(const Signature& s) {
  const Value& x = s.input(0);
  const Shape* alpha = s.find_variable("alpha");
  require(alpha != nullptr && alpha->size() + 1 == x.shape.size(),
          "needs an alpha for each axis but the batch");
  for (std::size_t i = 0; i < alpha->size(); ++i) {
    require((*alpha)[i] == 1 || may_equal((*alpha)[i], x.shape[i + 1]),
            cat("its alpha ", describe(*alpha), " does not fit ", describe(x.shape)));
  }
  return {{s.op.compute, x.shape}};
}

// y = x where x > 0, alpha · x elsewhere; alpha has the extents of x but the batch, or ones.
std::vector<Array> run_prelu(const Call& call) {
  Array y = call.input(0);
  const Array& alpha = call.need("alpha");
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    if (y.values[i] > 0) continue;
    std::size_t at = 0;
    for (std::size_t a = 1; a < y.shape.size(); ++a) {
      const AxisView view = view_axis(y.shape, a);
      const auto extent = static_cast<std::size_t>(alpha.shape[a - 1]);
      at = at * extent + (extent == 1 ? 0 : i / view.inner % view.extent);
    }
    y.values[i] *= alpha.values[at];
  }
  return {std::move(y)};
}

std::vector<Value> infer_softmax(const Signature& s) {
  const Value& x = s.input(0);
  for (const std::int64_t axis : s.op.attributes.integers("axes")) axis_of(axis, x.shape.size());
  if (const Value* mask = s.find("mask")) {
    require(std::ranges::equal(mask->shape, x.shape, may_equal), "its mask has another shape");
  }
  return {{s.op.compute, x.shape}};
}

// softmax over "axes" as one; where the mask is false, a large number is subtracted first.
std::vector<Array> run_softmax(const Call& call) {
  Array x = call.input(0);
  if (const Array* mask = call.find("mask")) {
    const double large = call.op.compute == DType::kF16 ? 3e4 : 1e9;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      if (mask->values[i] == 0) x.values[i] -= large;
    }
  }
  // The axes are brought to the end, and the others in front keep their order.
  const std::size_t rank = x.shape.size();
  std::vector<std::int64_t> order;
  std::vector<std::int64_t> inside;
  for (const std::int64_t axis : call.op.attributes.integers("axes")) {
    inside.push_back(static_cast<std::int64_t>(axis_of(axis, rank)));
  }
  for (std::size_t a = 0; a < rank; ++a) {
    const auto axis = static_cast<std::int64_t>(a);
    if (std::ranges::find(inside, axis) == inside.end()) order.push_back(axis);
  }
  const std::size_t outside = order.size();
  order.insert(order.end(), inside.begin(), inside.end());
  Array y = permuted(x, order);
  const Shape moved = y.shape;
  Shape flat(moved.begin(), moved.begin() + static_cast<std::ptrdiff_t>(outside));
  std::int64_t width = 1;
  for (std::size_t a = outside; a < rank; ++a) width *= moved[a];
  flat.push_back(width);
  y = reshaped(std::move(y), flat);
  kernels::softmax(y);
  y = reshaped(std::move(y), moved);
  std::vector<std::int64_t> back(rank);
  for (std::size_t a = 0; a < rank; ++a) {
    back[static_cast<std::size_t>(order[a])] = static_cast<std::int64_t>(a);
  }
  return {permuted(y, back)};
}

// y = scale · x + offset, with numbers or with one pair for each place of the last axis.
std::vector<Value> infer_rescaling(const Signature& s) {
  const Value& x = s.input(0);
  const auto scale = s.op.attributes.numbers("scale").size();
  const auto offset = s.op.attributes.numbers("offset").size();
  for (const std::size_t size : {scale, offset}) {
    require(size == 1 ||
                (!x.shape.empty() && may_equal(x.shape.back(), static_cast<std::int64_t>(size))),
            cat("its scale or offset of ", size, " does not fit ", describe(x.shape)));
  }
  return {{s.op.compute, x.shape}};
}

std::vector<Array> run_rescaling(const Call& call) {
  Array y = call.input(0);
  std::vector<double> scale = call.op.attributes.numbers("scale");
  std::vector<double> offset = call.op.attributes.numbers("offset");
  for (auto* numbers : {&scale, &offset}) {
    Array rounded{call.op.compute, {}, *numbers};
    round(rounded, call.op.compute);
    *numbers = rounded.values;
  }
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    y.values[i] = y.values[i] * scale[i % scale.size()] + offset[i % offset.size()];
  }
  return {std::move(y)};
}

constexpr Kind kActivationKinds[] = {
    {"identity", infer_same, run_identity},  {"activation", infer_activation, run_activation},
    {"relu", infer_same, run_relu},          {"prelu", infer_prelu, run_prelu},
    {"softmax", infer_softmax, run_softmax}, {"rescaling", infer_rescaling, run_rescaling},
};

}  // namespace

std::span<const Kind> activation_kinds() { return kActivationKinds; }

}  // namespace ckpt::ops
