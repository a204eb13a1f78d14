#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ckpt {

// Random numbers that are the same on every machine, under every compiler and in any order: each is
// a pure function of (seed, name, index). Only integer and IEEE 754 operations whose results are
// exactly specified are used (+ - * / and the square root), never the C library's log or cos.

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// One block of Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key);

// The natural logarithm, within 1 unit in the last place or so.
// REQUIRES: x is positive, finite and not subnormal.
double portable_log(double x);

// The x with P(X <= x) = p for X of the standard normal distribution: algorithm AS 241 (PPND16) of
// M. J. Wichura, Applied Statistics 37 (1988), 477-484; relative error about 1e-16.
// REQUIRES: 0 < p < 1.
double inverse_normal_cdf(double p);

// A stream of random numbers that belongs to `name`, so that what one variable gets does not depend
// on which others there are.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view name);

  // Number `i` of the stream: a multiple of 2^-52 plus 2^-53, uniform over (0, 1), neither end
  // included.
  [[nodiscard]] double uniform(std::uint64_t i) const;

  // Normal with mean 0 and standard deviation 1; within ±8.3.
  [[nodiscard]] double normal(std::uint64_t i) const;

  // Normal with mean 0 and standard deviation 1 before everything outside of [-2, 2] was cut off.
  [[nodiscard]] double truncated_normal(std::uint64_t i) const;

 private:
  PhiloxKey key_;                      // the seed
  std::array<std::uint32_t, 2> high_;  // the upper half of each counter: a hash of the name
};

}  // namespace ckpt
