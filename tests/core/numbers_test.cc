#include "core/numbers.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace ckpt;

TEST_SUITE("core/numbers") {
  TEST_CASE("every f16 comes back from f32 as the same bits") {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
      const float value = from_f16(static_cast<std::uint16_t>(bits));
      if (std::isnan(value)) {
        CHECK((bits & 0x7fffU) > 0x7c00U);
      } else {
        REQUIRE(to_f16(value) == bits);
      }
    }
  }

  TEST_CASE("every bf16 comes back from f32 as the same bits") {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
      const float value = from_bf16(static_cast<std::uint16_t>(bits));
      if (!std::isnan(value)) REQUIRE(to_bf16(value) == bits);
    }
  }

  TEST_CASE("rounding to f16 is to nearest, ties to even, and to infinity from 65520 on") {
    CHECK(to_f16(1.0F + 1.0F / 2048) == to_f16(1.0F));                // tie, even below
    CHECK(to_f16(1.0F + 3.0F / 2048) == to_f16(1.0F + 4.0F / 2048));  // tie, even above
    CHECK(to_f16(65519.0F) == 0x7bff);
    CHECK(to_f16(65520.0F) == 0x7c00);
    CHECK(to_f16(-std::numeric_limits<float>::infinity()) == 0xfc00);
    CHECK(to_f16(std::ldexp(1.0F, -25)) == 0);  // half of the smallest: tie to even
    CHECK(to_f16(std::ldexp(1.5F, -25)) == 1);
    CHECK(to_bf16(1.0F + 1.0F / 256) == 0x3f80);
    CHECK(std::isnan(from_bf16(to_bf16(std::numeric_limits<float>::quiet_NaN()))));
  }

  TEST_CASE("f8 numbers are those of the OCP specification") {
    CHECK(from_f8e4m3(0x7e) == 448.0F);
    CHECK(from_f8e4m3(0x08) == std::ldexp(1.0F, -6));
    CHECK(from_f8e4m3(0x01) == std::ldexp(1.0F, -9));
    CHECK(from_f8e4m3(0x78) == 256.0F);
    CHECK(std::isnan(from_f8e4m3(0xff)));
    CHECK(from_f8e5m2(0x7b) == 57344.0F);
    CHECK(std::isinf(from_f8e5m2(0xfc)));
    CHECK(from_f8e5m2(0x01) == std::ldexp(1.0F, -16));
  }
}
