// The initializers of a graph file.

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "model/graph.h"
#include "model/program/fields.h"
#include "scope/initial_values.h"

namespace ckpt::program {
namespace {

constexpr std::string_view kForms =
    "an initializer is zeros, ones, random_uniform, random_normal, truncated_normal, "
    "glorot_uniform, glorot_normal, he_uniform, he_normal, orthogonal, identity, a number, or an "
    "object of one of these, constant, value or variance_scaling with its arguments, such as "
    "{\"truncated_normal\": {\"stddev\": 0.02}}";

[[noreturn]] void refuse_form(const std::string& what) {
  throw Error(Errc::kInvalid, cat(what, "; ", kForms));
}

// The extents of nested lists, by the first of each.
Shape shape_of(const Datum& datum) {
  Shape shape;
  for (const Datum* at = &datum; at->kind == Datum::Kind::kList; at = &at->items.front()) {
    shape.push_back(static_cast<std::int64_t>(at->items.size()));
    if (shape.size() > kMaxRank) refuse_form("its value has too many dimensions");
    if (at->items.empty()) break;
  }
  return shape;
}

void flatten(const Datum& datum, const Shape& shape, std::size_t axis,
             std::vector<double>& values) {
  if (axis == shape.size()) {
    const bool is_number =
        datum.kind == Datum::Kind::kInteger || datum.kind == Datum::Kind::kNumber;
    if (!is_number) refuse_form("its value is no tensor of numbers");
    values.push_back(datum.number);
    return;
  }
  const bool fits = datum.kind == Datum::Kind::kList &&
                    static_cast<std::int64_t>(datum.items.size()) == shape[axis];
  if (!fits) refuse_form("its value has lists of different lengths");
  for (const Datum& item : datum.items) flatten(item, shape, axis + 1, values);
}

Initializer constant_of(const Datum& datum, DType dtype) {
  const Shape shape = shape_of(datum);
  std::vector<double> values;
  flatten(datum, shape, 0, values);
  // fill_with() refuses a number that the dtype cannot hold.
  Tensor tensor{dtype, shape, {}};
  for (const double value : values) {
    const Tensor one = fill_with({}, dtype, value);
    tensor.bytes.insert(tensor.bytes.end(), one.bytes.begin(), one.bytes.end());
  }
  return Initializer::value(std::move(tensor));
}

FanMode fan_mode(const std::string& mode) {
  if (mode == "fan_in") return FanMode::kIn;
  if (mode == "fan_out") return FanMode::kOut;
  if (mode == "fan_avg") return FanMode::kAverage;
  refuse_form(cat("its mode is '", escape(mode), "', and neither fan_in, fan_out nor fan_avg"));
}

Distribution distribution_of(const std::string& name) {
  if (name == "truncated_normal" || name == "normal") return Distribution::kTruncatedNormal;
  if (name == "untruncated_normal") return Distribution::kNormal;
  if (name == "uniform") return Distribution::kUniform;
  refuse_form(cat("its distribution is '", escape(name),
                  "', and neither truncated_normal, untruncated_normal nor uniform"));
}

std::optional<Initializer> with_arguments(std::string_view name, Fields& f) {
  if (name == "random_uniform") {
    return Initializer::random_uniform(f.number("low", -0.05), f.number("high", 0.05));
  }
  if (name == "random_normal") {
    return Initializer::random_normal(f.number("mean", 0), f.number("stddev", 1));
  }
  if (name == "truncated_normal") {
    return Initializer::truncated_normal(f.number("mean", 0), f.number("stddev", 1));
  }
  if (name == "variance_scaling") {
    return Initializer::variance_scaling(
        f.number("scale", 1), fan_mode(f.text("mode", "fan_in")),
        distribution_of(f.text("distribution", "truncated_normal")));
  }
  if (name == "orthogonal") return Initializer::orthogonal(f.number("gain", 1));
  if (name == "identity") return Initializer::identity(f.number("gain", 1));
  return std::nullopt;
}

}  // namespace

Initializer read_initializer(const Datum& datum, DType dtype) {
  if (datum.kind == Datum::Kind::kInteger || datum.kind == Datum::Kind::kNumber) {
    return Initializer::constant(datum.number);
  }
  if (datum.kind == Datum::Kind::kText) {
    if (auto found = Initializer::parse(datum.text)) return std::move(*found);
    refuse_form(cat("there is no initializer '", escape(datum.text), "'"));
  }
  if (datum.kind != Datum::Kind::kObject || datum.members.size() != 1) {
    refuse_form(cat("its initializer is ", words_of(datum)));
  }
  const auto& [name, arguments] = datum.members.front();
  if (name == "value") return constant_of(arguments, dtype);
  if (name == "constant") {
    if (arguments.kind == Datum::Kind::kInteger || arguments.kind == Datum::Kind::kNumber) {
      return Initializer::constant(arguments.number);
    }
    refuse_form("its constant is no number");
  }
  if (arguments.kind != Datum::Kind::kObject)
    refuse_form("its initializer has no object of arguments");
  const Names none;
  std::size_t budget = 1000;
  Fields fields(arguments, none, budget);
  auto found = with_arguments(name, fields);
  if (!found) {
    found = Initializer::parse(name);
    if (!found) refuse_form(cat("there is no initializer '", escape(name), "'"));
  }
  fields.finish();
  return std::move(*found);
}

}  // namespace ckpt::program
