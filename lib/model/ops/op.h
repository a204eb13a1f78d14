#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/array.h"
#include "model/graph.h"

namespace ckpt::ops {

// What an operation may know before anything runs: types and shapes, which may have unknown
// extents.
struct Signature {
  const Operation& op;
  const std::vector<GraphVariable>& all_variables;
  std::vector<Value> inputs;             // the plain ones
  std::map<std::string, Value> named{};  // by role

  // Throws Error(kInvalid) where there are fewer inputs.
  [[nodiscard]] const Value& input(std::size_t i) const;
  [[nodiscard]] const Value* find(const std::string& role) const;
  // The shape of the variable in that role; null where the operation has none.
  [[nodiscard]] const Shape* find_variable(std::string_view role) const;
  // The same for a part of the operation, with inputs of its own.
  [[nodiscard]] Signature part(std::size_t i, std::vector<Value> part_inputs) const;
};

// Gives a variable; null for an optional one that the checkpoint has not.
using LoadVariable = std::function<const Array*(std::size_t variable, DType compute)>;

// What an operation has when it runs: all shapes are known and fit.
struct Call {
  const Operation& op;
  const LoadVariable& load;
  std::vector<const Array*> inputs;
  std::map<std::string, const Array*> named{};

  [[nodiscard]] const Array& input(std::size_t i) const { return *inputs.at(i); }
  [[nodiscard]] const Array* find(const std::string& role) const;
  // The variable in that role; null where the operation has none.
  [[nodiscard]] const Array* variable(std::string_view role) const;
  [[nodiscard]] const Array& need(std::string_view role) const;
};

// A kind of operation: a row of the table.
struct Kind {
  std::string_view name;
  // The types and shapes of the outputs. Throws Error(kInvalid) where inputs, variables and
  // attributes do not fit one another; run() then needs no checks of its own.
  std::vector<Value> (*infer)(const Signature& signature);
  // The outputs. Their values are rounded to the inferred types by the caller.
  std::vector<Array> (*run)(const Call& call);
};

// The kind of that name; null where there is none.
const Kind* find_kind(std::string_view name);

// Rows of the table, a family each.
std::span<const Kind> dense_kinds();
std::span<const Kind> conv_kinds();
std::span<const Kind> pool_kinds();
std::span<const Kind> norm_kinds();
std::span<const Kind> activation_kinds();
std::span<const Kind> merge_kinds();
std::span<const Kind> shape_kinds();
std::span<const Kind> spatial_kinds();
std::span<const Kind> elementwise_kinds();
std::span<const Kind> reduce_kinds();
std::span<const Kind> recurrent_kinds();
std::span<const Kind> conv_lstm_kinds();
std::span<const Kind> attention_kinds();
std::span<const Kind> category_kinds();
std::span<const Kind> source_kinds();

// The end of a slice that has none.
inline constexpr std::int64_t kSliceEnd = INT64_MAX;

// Throws Error(kInvalid) with the sentence where `holds` is false.
void require(bool holds, const std::string& sentence);

// `axis`, counted from the end where it is negative. Throws Error(kInvalid) where there is no such.
std::size_t axis_of(std::int64_t axis, std::size_t rank);

// The sum, product of two extents of which any may be unknown. Throws where it does not fit.
std::int64_t add_extents(std::int64_t a, std::int64_t b);
std::int64_t multiply_extents(std::int64_t a, std::int64_t b);

// Can the two be the same extent?
bool may_equal(std::int64_t a, std::int64_t b);

// Requires the variable in `role`, where there is one, to have this shape, as far as it is known.
void require_variable(const Signature& signature, std::string_view role, const Shape& shape);

// Applies the operation's attribute `name` ("activation"), then rounds to the operation's type.
void activate(Array& array, const Operation& op, std::string_view name = "activation");

// Adds `bias` [C], where there is one, along the last axis, then rounds to `dtype`.
void add_bias(Array& array, const Array* bias, DType dtype);

// Channels first ↔ last: [N, C, spatial …] ↔ [N, spatial …, C].
bool channels_first(const Operation& op);
Array to_channels_last(const Array& array);
Array to_channels_first(const Array& array);
Shape to_channels_last(const Shape& shape);
Shape to_channels_first(const Shape& shape);

}  // namespace ckpt::ops
