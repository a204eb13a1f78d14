#include "checkpoint/writer.h"

#include <doctest/doctest.h>

#include "checkpoint/memory_checkpoint.h"
#include "support/error_of.h"

using namespace ckpt;

TEST_SUITE("checkpoint/writer") {
  TEST_CASE("bytes arrive in any pieces and any order of variables") {
    MemoryCheckpoint target;
    const float values[] = {1, 2, 3, 4};
    const ByteView bytes = as_byte_view(values);
    {
      const auto writer =
          create_memory(target, {{.name = "a", .shape = {2}}, {.name = "b", .shape = {2}}});
      writer->write(1, bytes.subspan(8, 3));
      writer->write(0, bytes.subspan(0, 8));
      writer->write(1, bytes.subspan(11, 5));
      writer->commit();
    }
    REQUIRE(target.variables.size() == 2);
    CHECK(target.variables[0].tensor == make_tensor({2}, std::span(values).first(2)));
    CHECK(target.variables[1].tensor == make_tensor({2}, std::span(values).last(2)));
  }

  TEST_CASE("without a commit the target stays as it was") {
    MemoryCheckpoint target;
    target.add("old", make_tensor({0}, {}));
    create_memory(target, {{.name = "new", .shape = {0}}});
    CHECK(target.variables.at(0).name == "old");
  }

  TEST_CASE("too many bytes, too few, a name twice and an impossible shape are refused by name") {
    MemoryCheckpoint target;
    const Bytes bytes(12);
    const auto writer =
        create_memory(target, {{.name = "a", .shape = {2}}, {.name = "b", .shape = {3}}});
    CHECK(error_of([&] { writer->write(0, bytes); }) ==
          "a: 0 + 12 bytes are more than the 8 of f32 [2]");
    writer->write(1, ByteView(bytes).first(4));
    CHECK(error_of([&] { writer->commit(); }) ==
          "not all bytes were written: a (0 of 8 bytes), b (4 of 12 bytes)");
    CHECK(error_of([&] {
            create_memory(target, {{.name = "x"}, {.name = "x"}});
          }) == "two variables are called 'x'");
    CHECK(error_of([&] {
            create_memory(target, {{.name = "x", .shape = {std::int64_t{1} << 62, 2}}});
          }) ==
          "x: shape [4611686018427387904, 2] of f32 needs more than 2^63 bytes or has a "
          "negative extent");
    CHECK(error_of([&] { create_memory(target, {{.name = "x", .dtype = DType::kString}}); }) ==
          "x: a tensor cannot have dtype string");
  }
}
