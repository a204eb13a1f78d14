#include "storage/undo.h"

#include <doctest/doctest.h>

#include <limits>

#include "storage/way_back.h"
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

  TEST_CASE("undo data in undo data, however deep, is refused and not followed") {
    // Version 3 by hand, from the inside: it has no checksum.
    std::string data;
    const auto number = [](std::uint64_t value) {
      std::string bytes;
      for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xffU);
      return bytes;
    };
    const std::string front =
        "CKPTUNDO" + number(3) + number(0) + number(0) + std::string(32, '\0') + number(0);
    const std::string none = number(0) + number(0);
    const std::string beside = number(1) + number(1) + "x";
    constexpr std::size_t kDepth = 20'000;
    std::size_t size = front.size() + none.size() + 8;
    for (std::size_t i = 0; i < kDepth; ++i) {
      size += front.size() + none.size() + beside.size() + 8;
    }
    for (std::size_t i = 0; i < kDepth; ++i) {
      size -= front.size() + none.size() + beside.size() + 8;
      data += front + none + beside + number(size);
    }
    data += front + none + number(0);
    CHECK(error_of([&] { decode_undo(as_byte_view(std::string_view(data))); }) ==
          "undo data: a file beside another has files beside it in turn");
  }

  TEST_CASE("undo data that would make a file longer under a journal is refused") {
    Undo undo;
    undo.size_before = std::numeric_limits<std::uint64_t>::max();
    undo.size_after = 4;
    undo.digest_before = undo.digest_after = Checksum().value();
    const auto file = memory_file(Bytes(4));
    CHECK(error_code_of([&] { undoing_patch(*file, undo); }) == Errc::kCorrupt);
  }
}
