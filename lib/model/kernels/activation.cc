#include "model/kernels/activation.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <span>

namespace ckpt::kernels {
namespace {

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
// ln(1 + e^x) without overflow.
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double hard_sigmoid(double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }
double elu(double x, double alpha) { return x > 0 ? x : alpha * std::expm1(x); }

// A function of one element; `a` is the parameter.
struct Scalar {
  std::string_view name;
  double usual;  // of the parameter
  double (*f)(double x, double a);
};

constexpr double kSeluAlpha = 1.6732632423543772;  // Klambauer et al. 2017, the fixed point's
constexpr double kSeluScale = 1.0507009873554805;

const Scalar kScalars[] = {
    {"linear", 0, [](double x, double) { return x; }},
    {"relu", 0, [](double x, double) { return x > 0 || std::isnan(x) ? x : 0; }},
    {"relu6", 0, [](double x, double) { return std::clamp(x, 0.0, 6.0); }},
    {"leaky_relu", 0.2, [](double x, double a) { return x >= 0 ? x : a * x; }},
    {"elu", 1, elu},
    {"selu", 0, [](double x, double) { return kSeluScale * elu(x, kSeluAlpha); }},
    {"celu", 1, [](double x, double a) { return x > 0 ? x : a * std::expm1(x / a); }},
    {"sigmoid", 0, [](double x, double) { return sigmoid(x); }},
    {"log_sigmoid", 0, [](double x, double) { return -softplus(-x); }},
    {"sparse_sigmoid", 0, [](double x, double) { return std::clamp(0.5 * (x + 1), 0.0, 1.0); }},
    // Keras 3's, and that of Keras 1 and 2, which is another function.
    {"hard_sigmoid", 0, [](double x, double) { return hard_sigmoid(x); }},
    {"hard_sigmoid_2", 0, [](double x, double) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }},
    {"tanh", 0, [](double x, double) { return std::tanh(x); }},
    {"hard_tanh", 0, [](double x, double) { return std::clamp(x, -1.0, 1.0); }},
    {"tanh_shrink", 0, [](double x, double) { return x - std::tanh(x); }},
    {"soft_shrink", 0.5, [](double x, double a) { return x > a    ? x - a
                                                         : x < -a ? x + a
                                                                  : 0; }},
    {"hard_shrink", 0.5, [](double x, double a) { return std::abs(x) > a ? x : 0; }},
    {"threshold", 1, [](double x, double a) { return x > a ? x : 0; }},
    {"softplus", 0, [](double x, double) { return softplus(x); }},
    {"sparse_plus", 0,
     [](double x, double) { return x <= -1  ? 0
                                   : x >= 1 ? x
                                            : 0.25 * (x + 1) * (x + 1); }},
    {"squareplus", 4, [](double x, double a) { return (x + std::sqrt(x * x + a)) / 2; }},
    {"softsign", 0, [](double x, double) { return x / (1 + std::abs(x)); }},
    {"silu", 0, [](double x, double) { return x * sigmoid(x); }},
    {"hard_silu", 0, [](double x, double) { return x * hard_sigmoid(x); }},
    {"mish", 0, [](double x, double) { return x * std::tanh(softplus(x)); }},
    {"gelu", 0, [](double x, double) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }},
    // The approximation by tanh; 0.7978… is the root of 2/π.
    {"gelu_tanh", 0,
     [](double x, double) {
       return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
     }},
    {"exponential", 0, [](double x, double) { return std::exp(x); }},
};

const Scalar* find_scalar(std::string_view name) {
  const auto* it = std::ranges::find(kScalars, name, &Scalar::name);
  return it == std::end(kScalars) ? nullptr : it;
}

void softmax_row(std::span<double> row) {
  const double top = *std::ranges::max_element(row);
  double sum = 0;
  for (double& x : row) sum += x = std::exp(x - top);
  for (double& x : row) x /= sum;
}

void log_softmax_row(std::span<double> row) {
  const double top = *std::ranges::max_element(row);
  double sum = 0;
  for (const double x : row) sum += std::exp(x - top);
  for (double& x : row) x -= top + std::log(sum);
}

// max(x - τ, 0) with Keras's τ = (S_1 + … + S_k - 1) / k, where S_j is the sum of the j largest
// elements and k the last j for which 1 + j·x_j > S_j. (Martins and Astudillo 2016, and those who
// wrote Keras's function after them, mean S_k alone; what Keras computes is another thing.)
void sparsemax_row(std::span<double> row) {
  std::vector<double> sorted(row.begin(), row.end());
  std::ranges::sort(sorted, std::greater<>());
  double sum = 0;
  double sums = 0;
  double tau = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    sum += sorted[k];
    if (1 + static_cast<double>(k + 1) * sorted[k] <= sum) break;
    sums += sum;
    tau = (sums - 1) / static_cast<double>(k + 1);
  }
  for (double& x : row) x = std::max(x - tau, 0.0);
}

template <typename F>
void for_each_row(Array& array, F f) {
  if (array.values.empty()) return;
  const std::size_t width = array.shape.empty() ? 1 : static_cast<std::size_t>(array.shape.back());
  const std::span<double> all(array.values);
  for (std::size_t at = 0; at < all.size(); at += width) f(all.subspan(at, width));
}

// a · sigmoid(b), where a and b are the halves of each row.
void glu(Array& array) {
  const auto half = static_cast<std::size_t>(array.shape.back()) / 2;
  Array out{array.dtype, array.shape, {}};
  out.shape.back() /= 2;
  for_each_row(array, [&](std::span<double> row) {
    for (std::size_t i = 0; i < half; ++i) out.values.push_back(row[i] * sigmoid(row[half + i]));
  });
  array = std::move(out);
}

}  // namespace

bool is_activation(std::string_view function) {
  return find_scalar(function) != nullptr || function == "softmax" || function == "log_softmax" ||
         function == "sparsemax" || function == "glu";
}

double usual_alpha(std::string_view function) {
  const Scalar* scalar = find_scalar(function);
  return scalar == nullptr ? 0 : scalar->usual;
}

void softmax(Array& array) { for_each_row(array, softmax_row); }

void activate(Array& array, const Activation& activation) {
  if (const Scalar* scalar = find_scalar(activation.function)) {
    for (double& x : array.values) x = scalar->f(x, activation.alpha);
  } else if (activation.function == "softmax") {
    softmax(array);
  } else if (activation.function == "log_softmax") {
    for_each_row(array, log_softmax_row);
  } else if (activation.function == "sparsemax") {
    for_each_row(array, sparsemax_row);
  } else {
    assert(activation.function == "glu");
    glu(array);
  }
}

}  // namespace ckpt::kernels
