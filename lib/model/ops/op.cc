#include "model/ops/op.h"

#include <algorithm>
#include <array>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "model/kernels/activation.h"

namespace ckpt::ops {
namespace {

const VariableUse* use_of(const Operation& op, std::string_view role) {
  const auto it = std::ranges::find(op.variables, role, &VariableUse::role);
  return it == op.variables.end() ? nullptr : &*it;
}

// The order of axes that moves the second one to the end, and back.
std::vector<std::int64_t> last_order(std::size_t rank) {
  std::vector<std::int64_t> order{0};
  for (std::size_t a = 2; a < rank; ++a) order.push_back(static_cast<std::int64_t>(a));
  order.push_back(1);
  return order;
}

std::vector<std::int64_t> first_order(std::size_t rank) {
  std::vector<std::int64_t> order{0, static_cast<std::int64_t>(rank) - 1};
  for (std::size_t a = 1; a + 1 < rank; ++a) order.push_back(static_cast<std::int64_t>(a));
  return order;
}

Shape reordered(const Shape& shape, const std::vector<std::int64_t>& order) {
  Shape out;
  for (const std::int64_t a : order) out.push_back(shape[static_cast<std::size_t>(a)]);
  return out;
}

}  // namespace

const Kind* find_kind(std::string_view name) {
  static const std::array kFamilies = {dense_kinds(),     conv_kinds(),       pool_kinds(),
                                       norm_kinds(),      activation_kinds(), merge_kinds(),
                                       shape_kinds(),     spatial_kinds(),    elementwise_kinds(),
                                       reduce_kinds(),    recurrent_kinds(),  conv_lstm_kinds(),
                                       attention_kinds(), category_kinds(),   source_kinds()};
  for (const auto& family : kFamilies) {
    const auto it = std::ranges::find(family, name, &Kind::name);
    if (it != family.end()) return &*it;
  }
  return nullptr;
}

const Value& Signature::input(std::size_t i) const {
  require(i < inputs.size(),
          cat("takes ", count_of(i + 1, "input"), " at least, not ", inputs.size()));
  return inputs[i];
}

const Value* Signature::find(const std::string& role) const {
  const auto it = named.find(role);
  return it == named.end() ? nullptr : &it->second;
}

const Shape* Signature::find_variable(std::string_view role) const {
  const VariableUse* use = use_of(op, role);
  return use == nullptr ? nullptr : &all_variables[use->variable].shape;
}

Signature Signature::part(std::size_t i, std::vector<Value> part_inputs) const {
  require(i < op.parts.size(), "a part of the operation is missing");
  return Signature{op.parts[i], all_variables, std::move(part_inputs)};
}

const Array* Call::find(const std::string& role) const {
  const auto it = named.find(role);
  return it == named.end() ? nullptr : it->second;
}

const Array* Call::variable(std::string_view role) const {
  const VariableUse* use = use_of(op, role);
  return use == nullptr ? nullptr : load(use->variable, op.compute);
}

const Array& Call::need(std::string_view role) const {
  const Array* array = variable(role);
  require(array != nullptr, cat("the variable '", role, "' is missing"));
  return *array;
}

void require(bool holds, const std::string& sentence) {
  if (!holds) throw Error(Errc::kInvalid, sentence);
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  require(axis >= -signed_rank && axis < signed_rank,
          cat("there is no axis ", axis, " in ", count_of(rank, "dimension")));
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::int64_t add_extents(std::int64_t a, std::int64_t b) {
  if (a == kUnknown || b == kUnknown) return kUnknown;
  const auto sum = checked_add(a, b);
  require(sum.has_value(), "an extent does not fit 63 bits");
  return *sum;
}

std::int64_t multiply_extents(std::int64_t a, std::int64_t b) {
  if (a == 0 || b == 0) return 0;
  if (a == kUnknown || b == kUnknown) return kUnknown;
  const auto product = checked_mul(a, b);
  require(product.has_value(), "an extent does not fit 63 bits");
  return *product;
}

bool may_equal(std::int64_t a, std::int64_t b) { return a == kUnknown || b == kUnknown || a == b; }

void require_variable(const Signature& signature, std::string_view role, const Shape& shape) {
  const Shape* has = signature.find_variable(role);
  if (has == nullptr) return;
  require(std::ranges::equal(*has, shape, may_equal),
          cat("its ", role, " has the shape ", describe(*has), ", but the input asks for ",
              describe(shape)));
}

void activate(Array& array, const Operation& op, std::string_view name) {
  const std::string function = op.attributes.text(name, "linear");
  if (function == "linear") return;
  kernels::activate(array, {function, op.attributes.number(cat(name, "_alpha"))});
  round(array, op.compute);
}

void add_bias(Array& array, const Array* bias, DType dtype) {
  round(array, dtype);
  if (bias == nullptr) return;
  const std::size_t width = bias->values.size();
  for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] += bias->values[i % width];
  round(array, dtype);
}

bool channels_first(const Operation& op) { return op.attributes.flag("channels_first"); }

Array to_channels_last(const Array& array) {
  return permuted(array, last_order(array.shape.size()));
}
Array to_channels_first(const Array& array) {
  return permuted(array, first_order(array.shape.size()));
}
Shape to_channels_last(const Shape& shape) { return reordered(shape, last_order(shape.size())); }
Shape to_channels_first(const Shape& shape) { return reordered(shape, first_order(shape.size())); }

}  // namespace ckpt::ops
