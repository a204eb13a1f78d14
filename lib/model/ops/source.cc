#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// A variable as a value.
std::vector<Value> infer_variable(const Signature& s) {
  const Shape* shape = s.find_variable("variable");
  require(shape != nullptr, "needs a variable");
  return {{s.op.compute, *shape}};
}

std::vector<Array> run_variable(const Call& call) { return {call.need("variable")}; }

// One number, of no axes.
std::vector<Value> infer_constant(const Signature& s) {
  (void)s.op.attributes.number("number");
  return {{s.op.compute, {}}};
}

std::vector<Array> run_constant(const Call& call) {
  return {make_array(call.op.compute, {}, {call.op.attributes.number("number")})};
}

// 0, 1, … n - 1.
std::vector<Value> infer_range(const Signature& s) {
  const std::int64_t n = s.op.attributes.integer("n");
  require(n >= 0, cat("its n is ", n));
  return {{s.op.compute, {n}}};
}

std::vector<Array> run_range(const Call& call) {
  Array y = make_array(call.op.compute, {call.op.attributes.integer("n")});
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] = static_cast<double>(i);
  return {std::move(y)};
}

constexpr Kind kSourceKinds[] = {
    {"variable", infer_variable, run_variable},
    {"constant", infer_constant, run_constant},
    {"range", infer_range, run_range},
};

}  // namespace

std::span<const Kind> source_kinds() { return kSourceKinds; }

}  // namespace ckpt::ops
