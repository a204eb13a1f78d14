#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/kernels/dense.h"
#include "model/kernels/extreme.h"
#include "model/ops/broadcast.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

double power(double a, double b) { return std::pow(a, b); }

struct Binary {
  std::string_view name;
  bool is_test;  // its result is true or false
  double (*f)(double a, double b);
};

const Binary kBinaries[] = {
    {"add", false, [](double a, double b) { return a + b; }},
    {"subtract", false, [](double a, double b) { return a - b; }},
    {"multiply", false, [](double a, double b) { return a * b; }},
    {"divide", false, [](double a, double b) { return a / b; }},
    {"floor_divide", false, [](double a, double b) { return std::floor(a / b); }},
    {"mod", false, [](double a, double b) { return a - b * std::floor(a / b); }},
    {"power", false, power},
    {"maximum", false, kernels::larger},
    {"minimum", false, kernels::smaller},
    {"equal", true, [](double a, double b) { return a == b ? 1.0 : 0.0; }},
    {"not_equal", true, [](double a, double b) { return a != b ? 1.0 : 0.0; }},
    {"greater", true, [](double a, double b) { return a > b ? 1.0 : 0.0; }},
    {"greater_equal", true, [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
    {"less", true, [](double a, double b) { return a < b ? 1.0 : 0.0; }},
    {"less_equal", true, [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
    {"logical_and", true, [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
    {"logical_or", true, [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }},
};

struct Unary {
  std::string_view name;
  double (*f)(double x);
};

const Unary kUnaries[] = {
    {"abs", [](double x) { return std::abs(x); }},
    {"negative", [](double x) { return -x; }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
    {"square", [](double x) { return x * x; }},
    {"exp", [](double x) { return std::exp(x); }},
    {"log", [](double x) { return std::log(x); }},
    {"log1p", [](double x) { return std::log1p(x); }},
    {"expm1", [](double x) { return std::expm1(x); }},
    {"sin", [](double x) { return std::sin(x); }},
    {"cos", [](double x) { return std::cos(x); }},
    {"erf", [](double x) { return std::erf(x); }},
    {"floor", [](double x) { return std::floor(x); }},
    {"ceil", [](double x) { return std::ceil(x); }},
    {"round", [](double x) { return std::nearbyint(x); }},
    {"sign", [](double x) { return x > 0   ? 1.0
                                   : x < 0 ? -1.0
                                           : 0.0; }},
    {"reciprocal", [](double x) { return 1 / x; }},
    {"logical_not", [](double x) { return x == 0 ? 1.0 : 0.0; }},
};

const Binary& binary_of(const Operation& op) {
  const std::string name = op.attributes.text("function");
  const auto* it = std::ranges::find(kBinaries, name, &Binary::name);
  require(it != std::end(kBinaries), cat("'", name, "' is no function of two tensors"));
  return *it;
}

const Unary& unary_of(const Operation& op) {
  const std::string name = op.attributes.text("function");
  const auto* it = std::ranges::find(kUnaries, name, &Unary::name);
  require(it != std::end(kUnaries), cat("'", name, "' is no function of one tensor"));
  return *it;
}

bool is_float(DType dtype) { return class_of(dtype) == DTypeClass::kFloat; }

// A number in the graph takes the tensor's type; a broken number makes whole tensors f32.
DType with_number(DType dtype, double number) {
  const bool whole = number == std::trunc(number);
  return is_float(dtype) || (whole && dtype != DType::kBool) ? dtype : DType::kF32;
}

// One tensor and the attribute "number", which "number_first" puts in front, or two tensors.
std::vector<Value> infer_binary(const Signature& s) {
  const Binary& binary = binary_of(s.op);
  const Value& a = s.input(0);
  Shape shape = a.shape;
  DType dtype = a.dtype;
  if (s.op.attributes.has("number")) {
    dtype = with_number(dtype, s.op.attributes.number("number"));
  } else {
    shape = broadcast_shape(a.shape, s.input(1).shape);
    dtype = promote(a.dtype, s.input(1).dtype);
  }
  if (binary.name == "divide" && !is_float(dtype)) dtype = DType::kF32;
  return {{binary.is_test ? DType::kBool : dtype, shape}};
}

std::vector<Array> run_binary(const Call& call) {
  const Binary& binary = binary_of(call.op);
  if (!call.op.attributes.has("number")) {
    return {broadcast(call.input(0), call.input(1), binary.f)};
  }
  Array number{call.input(0).dtype, {}, {call.op.attributes.number("number")}};
  if (is_float(number.dtype)) round(number, number.dtype);
  const bool first = call.op.attributes.flag("number_first");
  return {first ? broadcast(number, call.input(0), binary.f)
                : broadcast(call.input(0), number, binary.f)};
}

std::vector<Value> infer_unary(const Signature& s) {
  const Unary& unary = unary_of(s.op);
  const Value& x = s.input(0);
  if (unary.name == "logical_not") return {{DType::kBool, x.shape}};
  const bool keeps = unary.name == "abs" || unary.name == "negative" || unary.name == "square" ||
                     unary.name == "sign" || unary.name == "round";
  return {{keeps || is_float(x.dtype) ? x.dtype : DType::kF32, x.shape}};
}

std::vector<Array> run_unary(const Call& call) {
  Array y = call.input(0);
  const Unary& unary = unary_of(call.op);
  for (double& x : y.values) x = unary.f(x);
  return {std::move(y)};
}

// To the operation's own type.
std::vector<Value> infer_cast(const Signature& s) { return {{s.op.compute, s.input(0).shape}}; }
std::vector<Array> run_cast(const Call& call) { return {call.input(0)}; }

// min(max(x, low), high).
std::vector<Value> infer_clip(const Signature& s) {
  require(s.op.attributes.number("low") <= s.op.attributes.number("high"),
          "its lower bound is above the upper one");
  return {s.input(0)};
}

std::vector<Array> run_clip(const Call& call) {
  Array y = call.input(0);
  const double low = call.op.attributes.number("low");
  const double high = call.op.attributes.number("high");
  for (double& x : y.values) x = std::clamp(x, low, high);
  return {std::move(y)};
}

// where(condition, a, b).
std::vector<Value> infer_where(const Signature& s) {
  const Shape pair = broadcast_shape(s.input(1).shape, s.input(2).shape);
  return {{promote(s.input(1).dtype, s.input(2).dtype), broadcast_shape(s.input(0).shape, pair)}};
}

std::vector<Array> run_where(const Call& call) {
  const Shape pair = broadcast_shape(call.input(1).shape, call.input(2).shape);
  const Shape shape = broadcast_shape(call.input(0).shape, pair);
  const Array condition = broadcast_to(call.input(0), shape);
  Array y = broadcast_to(call.input(1), shape);
  const Array other = broadcast_to(call.input(2), shape);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    if (condition.values[i] == 0) y.values[i] = other.values[i];
  }
  return {std::move(y)};
}

// a[… , I, K] · b[… , K, J], the axes in front broadcast.
std::vector<Value> infer_matmul(const Signature& s) {
  const Value& a = s.input(0);
  const Value& b = s.input(1);
  require(a.shape.size() >= 2 && b.shape.size() >= 2,
          "takes two tensors of two dimensions or more");
  const std::size_t rank_a = a.shape.size();
  const std::size_t rank_b = b.shape.size();
  require(may_equal(a.shape[rank_a - 1], b.shape[rank_b - 2]),
          cat("cannot multiply ", describe(a.shape), " and ", describe(b.shape)));
  Shape shape =
      broadcast_shape({a.shape.begin(), a.shape.end() - 2}, {b.shape.begin(), b.shape.end() - 2});
  shape.push_back(a.shape[rank_a - 2]);
  shape.push_back(b.shape[rank_b - 1]);
  return {{promote(a.dtype, b.dtype), shape}};
}

std::vector<Array> run_matmul(const Call& call) {
  // An einsum whose letters in front are shared; it repeats extents of 1 itself.
  const std::size_t rank_a = call.input(0).shape.size() - 2;
  const std::size_t rank_b = call.input(1).shape.size() - 2;
  const std::size_t rank = std::max(rank_a, rank_b);
  std::string front;
  for (std::size_t i = 0; i < rank; ++i) front += static_cast<char>('a' + i);
  return {kernels::einsum(
      cat(front.substr(rank - rank_a), "XZ,", front.substr(rank - rank_b), "ZY->", front, "XY"),
      call.input(0), call.input(1))};
}

constexpr Kind kElementwiseKinds[] = {
    {"binary", infer_binary, run_binary}, {"unary", infer_unary, run_unary},
    {"cast", infer_cast, run_cast},       {"clip", infer_clip, run_clip},
    {"where", infer_where, run_where},    {"matmul", infer_matmul, run_matmul},
};

}  // namespace

std::span<const Kind> elementwise_kinds() { return kElementwiseKinds; }

}  // namespace ckpt::ops
