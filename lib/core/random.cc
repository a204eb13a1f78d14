#include "core/random.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace ckpt {
namespace {

constexpr std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// FNV-1a, 64 bits (Fowler, Noll, Vo). Philox does the mixing; here names must only differ.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211U;
  }
  return hash;
}

// c[0] + c[1] x + c[2] x² + …
double polynomial(const std::array<double, 8>& c, double x) {
  double sum = 0;
  for (std::size_t i = c.size(); i-- > 0;) sum = sum * x + c[i];
  return sum;
}

// The three pairs of polynomials of AS 241: about the middle, for the tails, for the far tails.
constexpr std::array kMiddleTop{3.3871328727963666080e0, 1.3314166789178437745e2,
                                1.9715909503065514427e3, 1.3731693765509461125e4,
                                4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr std::array kMiddleBottom{1.0,
                                   4.2313330701600911252e1,
                                   6.8718700749205790830e2,
                                   5.3941960214247511077e3,
                                   2.1213794301586595867e4,
                                   3.9307895800092710610e4,
                                   2.8729085735721942674e4,
                                   5.2264952788528545610e3};
constexpr std::array kTailTop{1.42343711074968357734e0,  4.63033784615654529590e0,
                              5.76949722146069140550e0,  3.64784832476320460504e0,
                              1.27045825245236838258e0,  2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array kTailBottom{1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
constexpr std::array kFarTop{6.65790464350110377720e0,  5.46378491116411436990e0,
                             1.78482653991729133580e0,  2.96560571828504891230e-1,
                             2.65321895265761230930e-2, 1.24266094738807843860e-3,
                             2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array kFarBottom{1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};

// P(X <= -2) of the standard normal distribution.
constexpr double kBelowMinusTwo = 0.022750131948179207200;

}  // namespace

PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  // Multipliers and key increments of the paper's table 2: the latter are the golden ratio and
  // sqrt(3) - 1.
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {high_word(b) ^ counter[1] ^ key[0], low_word(b), high_word(a) ^ counter[3] ^ key[1],
               low_word(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

double portable_log(double x) {
  assert(x >= 0x1p-1022 && x <= 0x1.fffffffffffffp1023);
  // x = 2^exponent · m with m in [1/√2, √2).
  const auto bits = std::bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  auto m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFU) | 0x3FF0000000000000U);
  if (m > 1.4142135623730951) {
    m /= 2;
    ++exponent;
  }
  // log m = 2 (s + s³/3 + s⁵/5 + …) with s = (m - 1) / (m + 1), |s| < 0.172.
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  double sum = 0;
  for (int k = 23; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z;
  // log 2 in two pieces; the first has 32 bits, so that its product with the exponent is exact.
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  const auto e = static_cast<double>(exponent);
  return e * kLn2High + (2 * s + (2 * s * sum + e * kLn2Low));
}

double inverse_normal_cdf(double p) {
  assert(p > 0 && p < 1);
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kMiddleTop, r) / polynomial(kMiddleBottom, r);
  }
  const double r = std::sqrt(-portable_log(q < 0 ? p : 1 - p));
  const double x = r <= 5 ? polynomial(kTailTop, r - 1.6) / polynomial(kTailBottom, r - 1.6)
                          : polynomial(kFarTop, r - 5) / polynomial(kFarBottom, r - 5);
  return q < 0 ? -x : x;
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view name)
    : key_{low_word(seed), high_word(seed)} {
  const std::uint64_t hash = hash_of(name);
  high_ = {low_word(hash), high_word(hash)};
}

double RandomStream::uniform(std::uint64_t i) const {
  const std::uint64_t block = i / 2;
  const PhiloxCounter words =
      philox4x32({low_word(block), high_word(block), high_[0], high_[1]}, key_);
  const std::size_t at = i % 2 == 0 ? 0 : 2;
  const std::uint64_t bits = (std::uint64_t{words[at + 1]} << 32 | words[at]) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

double RandomStream::normal(std::uint64_t i) const { return inverse_normal_cdf(uniform(i)); }

double RandomStream::truncated_normal(std::uint64_t i) const {
  const double p = kBelowMinusTwo + uniform(i) * (1 - 2 * kBelowMinusTwo);
  return std::clamp(inverse_normal_cdf(p), -2.0, 2.0);
}

}  // namespace ckpt
