#include "scope/initializer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/numbers.h"
#include "scope/variable_store.h"
#include "support/error_of.h"

using ckpt::Distribution;
using ckpt::DType;
using ckpt::FanMode;
using ckpt::Initializer;
using ckpt::Shape;
using ckpt::Tensor;

namespace {

std::vector<double> doubles(const Tensor& tensor) {
  std::vector<double> out(tensor.bytes.size() / ckpt::size_of(tensor.dtype));
  ckpt::decode(tensor.dtype, tensor.bytes, out);
  return out;
}

struct Moments {
  double mean = 0;
  double stddev = 0;
  double skew = 0;
  double kurtosis = 0;
  double largest = 0;
};

Moments moments(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  Moments m;
  for (const double x : values) {
    m.mean += x / n;
    m.largest = std::max(m.largest, std::abs(x));
  }
  double second = 0;
  double third = 0;
  double fourth = 0;
  for (const double x : values) {
    const double d = x - m.mean;
    second += d * d / n;
    third += d * d * d / n;
    fourth += d * d * d * d / n;
  }
  m.stddev = std::sqrt(second);
  m.skew = third / (second * m.stddev);
  m.kurtosis = fourth / (second * second);
  return m;
}

Moments moments_of(const Initializer& initializer, const Shape& shape) {
  return moments(doubles(initializer.make(shape, DType::kF64, 11, "w")));
}

// The largest |QᵀQ - I| of a rows × columns matrix.
double defect(const std::vector<double>& q, std::size_t rows, std::size_t columns) {
  double worst = 0;
  for (std::size_t a = 0; a < columns; ++a) {
    for (std::size_t b = 0; b < columns; ++b) {
      double dot = a == b ? -1 : 0;
      for (std::size_t i = 0; i < rows; ++i) dot += q[i * columns + a] * q[i * columns + b];
      worst = std::max(worst, std::abs(dot));
    }
  }
  return worst;
}

std::vector<double> transposed(const std::vector<double>& m, std::size_t rows,
                               std::size_t columns) {
  std::vector<double> out(m.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) out[j * rows + i] = m[i * columns + j];
  }
  return out;
}

}  // namespace

TEST_SUITE("scope/initializer") {
  TEST_CASE("fans are those of matrices, convolution kernels, vectors and scalars") {
    const auto fans = [](const Shape& shape) {
      const ckpt::Fans f = ckpt::fans_of(shape);
      return std::pair(f.in, f.out);
    };
    CHECK(fans({}) == std::pair(1.0, 1.0));
    CHECK(fans({5}) == std::pair(5.0, 5.0));
    CHECK(fans({3, 4}) == std::pair(3.0, 4.0));
    CHECK(fans({3, 5, 8, 16}) == std::pair(120.0, 240.0));
  }

  TEST_CASE("constants are made in every dtype that can hold them") {
    for (int i = 0; i < ckpt::kDTypeCount; ++i) {
      const auto dtype = static_cast<DType>(i);
      if (!ckpt::is_numeric(dtype)) continue;
      CAPTURE(name_of(dtype));
      const Tensor zeros = Initializer::zeros().make({2, 3}, dtype, 0, "w");
      CHECK(zeros.dtype == dtype);
      CHECK(doubles(zeros) == std::vector<double>(6, 0.0));
      CHECK(doubles(Initializer::ones().make({2, 3}, dtype, 0, "w")) ==
            std::vector<double>(6, 1.0));
    }
    CHECK(doubles(Initializer::constant(-128).make({1}, DType::kI8, 0, "w"))[0] == -128);
    CHECK(doubles(Initializer::constant(0.1).make({1}, DType::kF16, 0, "w"))[0] == 0x1.998p-4);
  }

  TEST_CASE("constants that a dtype cannot hold are refused by the variable's name") {
    const auto make = [](double value, DType dtype) {
      return error_of([&] { (void)Initializer::constant(value).make({1}, dtype, 0, "a/w"); });
    };
    CHECK(make(300, DType::kU8) == "a/w: u8 cannot hold the constant 300");
    CHECK(make(0.5, DType::kI32) == "a/w: i32 cannot hold the constant 0.5");
    CHECK(make(-1, DType::kU64) == "a/w: u64 cannot hold the constant -1");
    CHECK(make(2, DType::kBool) == "a/w: bool cannot hold the constant 2");
    CHECK(make(9223372036854775808.0, DType::kI64) ==
          "a/w: i64 cannot hold the constant 9223372036854775808");
    CHECK(make(std::numeric_limits<double>::quiet_NaN(), DType::kI32) ==
          "a/w: i32 cannot hold the constant nan");
    CHECK(make(1, DType::kString) == "a/w: a tensor cannot have dtype string");
    CHECK(error_of([] { (void)Initializer::random_normal().make({1}, DType::kI32, 0, "a/w"); }) ==
          "a/w: its initializer makes f16, bf16, f32 and f64, not i32");
  }

  TEST_CASE("normal values have the moments of a normal distribution") {
    const Moments m = moments_of(Initializer::random_normal(3, 2), {100, 1000});
    CHECK(m.mean == doctest::Approx(3).epsilon(0.01));
    CHECK(m.stddev == doctest::Approx(2).epsilon(0.01));
    CHECK(std::abs(m.skew) < 0.03);
    CHECK(m.kurtosis == doctest::Approx(3).epsilon(0.03));
  }

  TEST_CASE("uniform values have the moments and bounds of a uniform distribution") {
    const std::vector<double> values =
        doubles(Initializer::random_uniform(-1, 3).make({100000}, DType::kF32, 5, "w"));
    const Moments m = moments(values);
    CHECK(m.mean == doctest::Approx(1).epsilon(0.02));
    CHECK(m.stddev == doctest::Approx(4 / std::sqrt(12.0)).epsilon(0.01));
    CHECK(m.kurtosis == doctest::Approx(1.8).epsilon(0.02));
    CHECK(*std::ranges::min_element(values) >= -1);
    CHECK(*std::ranges::min_element(values) < -0.999);
    CHECK(*std::ranges::max_element(values) <= 3);
    CHECK(*std::ranges::max_element(values) > 2.999);
  }

  TEST_CASE("truncated normal values end at two standard deviations of what was cut") {
    const Moments m = moments_of(Initializer::truncated_normal(0, 0.5), {100000});
    CHECK(m.largest <= 1);
    CHECK(m.largest > 0.999);
    CHECK(m.stddev == doctest::Approx(0.5 * 0.87962566103423978).epsilon(0.01));
  }

  TEST_CASE("scaled values have the variance of the fan, whatever the distribution") {
    const Shape shape{3, 3, 50, 200};  // fans 450 and 1800
    for (const auto distribution :
         {Distribution::kTruncatedNormal, Distribution::kNormal, Distribution::kUniform}) {
      const auto variance = [&](FanMode mode) {
        const double s =
            moments_of(Initializer::variance_scaling(3, mode, distribution), shape).stddev;
        return s * s;
      };
      CHECK(variance(FanMode::kIn) == doctest::Approx(3 / 450.0).epsilon(0.03));
      CHECK(variance(FanMode::kOut) == doctest::Approx(3 / 1800.0).epsilon(0.03));
      CHECK(variance(FanMode::kAverage) == doctest::Approx(3 / 1125.0).epsilon(0.03));
    }
  }

  TEST_CASE("Glorot's and He's have their limits") {
    const Shape shape{200, 400};
    const Moments glorot = moments_of(Initializer::glorot_uniform(), shape);
    CHECK(glorot.largest <= std::sqrt(6.0 / 600));
    CHECK(glorot.largest > 0.999 * std::sqrt(6.0 / 600));
    const Moments he = moments_of(Initializer::he_uniform(), shape);
    CHECK(he.largest <= std::sqrt(6.0 / 200));
    CHECK(he.largest > 0.999 * std::sqrt(6.0 / 200));
    const Moments glorot_normal = moments_of(Initializer::glorot_normal(), shape);
    CHECK(glorot_normal.stddev == doctest::Approx(std::sqrt(2.0 / 600)).epsilon(0.01));
    CHECK(glorot_normal.largest <= 2 * std::sqrt(2.0 / 600) / 0.8796256610342397);
    CHECK(moments_of(Initializer::he_normal(), shape).stddev ==
          doctest::Approx(std::sqrt(2.0 / 200)).epsilon(0.01));
  }

  TEST_CASE("an orthogonal matrix has orthonormal columns, or rows where it is wide") {
    const auto make = [](const Shape& shape) {
      return doubles(Initializer::orthogonal().make(shape, DType::kF64, 2, "w"));
    };
    CHECK(defect(make({40, 40}), 40, 40) < 1e-14);
    CHECK(defect(make({64, 10}), 64, 10) < 1e-14);
    CHECK(defect(transposed(make({10, 64}), 10, 64), 64, 10) < 1e-14);
    CHECK(defect(make({3, 3, 4, 16}), 36, 16) < 1e-14);
    CHECK(std::abs(make({1, 1})[0]) == 1);
    const Tensor scaled = Initializer::orthogonal(3).make({1, 1}, DType::kF32, 2, "w");
    CHECK(std::abs(doubles(scaled)[0]) == 3);
    CHECK(error_of([] { (void)Initializer::orthogonal().make({4}, DType::kF32, 0, "w"); }) ==
          "w: an orthogonal matrix needs a shape of at least two axes, not [4]");
  }

  TEST_CASE("both signs occur on the diagonal of orthogonal matrices, as they must") {
    int positive = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const Tensor q = Initializer::orthogonal().make({3, 3}, DType::kF64, seed, "w");
      positive += doubles(q)[0] > 0 ? 1 : 0;
    }
    CHECK(positive > 70);
    CHECK(positive < 130);
  }

  TEST_CASE("an identity matrix has its gain on the diagonal, whatever its proportions") {
    CHECK(doubles(Initializer::identity(2).make({2, 3}, DType::kF32, 0, "w")) ==
          std::vector<double>{2, 0, 0, 0, 2, 0});
    CHECK(error_of([] {
            (void)Initializer::identity().make({2, 2, 2}, DType::kF32, 0, "w");
          }) == "w: an identity matrix needs a shape of two axes, not [2, 2, 2]");
  }

  TEST_CASE("narrow types are the wide values, rounded") {
    const auto make = [](DType dtype) {
      return doubles(Initializer::glorot_normal().make({10, 10}, dtype, 9, "w"));
    };
    const std::vector<double> wide = make(DType::kF64);
    const std::vector<double> f32 = make(DType::kF32);
    const std::vector<double> f16 = make(DType::kF16);
    const std::vector<double> bf16 = make(DType::kBf16);
    for (std::size_t i = 0; i < wide.size(); ++i) {
      const auto single = static_cast<float>(wide[i]);
      CHECK(f32[i] == single);
      CHECK(f16[i] == ckpt::from_f16(ckpt::to_f16(single)));
      CHECK(bf16[i] == ckpt::from_bf16(ckpt::to_bf16(single)));
    }
  }

  TEST_CASE("values depend on seed and name, not on what else there is or in which order") {
    const auto value_of_b = [](bool a_first, std::uint64_t seed) {
      ckpt::VariableStore store;
      if (a_first) store.get_variable("a", {.shape = Shape{3}});
      ckpt::Variable& b = store.get_variable("b", {.shape = Shape{3}});
      store.initialize(seed);
      return b.value();
    };
    CHECK(value_of_b(true, 1) == value_of_b(false, 1));
    CHECK(value_of_b(true, 1) != value_of_b(true, 2));
    const auto glorot = Initializer::glorot_uniform();
    CHECK(glorot.make({3}, DType::kF32, 1, "a") != glorot.make({3}, DType::kF32, 1, "b"));
  }

  TEST_CASE("the bits are these on every machine and under every compiler") {
    const auto bits = [](const Initializer& initializer) {
      const std::vector<double> values =
          doubles(initializer.make({2, 2}, DType::kF64, 2024, "dense/kernel"));
      std::vector<std::uint64_t> out;
      for (const double x : values) out.push_back(std::bit_cast<std::uint64_t>(x));
      return out;
    };
    using Bits = std::vector<std::uint64_t>;
    CHECK(bits(Initializer::random_uniform(0, 1)) ==
          Bits{0x3fe42086370c1bcbU, 0x3fd93ad5177eb1d6U, 0x3fb08e276c81f378U, 0x3fe9453d6fab0701U});
    CHECK(bits(Initializer::random_normal()) ==
          Bits{0x3fd5106bc593902eU, 0xbfd12c9bdb5681a2U, 0xbff84478db30a21eU, 0x3fe9c5bd722eea4eU});
    CHECK(bits(Initializer::truncated_normal()) ==
          Bits{0x3fd412a5d84b1787U, 0xbfd060072ef37ca7U, 0xbff60259f60dc6f2U, 0x3fe855f99de52c46U});
    CHECK(bits(Initializer::glorot_uniform()) ==
          Bits{0x3fd437e408edfccfU, 0xbfd095605422f692U, 0xbff10fb90ad1dbe7U, 0x3fe6b53a1cba0e32U});
    CHECK(bits(Initializer::he_normal()) ==
          Bits{0x3fd6d1db8a1371c1U, 0xbfd29db20cb64a12U, 0xbff9056595e71760U, 0x3febaa87a90cf1e1U});
    CHECK(bits(Initializer::orthogonal()) ==
          Bits{0x3fcb24ec4be5f9f8U, 0xbfef45adc6d598feU, 0xbfef45adc6d598feU, 0xbfcb24ec4be5f9f6U});
  }

  TEST_CASE("initializers are found by the names that programs give them") {
    for (const char* name :
         {"zeros", "ones", "random_uniform", "random_normal", "truncated_normal", "glorot_uniform",
          "glorot_normal", "he_uniform", "he_normal", "orthogonal", "identity"}) {
      CAPTURE(name);
      CHECK(Initializer::parse(name).has_value());
    }
    CHECK(Initializer::parse("he_normal")->make({4, 4}, DType::kF32, 1, "w") ==
          Initializer::he_normal().make({4, 4}, DType::kF32, 1, "w"));
    CHECK_FALSE(Initializer::parse("glorot").has_value());
  }

  TEST_CASE("a function must make what it was asked for") {
    const auto wrong = Initializer::function(Initializer::FromShape([](const Shape&, DType) {
      return Tensor{DType::kF32, {}, ckpt::Bytes(4)};
    }));
    CHECK(error_of([&] { (void)wrong.make({2}, DType::kF32, 0, "w"); }) ==
          "w: its initializer made f32 [], not f32 [2]");
    const auto short_of_bytes = Initializer::value(Tensor{DType::kF32, {2}, ckpt::Bytes(4)});
    CHECK(error_of([&] { (void)short_of_bytes.make({}, DType::kF32, 0, "w"); }) ==
          "w: its initializer made 4 bytes for f32 [2], which needs 8");
  }
}
