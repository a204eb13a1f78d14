#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/file.h"
#include "core/shape.h"
#include "core/string_pool.h"

namespace ckpt::safetensors {

// A tensor's row in the header.
struct Tensor {
  std::string_view name;          // that someone else holds
  DType dtype = DType::kF32;      // kOther for what this library has no type for
  std::string_view stored_dtype;  // "BF16": the format's own word, one of its table
  Shape shape;
  std::uint64_t begin = 0;  // in the file's data, which starts behind the header
  std::uint64_t end = 0;
};

struct Header {
  std::uint64_t data_start = 0;                               // in the file
  std::vector<Tensor> tensors;                                // in the order of the header
  std::vector<std::pair<std::string, std::string>> metadata;  // of "__metadata__"
  std::vector<std::string> notes;
  StringPool names;  // of the tensors, where the header was read from a file
  // An edit was begun behind the tensors, and interrupted before it was decided.
  bool has_torn_edit = false;
};

// Reads the header and checks all of it by the rules of the format's reference implementation
// (safetensors/src/tensor.rs): at most 100,000,000 bytes, first byte '{', no key twice, the
// tensors' ranges covering the data from its first byte to the end of the file without hole or
// overlap, each of the size that its shape and dtype need. Behind them may be what an interrupted
// edit has left. Throws Error.
Header read_header(const RandomFile& file);

// The same for a file that is to be edited. Throws Error(kIo) where an edit was interrupted.
Header read_settled_header(const RandomFile& file);

// Format::end_of_data: where the last tensor ends, whatever is behind it.
std::uint64_t end_of_data(const RandomFile& file);

inline constexpr std::uint64_t kMostHeaderBytes = 100'000'000;
inline constexpr std::string_view kMetadataKey = "__metadata__";

}  // namespace ckpt::safetensors
