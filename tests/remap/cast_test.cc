#include "remap/cast.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "core/numbers.h"
#include "support/error_of.h"

using namespace ckpt;

namespace {

template <typename T>
Tensor tensor_of(DType dtype, const std::vector<T>& values) {
  Tensor tensor{
      dtype, {static_cast<std::int64_t>(values.size())}, Bytes(values.size() * sizeof(T))};
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

template <typename T>
std::vector<T> values_of(const Tensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

// All numbers of an 8-bit or 16-bit float type that are finite, by their value.
std::map<double, std::uint32_t> all_numbers(DType dtype) {
  std::map<double, std::uint32_t> out;
  const std::uint32_t count = size_of(dtype) == 1 ? 256 : 65536;
  for (std::uint32_t bits = 0; bits < count; ++bits) {
    const auto wide = static_cast<std::uint16_t>(bits);
    const double value = element_as_double(dtype, as_byte_view(std::span(&wide, 1)), 0);
    if (std::isfinite(value)) out.emplace(value, bits);
  }
  return out;
}

}  // namespace

TEST_SUITE("remap/cast") {
  TEST_CASE("floats go to the nearest smaller float, ties to even, by a search over all of them") {
    constexpr unsigned kSeed = 5;
    CAPTURE(kSeed);
    std::mt19937_64 random(kSeed);
    for (const DType to : {DType::kF8e4m3, DType::kF8e5m2, DType::kF16, DType::kBf16}) {
      CAPTURE(name_of(to));
      const auto numbers = all_numbers(to);
      for (int i = 0; i < 20000; ++i) {
        // Half of them are midpoints between neighbours, or just beside one.
        auto it = numbers.begin();
        std::advance(it, static_cast<std::ptrdiff_t>(random() % (numbers.size() - 1)));
        const double low = it->first;
        const double high = std::next(it)->first;
        double value = low + (high - low) * static_cast<double>(random() % 1001) / 1000.0;
        if (i % 2 == 0) value = (low + high) / 2;
        if (i % 6 == 0) value = std::nextafter(value, kInf);
        if (i % 6 == 2) value = std::nextafter(value, -kInf);
        const Tensor out = cast(tensor_of<double>(DType::kF64, {value}), to);
        const double result = element_as_double(to, out.bytes, 0);
        const double to_low = value - low;
        const double to_high = high - value;
        if (to_low != to_high) {
          CHECK_MESSAGE(result == (to_low < to_high ? low : high), value);
        } else {
          std::uint16_t bits = 0;
          std::memcpy(&bits, out.bytes.data(), out.bytes.size());
          CHECK_MESSAGE((bits & 1U) == 0, value);
          CHECK((result == low || result == high));
        }
      }
    }
  }

  TEST_CASE("what is too large for a float becomes infinity, and NaN where there is none") {
    const Tensor wide = tensor_of<double>(DType::kF64, {1e300, -1e300, kInf, kNan, 1e-300, -0.0});
    for (const DType to : {DType::kF16, DType::kBf16, DType::kF32, DType::kF8e5m2}) {
      CAPTURE(name_of(to));
      const Tensor out = cast(wide, to);
      const auto at = [&](std::size_t i) { return element_as_double(to, out.bytes, i); };
      CHECK(at(0) == kInf);
      CHECK(at(1) == -kInf);
      CHECK(at(2) == kInf);
      CHECK(std::isnan(at(3)));
      CHECK(at(4) == 0);
      CHECK(std::signbit(at(5)));
    }
    const Tensor out = cast(tensor_of<double>(DType::kF64, {448, 464, 464.0001, -500, kInf, kNan}),
                            DType::kF8e4m3);
    CHECK(values_of<std::uint8_t>(out) ==
          std::vector<std::uint8_t>{0x7e, 0x7e, 0x7f, 0xff, 0x7f, 0x7f});
    CHECK(values_of<std::uint16_t>(
              cast(tensor_of<double>(DType::kF64, {65504, 65519.99, 65520}), DType::kF16)) ==
          std::vector<std::uint16_t>{0x7bff, 0x7bff, 0x7c00});
  }

  TEST_CASE("a double is rounded once, not through a float") {
    // 1 + 2^-11 + 2^-40 lies above the tie between 1 and the next f16; as a float it is the tie.
    const double value = 1 + std::ldexp(1, -11) + std::ldexp(1, -40);
    CHECK(values_of<std::uint16_t>(cast(tensor_of<double>(DType::kF64, {value}), DType::kF16)) ==
          std::vector<std::uint16_t>{0x3c01});
  }

  TEST_CASE("floats go to the nearest integer, ties to even, and saturate") {
    const Tensor source =
        tensor_of<float>(DType::kF32, {0.5F, 1.5F, -2.5F, 2.4F, 300, -300, 1e20F, -1e20F,
                                       static_cast<float>(kInf), static_cast<float>(kNan)});
    CHECK(values_of<std::int8_t>(cast(source, DType::kI8)) ==
          std::vector<std::int8_t>{0, 2, -2, 2, 127, -128, 127, -128, 127, 0});
    CHECK(values_of<std::uint8_t>(cast(source, DType::kU8)) ==
          std::vector<std::uint8_t>{0, 2, 0, 2, 255, 0, 255, 0, 255, 0});
    CHECK(values_of<std::int64_t>(cast(source, DType::kI64))[6] ==
          std::numeric_limits<std::int64_t>::max());
    CHECK(values_of<std::int64_t>(cast(source, DType::kI64))[7] ==
          std::numeric_limits<std::int64_t>::min());
    CHECK(values_of<std::uint64_t>(cast(source, DType::kU64))[6] ==
          std::numeric_limits<std::uint64_t>::max());
    CHECK(values_of<std::uint8_t>(cast(source, DType::kBool)) ==
          std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  }

  TEST_CASE("integers saturate, keep every bit, and round once to floats") {
    const std::int64_t big = (std::int64_t{1} << 62) + 1;
    const Tensor source = tensor_of<std::int64_t>(DType::kI64, {big, -1, 200, -200});
    CHECK(values_of<std::int64_t>(cast(source, DType::kI64))[0] == big);
    CHECK(values_of<std::uint64_t>(cast(source, DType::kU64)) ==
          std::vector<std::uint64_t>{static_cast<std::uint64_t>(big), 0, 200, 0});
    CHECK(values_of<std::int8_t>(cast(source, DType::kI8)) ==
          std::vector<std::int8_t>{127, -1, 127, -128});
    CHECK(values_of<std::uint8_t>(cast(source, DType::kBool)) ==
          std::vector<std::uint8_t>{1, 1, 1, 1});
    // 2^61 + 2^53 is a tie of bf16 at 2^61; one more is above it, which a double cannot see.
    const std::int64_t tie = (std::int64_t{1} << 61) + (std::int64_t{1} << 53);
    CHECK(values_of<std::uint16_t>(
              cast(tensor_of<std::int64_t>(DType::kI64, {tie, tie + 1, -tie - 1}), DType::kBf16)) ==
          std::vector<std::uint16_t>{0x5e00, 0x5e01, 0xde01});
    const std::int64_t to_float = (std::int64_t{1} << 61) + (std::int64_t{1} << 37);
    CHECK(values_of<float>(cast(tensor_of<std::int64_t>(DType::kI64, {to_float + 1}),
                                DType::kF32))[0] == static_cast<float>(to_float + 1));
  }

  TEST_CASE("complex numbers take real ones in, and are not cut") {
    const Tensor out = cast(tensor_of<float>(DType::kF32, {1.5F, -2}), DType::kC128);
    CHECK(values_of<double>(out) == std::vector<double>{1.5, 0, -2, 0});
    CHECK(values_of<float>(cast(out, DType::kC64)) == std::vector<float>{1.5F, 0, -2, 0});
    CHECK(values_of<float>(cast(tensor_of<std::int32_t>(DType::kI32, {3}), DType::kC64)) ==
          std::vector<float>{3, 0});
    CHECK(error_of([&] { (void)cast(out, DType::kF64); }) ==
          "cast(f64) would drop the imaginary part of c128");
  }

  TEST_CASE("a cast is lossless exactly where all values of small types come back") {
    for (int from = 0; from < kDTypeCount; ++from) {
      const auto a = static_cast<DType>(from);
      if (!is_numeric(a) || size_of(a) > 2) continue;
      const std::uint32_t count = size_of(a) == 1 ? (a == DType::kBool ? 2U : 256U) : 65536U;
      std::vector<std::uint16_t> wide;
      std::vector<std::uint8_t> narrow;
      for (std::uint32_t bits = 0; bits < count; ++bits) {
        wide.push_back(static_cast<std::uint16_t>(bits));
        narrow.push_back(static_cast<std::uint8_t>(bits));
      }
      const Tensor all = size_of(a) == 1 ? tensor_of(a, narrow) : tensor_of(a, wide);
      for (int to = 0; to < kDTypeCount; ++to) {
        const auto b = static_cast<DType>(to);
        if (!is_numeric(b) || class_of(b) == DTypeClass::kComplex) continue;
        CAPTURE(name_of(a));
        CAPTURE(name_of(b));
        CHECK(is_lossless_cast(a, b) == (count_cast_losses(all, b) == 0));
      }
    }
    CHECK(is_lossless_cast(DType::kI32, DType::kF64));
    CHECK_FALSE(is_lossless_cast(DType::kI32, DType::kF32));
    CHECK_FALSE(is_lossless_cast(DType::kI64, DType::kF64));
    CHECK_FALSE(is_lossless_cast(DType::kF32, DType::kC64));
    CHECK(is_lossless_cast(DType::kC64, DType::kC128));
    CHECK_FALSE(is_lossless_cast(DType::kF64, DType::kC64));
    CHECK_FALSE(is_lossless_cast(DType::kString, DType::kF64));
  }
}
