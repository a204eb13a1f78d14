// Reads or writes a whole checkpoint through the library, for the benchmark: what a program that
// links it would take.
//   ckpt_bench_io read FILE                 reads each tensor, piece by piece into one buffer as
//                                           `cat` does; prints the bytes
//   ckpt_bench_io write OUT COUNT BYTES     writes COUNT f32 variables of BYTES each
#include <algorithm>
#include <charconv>
#include <iostream>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/formats.h"

namespace {

void read(const std::string& path) {
  constexpr std::size_t kPiece = 256 * 1024;
  const auto reader = ckpt::open_checkpoint(path, {});
  std::vector<std::byte> piece(kPiece);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
    const ckpt::Entry& entry = reader->index().entries[i];
    const std::size_t size = ckpt::size_of(entry.dtype);
    for (std::uint64_t at = 0; at < entry.nbytes;) {
      const auto bytes =
          static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, entry.nbytes - at));
      reader->read(i, at / size, std::span(piece).first(bytes));
      at += bytes;
    }
    total += entry.nbytes;
  }
  std::cout << total << " bytes\n";
}

void write(const std::string& path, std::int64_t count, std::int64_t bytes) {
  std::vector<float> values(static_cast<std::size_t>(bytes / 4));
  std::iota(values.begin(), values.end(), 0.0F);
  std::vector<ckpt::VariableSpec> specs;
  for (std::int64_t i = 0; i < count; ++i) {
    specs.push_back({.name = ckpt::cat("block_", i, "/kernel"),
                     .dtype = ckpt::DType::kF32,
                     .shape = {bytes / 4},
                     .trainable = true,
                     .collections = {}});
  }
  const auto writer = ckpt::create_checkpoint(path, std::move(specs), {});
  for (std::size_t i = 0; i < writer->specs().size(); ++i) {
    writer->write(i, ckpt::as_byte_view(values));
  }
  writer->commit();
}

std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 2 && words[0] == "read") {
      read(words[1]);
    } else if (words.size() == 4 && words[0] == "write") {
      write(words[1], number(words[2]), number(words[3]));
    } else {
      std::cerr << "usage: ckpt_bench_io read FILE | write OUT COUNT BYTES\n";
      return 2;
    }
  } catch (const std::exception& e) {
    std::cerr << "ckpt_bench_io: " << e.what() << "\n";
    return 1;
  }
  return 0;
}
