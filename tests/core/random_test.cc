#include "core/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

using ckpt::inverse_normal_cdf;
using ckpt::philox4x32;
using ckpt::PhiloxCounter;
using ckpt::portable_log;
using ckpt::RandomStream;

TEST_SUITE("core/random") {
  TEST_CASE("Philox gives the known answers that its authors publish (Random123, kat_vectors)") {
    CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
          PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
          PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  }

  TEST_CASE("our logarithm agrees with the C library's to the last bits") {
    for (double x = 0x1p-1022; x < 1e300; x *= 1.37) {
      CAPTURE(x);
      CHECK(std::abs(portable_log(x) - std::log(x)) <= 4e-16 * std::abs(std::log(x)) + 1e-300);
    }
    CHECK(portable_log(1) == 0);
    for (double x = 0.9; x < 1.1; x += 1e-4) {
      CAPTURE(x);
      CHECK(std::abs(portable_log(x) - std::log(x)) <= 1e-15 * std::abs(std::log(x)));
    }
  }

  TEST_CASE("the inverse of the normal distribution function is one, by the C library's erfc") {
    for (double p = 1e-300; p < 0.5; p *= 1.7) {
      CAPTURE(p);
      const double x = inverse_normal_cdf(p);
      // P(X <= x) is off by P'(x) times the error of x; |x| times that is about p there.
      CHECK(std::abs(0.5 * std::erfc(-x / std::sqrt(2.0)) / p - 1) <= 1e-15 * (3 + x * x));
    }
    for (double p = 1e-4; p < 1; p += 1e-3) {
      CHECK(inverse_normal_cdf(p) == doctest::Approx(-inverse_normal_cdf(1 - p)).epsilon(1e-12));
    }
    CHECK(inverse_normal_cdf(0.5) == 0);
    CHECK(inverse_normal_cdf(0.975) == doctest::Approx(1.959963984540054).epsilon(1e-15));
  }

  TEST_CASE("uniform numbers are inside (0, 1) and fill it evenly") {
    const RandomStream stream(1, "w");
    std::vector<int> bins(64);
    const int n = 64 * 1000;
    for (int i = 0; i < n; ++i) {
      const double u = stream.uniform(static_cast<std::uint64_t>(i));
      REQUIRE((u > 0 && u < 1));
      ++bins[static_cast<std::size_t>(u * 64)];
    }
    double chi_squared = 0;
    for (const int bin : bins) chi_squared += (bin - 1000.0) * (bin - 1000.0) / 1000;
    CHECK(chi_squared < 103.4);  // 63 degrees of freedom: exceeded once in a thousand seeds
  }

  TEST_CASE("numbers are a function of seed, name and position") {
    const RandomStream stream(7, "a/w");
    CHECK(stream.uniform(5) == RandomStream(7, "a/w").uniform(5));
    CHECK(stream.uniform(5) != stream.uniform(4));
    CHECK(stream.uniform(5) != RandomStream(8, "a/w").uniform(5));
    CHECK(stream.uniform(5) != RandomStream(7, "a/v").uniform(5));
    CHECK(stream.uniform(5) != RandomStream(7 + (std::uint64_t{1} << 32), "a/w").uniform(5));
    CHECK(stream.uniform(5) != stream.uniform(5 + (std::uint64_t{1} << 33)));
  }

  TEST_CASE("truncated normal numbers stay within two standard deviations and fill them") {
    const RandomStream stream(3, "w");
    double largest = 0;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      largest = std::max(largest, std::abs(stream.truncated_normal(i)));
    }
    CHECK(largest <= 2);
    CHECK(largest > 1.999);
  }
}
