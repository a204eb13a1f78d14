#include "scope/initializer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "scope/initial_values.h"

namespace ckpt {
namespace {

// The standard deviation of a standard normal distribution cut at ±2: the square root of
// 1 - 4 φ(2) / (Φ(2) - Φ(-2)).
constexpr double kTruncatedStddev = 0.87962566103423978;

double fan_of(const Shape& shape, FanMode mode) {
  const Fans fans = fans_of(shape);
  switch (mode) {
    case FanMode::kIn:
      return std::max(1.0, fans.in);
    case FanMode::kOut:
      return std::max(1.0, fans.out);
    case FanMode::kAverage:
      return std::max(1.0, (fans.in + fans.out) / 2);
  }
  return 1;
}

// The plain distribution that a scaled one is for that shape.
Initializer::Random resolve(const Initializer::Scaled& scaled, const Shape& shape) {
  const double variance = scaled.scale / fan_of(shape, scaled.mode);
  switch (scaled.distribution) {
    case Distribution::kTruncatedNormal:
      return {scaled.distribution, 0, std::sqrt(variance) / kTruncatedStddev};
    case Distribution::kNormal:
      return {scaled.distribution, 0, std::sqrt(variance)};
    case Distribution::kUniform:
      return {scaled.distribution, 0, std::sqrt(3 * variance)};
  }
  return {};
}

// Makes the values of one variable, whatever the kind.
struct Maker {
  const Shape& shape;
  DType dtype;
  std::uint64_t seed;
  std::string_view name;

  Tensor operator()(const Initializer::Fill& fill) const {
    return fill_with(shape, dtype, fill.value);
  }
  Tensor operator()(const Initializer::Random& random) const {
    const RandomStream stream(seed, name);
    return generate(shape, dtype, [&](std::uint64_t i) {
      switch (random.distribution) {
        case Distribution::kTruncatedNormal:
          return random.centre + random.spread * stream.truncated_normal(i);
        case Distribution::kNormal:
          return random.centre + random.spread * stream.normal(i);
        case Distribution::kUniform:
          break;
      }
      return random.centre + random.spread * (2 * stream.uniform(i) - 1);
    });
  }
  Tensor operator()(const Initializer::Scaled& scaled) const {
    return (*this)(resolve(scaled, shape));
  }
  Tensor operator()(const Initializer::Orthogonal& orthogonal) const {
    return orthogonal_matrix(shape, dtype, orthogonal.gain, RandomStream(seed, name));
  }
  Tensor operator()(const Initializer::Identity& identity) const {
    return identity_matrix(shape, dtype, identity.gain);
  }
  Tensor operator()(const Tensor& tensor) const { return tensor; }
  Tensor operator()(const Initializer::FromShape& function) const {
    Tensor made = function(shape, dtype);
    if (made.shape != shape || made.dtype != dtype) {
      throw Error(Errc::kInvalid,
                  cat("its initializer made ", name_of(made.dtype), " ", to_string(made.shape),
                      ", not ", name_of(dtype), " ", to_string(shape)));
    }
    return made;
  }
  Tensor operator()(const Initializer::FromNothing& function) const { return function(); }
};

}  // namespace

Fans fans_of(const Shape& shape) {
  if (shape.empty()) return {};
  if (shape.size() == 1) {
    return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  }
  double window = 1;
  for (std::size_t d = 0; d + 2 < shape.size(); ++d) window *= static_cast<double>(shape[d]);
  return {window * static_cast<double>(shape[shape.size() - 2]),
          window * static_cast<double>(shape.back())};
}

Initializer Initializer::zeros() { return constant(0); }
Initializer Initializer::ones() { return constant(1); }
Initializer Initializer::constant(double value) { return Initializer(Fill{value}); }

Initializer Initializer::random_uniform(double low, double high) {
  return Initializer(Random{Distribution::kUniform, (low + high) / 2, (high - low) / 2});
}

Initializer Initializer::random_normal(double mean, double stddev) {
  return Initializer(Random{Distribution::kNormal, mean, stddev});
}

Initializer Initializer::truncated_normal(double mean, double stddev) {
  return Initializer(Random{Distribution::kTruncatedNormal, mean, stddev});
}

Initializer Initializer::variance_scaling(double scale, FanMode mode, Distribution distribution) {
  return Initializer(Scaled{scale, mode, distribution});
}

Initializer Initializer::glorot_uniform() {
  return variance_scaling(1, FanMode::kAverage, Distribution::kUniform);
}
Initializer Initializer::glorot_normal() {
  return variance_scaling(1, FanMode::kAverage, Distribution::kTruncatedNormal);
}
Initializer Initializer::he_uniform() {
  return variance_scaling(2, FanMode::kIn, Distribution::kUniform);
}
Initializer Initializer::he_normal() {
  return variance_scaling(2, FanMode::kIn, Distribution::kTruncatedNormal);
}

Initializer Initializer::orthogonal(double gain) { return Initializer(Orthogonal{gain}); }
Initializer Initializer::identity(double gain) { return Initializer(Identity{gain}); }
Initializer Initializer::value(Tensor tensor) { return Initializer(Kind(std::move(tensor))); }
Initializer Initializer::function(FromShape make) { return Initializer(Kind(std::move(make))); }
Initializer Initializer::function(FromNothing make) { return Initializer(Kind(std::move(make))); }

std::optional<Initializer> Initializer::parse(std::string_view name) {
  struct Row {
    std::string_view name;
    Initializer (*make)();
  };
  static constexpr std::array<Row, 11> kRows{{
      {"zeros", zeros},
      {"ones", ones},
      {"random_uniform", [] { return random_uniform(); }},
      {"random_normal", [] { return random_normal(); }},
      {"truncated_normal", [] { return truncated_normal(); }},
      {"glorot_uniform", glorot_uniform},
      {"glorot_normal", glorot_normal},
      {"he_uniform", he_uniform},
      {"he_normal", he_normal},
      {"orthogonal", [] { return orthogonal(); }},
      {"identity", [] { return identity(); }},
  }};
  const auto* const row = std::ranges::find(kRows, name, &Row::name);
  if (row == kRows.end()) return std::nullopt;
  return row->make();
}

std::optional<Initializer> Initializer::default_for(DType dtype) {
  switch (class_of(dtype)) {
    case DTypeClass::kFloat:
      return glorot_uniform();
    case DTypeClass::kSigned:
    case DTypeClass::kUnsigned:
    case DTypeClass::kBool:
      return zeros();
    case DTypeClass::kComplex:
    case DTypeClass::kNone:
      return std::nullopt;
  }
  return std::nullopt;
}

const Tensor* Initializer::constant_value() const { return std::get_if<Tensor>(&kind_); }

bool Initializer::needs_shape() const {
  return !std::holds_alternative<Tensor>(kind_) && !std::holds_alternative<FromNothing>(kind_);
}

Tensor Initializer::make(const Shape& shape, DType dtype, std::uint64_t seed,
                         std::string_view name) const {
  try {
    Tensor made = std::visit(Maker{shape, dtype, seed, name}, kind_);
    if (made.bytes.size() != tensor_bytes(made.dtype, made.shape)) {
      throw Error(Errc::kInvalid, cat("its initializer made ", made.bytes.size(), " bytes for ",
                                      name_of(made.dtype), " ", to_string(made.shape),
                                      ", which needs ", tensor_bytes(made.dtype, made.shape)));
    }
    return made;
  } catch (const Error& e) {
    throw e.in(escape(name));
  }
}

}  // namespace ckpt
