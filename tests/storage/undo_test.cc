#include "storage/undo.h"

#include <doctest/doctest.h>

#include "support/error_of.h"

using namespace ckpt;

namespace {

// Of a file written anew: [0, 4) was other, the rest lies two bytes further on.
Undo moved() {
  Undo undo;
  undo.size_before = 10;
  undo.size_after = 12;
  undo.pieces = {{0, Bytes(4, std::byte{7})}};
  undo.kept = {{4, 6, 6}};
  undo.grown = {{"m.data-00000-of-00001", 100, 120}};
  return undo;
}

}  // namespace

TEST_SUITE("storage/undo") {
  TEST_CASE("undo data come back from their bytes, cut anywhere they are refused") {
    Undo plain;
    plain.size_before = plain.size_after = 10;
    plain.pieces = {{2, Bytes(3, std::byte{1})}};
    Undo of_set = moved();
    of_set.beside_names = {"a-00001-of-00002.safetensors"};
    of_set.beside = {plain};
    for (const Undo& undo : {plain, moved(), of_set}) {
      const Bytes bytes = encode_undo(undo);
      CHECK((decode_undo(bytes) == undo));
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(error_code_of([&] { decode_undo(ByteView(bytes).first(size)); }) == Errc::kCorrupt);
      }
    }
    Bytes damaged = encode_undo(plain);
    damaged.at(30) ^= std::byte{1};
    CHECK(error_of([&] { decode_undo(damaged); }) ==
          "the undo data has been damaged: its checksum does not match");
    Undo nested = of_set;
    nested.beside = {of_set};
    CHECK(error_of([&] { decode_undo(encode_undo(nested)); }) ==
          "undo data: a file beside another has files beside it in turn");
    of_set.beside_names = {"../a.safetensors"};
    CHECK(error_of([&] { decode_undo(encode_undo(of_set)); }) ==
          "undo data: it speaks of a file that is not beside this one");
  }

  TEST_CASE("the old file must be covered once, by pieces and kept stretches") {
    const auto error = [](const Undo& undo) {
      return error_of([&] { decode_undo(encode_undo(undo)); });
    };
    CHECK(error(moved()) == "no error");
    Undo hole = moved();
    hole.kept = {{5, 7, 5}};
    CHECK(error(hole) == "undo data: nothing, or two things, are said of the byte at 4");
    Undo overlap = moved();
    overlap.kept = {{3, 5, 7}};
    CHECK(error(overlap) == "undo data: nothing, or two things, are said of the byte at 4");
    Undo short_of_end = moved();
    short_of_end.kept = {{4, 6, 5}};
    CHECK(error(short_of_end) == "undo data: nothing, or two things, are said of the byte at 9");
    Undo outside = moved();
    outside.kept = {{4, 7, 6}};
    CHECK(error(outside) == "undo data: nothing, or two things, are said of the byte at 4");
    Undo elsewhere = moved();
    elsewhere.grown[0].name = "../x";
    CHECK(error(elsewhere) == "undo data: it speaks of a file that is not beside this one");
  }
}
