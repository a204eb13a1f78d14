#include "checkpoint/reader.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "checkpoint/memory_checkpoint.h"
#include "checkpoint/statistics.h"
#include "core/numbers.h"
#include "support/error_of.h"

using namespace ckpt;

namespace {

Tensor counting(Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(num_elements(shape).value()));
  std::iota(values.begin(), values.end(), 0.0F);
  return make_tensor(std::move(shape), values);
}

std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values(tensor.bytes.size() / size_of(tensor.dtype));
  decode(tensor.dtype, tensor.bytes, values);
  return values;
}

}  // namespace

TEST_SUITE("checkpoint/reader") {
  TEST_CASE("a slice holds the box of elements, for every box of a small tensor") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("w", counting({3, 4, 2}));
    const auto reader = open_memory(checkpoint);
    for (std::int64_t a = 0; a <= 3; ++a) {
      for (std::int64_t na = 0; na <= 3 - a; ++na) {
        for (std::int64_t b = 0; b <= 4; ++b) {
          for (std::int64_t nb = 0; nb <= 4 - b; ++nb) {
            for (std::int64_t c = 0; c <= 2; ++c) {
              for (std::int64_t nc = 0; nc <= 2 - c; ++nc) {
                std::vector<double> expected;
                for (auto i = a; i < a + na; ++i) {
                  for (auto j = b; j < b + nb; ++j) {
                    for (auto k = c; k < c + nc; ++k) {
                      expected.push_back(static_cast<double>((i * 4 + j) * 2 + k));
                    }
                  }
                }
                const Tensor slice = reader->read_slice(0, {a, b, c}, {na, nb, nc});
                REQUIRE(slice.shape == Shape{na, nb, nc});
                REQUIRE(values_of(slice) == expected);
              }
            }
          }
        }
      }
    }
  }

  TEST_CASE("a slice of a scalar is the scalar, and a box outside is refused with its numbers") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("step", counting({}));
    checkpoint.add("w", counting({3}));
    const auto reader = open_memory(checkpoint);
    CHECK(values_of(reader->read_slice(0, {}, {})) == std::vector<double>{0});
    CHECK(error_of([&] { (void)reader->read_slice(1, {2}, {2}); }) ==
          "w: the slice from [2] of [2] is not inside its shape [3]");
    CHECK(error_of([&] {
            (void)reader->read_slice(1, {0, 0}, {1, 1});
          }) == "w: the slice from [0, 0] of [1, 1] is not inside its shape [3]");
  }

  TEST_CASE("a variable is found by its name and by its aliases") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("a", counting({1}));
    checkpoint.variables.push_back({"b", counting({1}), {"tied/b"}});
    const auto reader = open_memory(checkpoint);
    CHECK(reader->find("tied/b") == 1);
    CHECK_FALSE(reader->find("c").has_value());
  }

  TEST_CASE("a name that occurs twice, even as an alias, is refused") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("a", counting({1}));
    checkpoint.variables.push_back({"b", counting({1}), {"a"}});
    CHECK(error_of([&] { (void)open_memory(checkpoint); }) == "two variables are called 'a'");
  }

  TEST_CASE("pieces come in order and together are the tensor") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("w", counting({700, 1000}));
    const auto reader = open_memory(checkpoint);
    Bytes all;
    for_each_piece(*reader, 0, [&](std::uint64_t offset, ByteView piece) {
      CHECK(offset == all.size());
      CHECK(piece.size() <= 1 << 20);
      all.insert(all.end(), piece.begin(), piece.end());
    });
    CHECK(all == checkpoint.variables[0].tensor.bytes);
  }
}

TEST_SUITE("checkpoint/statistics") {
  TEST_CASE("the sums are those of the finite values, the rest is counted") {
    const float inf = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    MemoryCheckpoint checkpoint;
    const std::vector<float> values{1, 2, 3, 4, 0, nan, inf, -inf};
    checkpoint.add("w", make_tensor({8}, values));
    const Statistics s = statistics_of(*open_memory(checkpoint), 0, 4);
    CHECK(s.count == 8);
    CHECK(s.nan == 1);
    CHECK(s.infinite == 2);
    CHECK(s.zeros == 1);
    CHECK(s.min == 0);
    CHECK(s.max == 4);
    CHECK(s.mean == 2);
    CHECK(s.deviation == doctest::Approx(std::sqrt(2.0)));
    CHECK(s.histogram == std::vector<std::uint64_t>{1, 1, 1, 2});
  }

  TEST_CASE("a constant, an empty and a huge-valued tensor have histograms too") {
    MemoryCheckpoint checkpoint;
    checkpoint.add("constant", make_tensor({3}, std::vector<float>{5, 5, 5}));
    checkpoint.add("empty", make_tensor({0}, {}));
    const double huge[] = {-1.7e308, 1.7e308};
    const ByteView bytes = as_byte_view(huge);
    checkpoint.add("huge", {DType::kF64, {2}, Bytes(bytes.begin(), bytes.end())});
    const auto reader = open_memory(checkpoint);
    CHECK(statistics_of(*reader, 0, 2).histogram == std::vector<std::uint64_t>{3, 0});
    CHECK(statistics_of(*reader, 1, 2).histogram == std::vector<std::uint64_t>{0, 0});
    CHECK(statistics_of(*reader, 2, 2).histogram == std::vector<std::uint64_t>{1, 1});
  }
}
