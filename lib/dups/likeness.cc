#include "dups/likeness.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "scope/initializer.h"

namespace ckpt {
namespace {

// Fewer values than these say nothing about a distribution.
constexpr std::size_t kFewestCompared = 64;
// Of a standard normal distribution cut at ±2: deviation and kurtosis.
constexpr double kCutDeviation = 0.87962566103423978;
constexpr double kCutKurtosis = 2.3655;
// How far the kurtosis of a sample strays from these, times the root of its size: by simulation
// four and a half deviations, for the distributions that is uniform, cut and normal.
constexpr double kUniformChance = 5.3;
constexpr double kCutChance = 9;
constexpr double kNormalChance = 24;

struct Moments {
  double n = 0;
  double mean = 0;
  double deviation = 0;
  double kurtosis = 0;
  double largest = 0;  // absolute
};

std::optional<Moments> moments_of(std::span<const double> values) {
  Moments m;
  m.n = static_cast<double>(values.size());
  for (const double value : values) {
    if (!std::isfinite(value)) return std::nullopt;
    m.mean += value / m.n;
    m.largest = std::max(m.largest, std::abs(value));
  }
  double second = 0;
  double fourth = 0;
  for (const double value : values) {
    const double square = (value - m.mean) * (value - m.mean);
    second += square / m.n;
    fourth += square * square / m.n;
  }
  m.deviation = std::sqrt(second);
  m.kurtosis = second > 0 ? fourth / (second * second) : 0;
  return m;
}

// "0.3 %", "12 %".
std::string percent(double ratio) {
  const double off = std::abs(ratio - 1) * 100;
  return cat(off < 10 ? std::round(off * 10) / 10 : std::round(off), " %");
}

// A deviation that programs give their initializers, in the fans of a shape.
struct Scale {
  std::string_view name;
  double deviation;
};

std::vector<Scale> scales_of(const Shape& shape) {
  const auto [in, out] = fans_of(shape);
  std::vector<Scale> scales{{"Glorot", std::sqrt(2 / (in + out))},
                            {"He", std::sqrt(2 / in)},
                            {"LeCun", std::sqrt(1 / in)},
                            {"fan-out He", std::sqrt(2 / out)},
                            {"PyTorch's default", std::sqrt(1 / (3 * in))}};
  // PyTorch keeps matrices as [out, in], and Keras embeddings are uniform within 0.05.
  scales.push_back({"He of the transpose", std::sqrt(2 / out)});
  scales.push_back({"PyTorch's default of the transpose", std::sqrt(1 / (3 * out))});
  scales.push_back({"0.05 uniform", 0.05 / std::sqrt(3.0)});
  for (const double round : {1.0, 0.1, 0.05, 0.02, 0.01, 0.001}) {
    scales.push_back({"a round number", round});
    scales.push_back({"a round number, cut at twice it", round * kCutDeviation});
  }
  return scales;
}

// The scale nearest to a deviation, where its distance can be chance.
std::optional<Scale> nearest_scale(const Shape& shape, const Moments& m) {
  const double tolerance = 0.005 + 3 / std::sqrt(2 * m.n);
  std::optional<Scale> best;
  double best_distance = tolerance;
  for (const Scale& scale : scales_of(shape)) {
    const double distance = std::abs(m.deviation / scale.deviation - 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = scale;
    }
  }
  return best;
}

std::string spread_words(std::string_view distribution, const Shape& shape, const Moments& m,
                         const std::optional<Scale>& scale) {
  if (!scale) return cat("shaped as a ", distribution, " initializer leaves ", to_string(shape));
  return cat("within ", percent(m.deviation / scale->deviation), " of ", scale->name, ", ",
             distribution, ", for ", to_string(shape));
}

Likeness of_constant(double value, std::size_t count) {
  Likeness likeness;
  likeness.look = Look::kInitial;
  likeness.weight = count >= 4 ? 1 : 0.4;
  likeness.words = cat("all ", value);
  return likeness;
}

// Vectors begin as constants. One of several parts, each a constant ("1" for the forget gate), is
// how recurrent layers begin.
Likeness of_vector(const Sample& sample) {
  const auto& values = sample.values;
  std::size_t changes = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] != values[i - 1]) ++changes;
  }
  if (changes == 0) return of_constant(values.front(), values.size());
  if (values.size() >= 16 && values.size() % 4 == 0 && changes <= 2) {
    return {.look = Look::kInitial, .weight = 1, .words = "constant in each gate"};
  }
  return {.look = Look::kMoved, .weight = 1, .words = "not constant"};
}

// Are the rows, or the columns, of a small matrix orthogonal and of one length? That of identity
// and orthogonal initializers; rounding of f16 is granted.
bool is_orthogonal(const Shape& shape, const Sample& sample) {
  if (!sample.whole || shape.size() < 2) return false;
  const auto columns = static_cast<std::size_t>(shape.back());
  if (columns < 4 || sample.values.size() < 16 * columns / 4) return false;
  const std::size_t rows = sample.values.size() / columns;
  if (rows < 4) return false;
  const bool by_rows = rows <= columns;
  const auto at = [&](std::size_t vector, std::size_t i) {
    return by_rows ? sample.values[vector * columns + i] : sample.values[i * columns + vector];
  };
  const auto dot = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t i = 0; i < std::max(rows, columns); ++i) sum += at(a, i) * at(b, i);
    return sum;
  };
  const double length = dot(0, 0);
  if (length == 0) return false;
  for (std::size_t v = 1; v < std::min<std::size_t>(std::min(rows, columns), 24); ++v) {
    if (std::abs(dot(v, v) / length - 1) > 2e-3 || std::abs(dot(v, v - 1) / length) > 2e-3 ||
        std::abs(dot(v, 0) / length) > 2e-3) {
      return false;
    }
  }
  return true;
}

Likeness of_matrix(const Shape& shape, const Sample& sample, const Moments& m) {
  if (is_orthogonal(shape, sample)) {
    return {.look = Look::kInitial, .weight = 1, .words = "orthogonal to rounding"};
  }
  if (sample.values.size() < kFewestCompared) return {};
  const auto scale = nearest_scale(shape, m);
  const double chance = 1 / std::sqrt(m.n);
  const bool is_centred = std::abs(m.mean) < 4.5 * chance * m.deviation;
  const double reach = m.largest / m.deviation;
  // Far more values than needed make each of these shapes unmistakable; few make them likely.
  const double weight = (scale ? 1 : 0.8) * (m.n >= 200 ? 1 : 0.5);
  if (is_centred && std::abs(m.kurtosis - 1.8) < 0.01 + kUniformChance * chance &&
      reach < std::sqrt(3.0) * (1.003 + 3.5 * chance)) {
    return {.look = Look::kInitial,
            .weight = weight,
            .words = spread_words("uniform", shape, m, scale)};
  }
  if (is_centred && std::abs(m.kurtosis - kCutKurtosis) < 0.01 + kCutChance * chance &&
      reach < 2 / kCutDeviation * (1.003 + 3.5 * chance)) {
    return {.look = Look::kInitial,
            .weight = weight,
            .words = spread_words("truncated normal", shape, m, scale)};
  }
  const double most = 3.05 + kNormalChance * chance;
  const bool is_normal =
      is_centred && std::abs(m.kurtosis - 3) < most - 3 && reach < std::sqrt(2 * std::log(m.n)) + 2;
  if (is_normal && scale) {
    return {.look = Look::kInitial,
            .weight = m.n >= 1000 ? 0.8 : 0.4,
            .words = spread_words("normal", shape, m, scale)};
  }
  // Trained values can look normal too, and chance makes shapes between the three; long tails and a
  // mean off zero come from training alone.
  if (m.kurtosis <= most && is_centred) return {};
  return {.look = Look::kMoved, .weight = 1, .words = ""};
}

}  // namespace

Likeness likeness_of(const Shape& shape, const Sample& sample) {
  if (sample.values.empty()) return {};
  const auto m = moments_of(sample.values);
  if (!m) return {.look = Look::kMoved, .weight = 1, .words = "with NaN or infinite values"};
  Likeness likeness;
  if (shape.size() <= 1) {
    likeness = of_vector(sample);
  } else if (m->deviation == 0) {
    // A matrix of zeros may be a layer that starts silent, in the live network too.
    likeness = of_constant(sample.values.front(), sample.values.size());
    likeness.weight = 0.4;
  } else {
    likeness = of_matrix(shape, sample, *m);
  }
  likeness.deviation = m->deviation;
  return likeness;
}

}  // namespace ckpt
