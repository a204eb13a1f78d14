#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/kernels/extreme.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// Which axes are reduced: all where the attribute "axes" is missing.
std::vector<bool> reduced_axes(const Operation& op, std::size_t rank) {
  if (!op.attributes.has("axes")) return std::vector<bool>(rank, true);
  std::vector<bool> reduced(rank, false);
  for (const std::int64_t axis : op.attributes.integers("axes"))
    reduced[axis_of(axis, rank)] = true;
  return reduced;
}

Shape reduced_shape(const Operation& op, const Shape& shape) {
  const auto reduced = reduced_axes(op, shape.size());
  Shape out;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    if (!reduced[a]) {
      out.push_back(shape[a]);
    } else if (op.attributes.flag("keepdims")) {
      out.push_back(1);
    }
  }
  return out;
}

// "function": mean, sum, max, min, prod, any, all; over "axes", which "keepdims" keeps as ones.
std::vector<Value> infer_reduce(const Signature& s) {
  const Value& x = s.input(0);
  const std::string function = s.op.attributes.text("function");
  constexpr std::string_view kFunctions[] = {"mean", "sum", "max", "min", "prod", "any", "all"};
  require(std::ranges::find(kFunctions, function) != std::end(kFunctions),
          cat("'", function, "' is no reduction"));
  DType dtype = x.dtype;
  if (function == "any" || function == "all") dtype = DType::kBool;
  if (function == "mean" && class_of(dtype) != DTypeClass::kFloat) dtype = DType::kF32;
  if (function == "sum" && dtype == DType::kBool) dtype = DType::kI32;
  return {{dtype, reduced_shape(s.op, x.shape)}};
}

double start_of(const std::string& function) {
  if (function == "max") return -INFINITY;
  if (function == "min") return INFINITY;
  return function == "prod" || function == "all" ? 1 : 0;
}

double fold(const std::string& function, double sum, double x) {
  if (function == "max") return kernels::larger(sum, x);
  if (function == "min") return kernels::smaller(sum, x);
  if (function == "prod") return sum * x;
  if (function == "any") return sum != 0 || x != 0 ? 1 : 0;
  if (function == "all") return sum != 0 && x != 0 ? 1 : 0;
  return sum + x;
}

std::vector<Array> run_reduce(const Call& call) {
  const Array& x = call.input(0);
  const std::string function = call.op.attributes.text("function");
  const auto reduced = reduced_axes(call.op, x.shape.size());
  Array y = make_array(x.dtype, reduced_shape(call.op, x.shape));
  for (double& value : y.values) value = start_of(function);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    std::size_t at = 0;
    for (std::size_t a = 0; a < x.shape.size(); ++a) {
      if (reduced[a]) continue;
      const AxisView view = view_axis(x.shape, a);
      at = at * view.extent + i / view.inner % view.extent;
    }
    y.values[at] = fold(function, y.values[at], x.values[i]);
  }
  if (function == "mean") {
    const double count = static_cast<double>(x.values.size()) /
                         static_cast<double>(std::max<std::size_t>(y.values.size(), 1));
    for (double& value : y.values) value /= count;
  }
  return {std::move(y)};
}

constexpr Kind kReduceKinds[] = {{"reduce", infer_reduce, run_reduce}};

}  // namespace

std::span<const Kind> reduce_kinds() { return kReduceKinds; }

}  // namespace ckpt::ops
