#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"
#include "formats/numpy/element.h"

namespace ckpt::numpy {

// Fills a span with the bytes at an offset of a NumPy file, wherever that lies.
using ReadAt = std::function<void(std::uint64_t, std::span<std::byte>)>;

// The header of a NumPy file ("NEP 1"):
//
//   | "\x93NUMPY" | major, minor | length, 2 bytes, from version 2 on 4 | dict in Python's words |
struct Header {
  Element element;
  Shape shape;
  bool fortran = false;  // column-major, and that makes a difference
  std::uint64_t data_start = 0;
  std::uint64_t data_bytes = 0;
  std::vector<std::string> notes;
};

// Reads the header of a file of `size` bytes and checks that the file holds what it says.
// Throws Error: kCorrupt; kUnsupported for later versions and for pickled objects.
Header read_header(const ReadAt& read_at, std::uint64_t size);

inline constexpr std::string_view kMagic = "\x93NUMPY";

}  // namespace ckpt::numpy
