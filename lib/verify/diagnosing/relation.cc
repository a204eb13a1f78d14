#include "verify/diagnosing/relation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/text.h"
#include "model/array.h"
#include "verify/diagnosing/arrangement.h"
#include "verify/tensor_difference.h"

namespace ckpt {
namespace {

constexpr const char* kRestored = "has the values it had";

// A function that someone applied to all values, and the one that takes it back.
struct Mapping {
  double (*apply)(double);
  double (*back)(double);
  const char* fault;
  const char* remedy;
};

constexpr std::array kMappings{
    Mapping{[](double x) { return std::sqrt(x); }, [](double x) { return x * x; },
            "has the square roots of the values it had", "is squared"},
    Mapping{[](double x) { return x * x; }, [](double x) { return std::sqrt(x); },
            "has the squares of the values it had", "has its square roots taken"},
    Mapping{[](double x) { return 1 / x; }, [](double x) { return 1 / x; },
            "has the reciprocals of the values it had", "has its reciprocals taken"},
    Mapping{[](double x) { return 1 / std::sqrt(x); }, [](double x) { return 1 / (x * x); },
            "has the reciprocal square roots of the values it had",
            "has the reciprocals of its squares taken"},
    Mapping{[](double x) { return -x; }, [](double x) { return -x; },
            "has the values it had with the other sign", "has the other sign"},
};

// A value as it is written in its type: shortest, and exact.
std::string text_of(double value, DType dtype) {
  const bool is_narrow = class_of(dtype) == DTypeClass::kFloat && dtype != DType::kF64;
  return is_narrow ? cat(static_cast<float>(value)) : cat(value);
}

// Are the values those, to a few roundings of the type?
bool are_close(const std::vector<double>& a, const std::vector<double>& b, DType dtype) {
  const double unit = dtype == DType::kF64 ? 0x1p-50 : dtype == DType::kF32 ? 0x1p-21 : 0x1p-8;
  return std::ranges::equal(a, b, [&](double x, double y) {
    const double largest = std::max(std::abs(x), std::abs(y));
    return std::isfinite(largest) && std::abs(x - y) <= unit * largest;
  });
}

Tensor rebuilt(Array array, DType dtype) {
  round(array, dtype);
  return to_tensor(array);
}

template <typename F>
Array mapped(Array array, F&& f) {
  for (double& x : array.values) x = f(x);
  return array;
}

std::optional<Relation> by_order(const Tensor& was, const Tensor& is,
                                 const std::vector<Shape>& images, std::string_view block) {
  std::optional<Relation> found;
  const std::size_t size = size_of(was.dtype);
  try_arrangements(was.shape, images, block, [&](const Arrangement& arrangement) {
    if (!explains(arrangement, size, was.bytes, is.bytes)) return false;
    found = Relation{arrangement.fault, arrangement.remedy,
                     Tensor{is.dtype, is.shape, undone(arrangement, size, is.bytes)}};
    return true;
  });
  return found;
}

// Rounded, as a conversion to a half type and back leaves it.
std::optional<Relation> by_rounding(const Tensor& was, const Array& before, const Array& after) {
  for (const DType dtype : {DType::kF16, DType::kBf16}) {
    if (size_of(dtype) >= size_of(was.dtype)) continue;
    Array rounded = before;
    round(rounded, dtype);
    if (rounded.values != after.values) continue;
    return Relation{cat("lost precision: it has the values it had, rounded to ", name_of(dtype)),
                    kRestored, was};
  }
  return std::nullopt;
}

std::optional<Relation> by_value(const Tensor& was, const Tensor& is) {
  if (class_of(was.dtype) != DTypeClass::kFloat) return std::nullopt;
  const Array before = from_tensor(was);
  const Array after = from_tensor(is);
  if (after.values.size() == 1) return std::nullopt;  // anything explains a single number
  const double first = after.values.front();
  if (std::ranges::all_of(after.values, [&](double x) { return x == first; })) {
    return Relation{cat("is all ", text_of(first == 0 ? 0 : first, was.dtype)), kRestored, was};
  }
  if (auto rounded = by_rounding(was, before, after)) return rounded;
  for (const Mapping& mapping : kMappings) {
    if (!are_close(mapped(before, mapping.apply).values, after.values, was.dtype)) continue;
    return Relation{mapping.fault, mapping.remedy, rebuilt(mapped(after, mapping.back), is.dtype)};
  }
  // One factor, one summand: as the largest element tells them.
  const auto at = static_cast<std::size_t>(
      std::ranges::max_element(before.values, {}, [](double x) { return std::abs(x); }) -
      before.values.begin());
  const double factor = after.values[at] / before.values[at];
  const double summand = after.values[at] - before.values[at];
  if (std::isfinite(factor) && factor != 0 &&
      are_close(mapped(before, [&](double x) { return x * factor; }).values, after.values,
                was.dtype)) {
    return Relation{cat("has ", text_of(factor, was.dtype), " times the values it had"),
                    cat("is divided by ", text_of(factor, was.dtype)),
                    rebuilt(mapped(after, [&](double x) { return x / factor; }), is.dtype)};
  }
  if (are_close(mapped(before, [&](double x) { return x + summand; }).values, after.values,
                was.dtype)) {
    return Relation{cat("has ", text_of(summand, was.dtype), " added to the values it had"),
                    cat("has ", text_of(summand, was.dtype), " taken off"),
                    rebuilt(mapped(after, [&](double x) { return x - summand; }), is.dtype)};
  }
  return std::nullopt;
}

}  // namespace

Relation relation_of(const Tensor& was, const Tensor& is, const std::vector<Shape>& images,
                     std::string_view block) {
  if (auto order = by_order(was, is, images, block)) return *order;
  if (auto value = by_value(was, is)) return *value;
  const TensorDifference d = difference_of(was, is);
  if (d.elements == 1)
    return {cat("is ", text_of(d.is, was.dtype), ", was ", text_of(d.was, was.dtype)), kRestored,
            was, false};
  return {
      cat("has other values in ", with_commas(d.differing), " of ", count_of(d.elements, "element"),
          ", the first at ", to_string(position_of(was.shape, d.first)), ": ",
          text_of(d.is, was.dtype), ", was ", text_of(d.was, was.dtype)),
      kRestored, was, false};
}

}  // namespace ckpt
