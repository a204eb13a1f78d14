// A GGUF file, every number in its byte order (little-endian, from version 3 on either):
//
//   | "GGUF" | version u32 | tensors u64 | keys u64 |
//   | key text | type u32 | value |  …                                       keys and values
//   | name text | dims u32 | extents u64 … | type u32 | offset u64 |  …      tensors
//   | padding | tensors' bytes, each at a multiple of the alignment |
//
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#include "formats/gguf/format.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/gguf/cursor.h"
#include "formats/gguf/metadata.h"
#include "formats/gguf/types.h"
#include "formats/io/extent_reader.h"
#include "formats/io/roles.h"

namespace ckpt::gguf {
namespace {

constexpr char kSeparator = '.';
constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kMostDims = 4;             // ggml.h, GGML_MAX_DIMS
constexpr std::uint64_t kMostNameBytes = 65'535;   // ggml's own tensors have 63
constexpr std::uint64_t kLeastTensorBytes = 24;    // an empty name, no dims, type and offset
constexpr std::uint64_t kLeastMetadataBytes = 13;  // an empty key, type, one byte

bool detect(const RandomFile& file) {
  std::string magic(kMagic.size(), '\0');
  if (file.size() < magic.size()) return false;
  file.read_at(0, std::as_writable_bytes(std::span(magic)));
  return magic == kMagic;
}

struct Tensor {
  std::string name;
  Shape shape;  // outermost first
  std::uint32_t type_id = 0;
  const Type* type = nullptr;  // null where it is not known
  std::uint64_t elements = 0;
  std::uint64_t offset = 0;  // from the first tensor's place
  std::uint64_t bytes = 0;   // 0 where the type is not known
};

std::uint32_t read_version(Cursor& cursor) {
  cursor.skip(kMagic.size());
  auto version = cursor.number<std::uint32_t>();
  if (version >= 0x10000 && (version & 0xffff) == 0) {
    cursor.set_order(ByteOrder::kBig);
    version = version >> 24 | (version >> 8 & 0xff00);
  }
  const bool known = version == 3 || (version == 2 && cursor.order() == ByteOrder::kLittle);
  if (!known) {
    throw Error(Errc::kUnsupported,
                cat("is GGUF of version ", version,
                    cursor.order() == ByteOrder::kBig ? " in big-endian order" : "",
                    "; versions 2 and 3 are known, big-endian from 3 on"));
  }
  return version;
}

std::uint64_t read_count(Cursor& cursor, std::uint64_t bytes_each, std::string_view what) {
  const auto count = cursor.number<std::uint64_t>();
  if (count > cursor.left() / bytes_each) {
    throw Error(Errc::kCorrupt, cat("the file is said to have ", count, " ", what, "; its ",
                                    cursor.left(), " bytes have no room for them"));
  }
  return count;
}

void set_size(Tensor& tensor) {
  const auto elements = num_elements(tensor.shape);
  if (!elements) {
    throw Error(Errc::kCorrupt,
                cat("shape ", to_string(tensor.shape), " has more than 2^63 elements"));
  }
  tensor.elements = *elements;
  if (tensor.type == nullptr) return;
  const Type& type = *tensor.type;
  const std::uint64_t row =
      tensor.shape.empty() ? 1 : static_cast<std::uint64_t>(tensor.shape.back());
  if (row % type.block_elements != 0) {
    throw Error(Errc::kCorrupt, cat("its rows of ", row, " elements are no whole blocks of ",
                                    type.name, ", which has ", type.block_elements));
  }
  const auto bytes = checked_mul<std::uint64_t>(*elements / type.block_elements, type.block_bytes);
  if (!bytes) {
    throw Error(Errc::kCorrupt, cat("shape ", to_string(tensor.shape), " of ", type.name,
                                    " needs more than 2^64 bytes"));
  }
  tensor.bytes = *bytes;
}

Tensor read_tensor(Cursor& cursor) {
  Tensor tensor;
  tensor.name = cursor.text(kMostNameBytes, "a tensor's name");
  try {
    const auto dims = cursor.number<std::uint32_t>();
    if (dims > kMostDims) {
      throw Error(Errc::kCorrupt, cat("has ", dims, " dimensions, ", kMostDims, " are the most"));
    }
    for (std::uint32_t d = 0; d < dims; ++d) {
      const auto extent = checked_cast<std::int64_t>(cursor.number<std::uint64_t>());
      if (!extent) throw Error(Errc::kCorrupt, "has an extent of 2^63 or more");
      tensor.shape.insert(tensor.shape.begin(), *extent);
    }
    tensor.type_id = cursor.number<std::uint32_t>();
    tensor.type = find_type(tensor.type_id);
    tensor.offset = cursor.number<std::uint64_t>();
    set_size(tensor);
  } catch (const Error& e) {
    throw e.in(escape(tensor.name));
  }
  return tensor;
}

// Every tensor at a multiple of the alignment, inside the file, none over another.
void check_places(const std::vector<Tensor>& tensors, std::uint64_t data_start,
                  std::uint64_t file_size, std::uint64_t alignment) {
  const std::uint64_t room = file_size > data_start ? file_size - data_start : 0;
  std::vector<const Tensor*> order;
  order.reserve(tensors.size());
  for (const Tensor& tensor : tensors) {
    const std::string where = escape(tensor.name);
    if (tensor.offset % alignment != 0) {
      throw Error(Errc::kCorrupt, cat(where, ": offset ", tensor.offset,
                                      " is no multiple of the alignment ", alignment));
    }
    if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
      throw Error(Errc::kCorrupt, cat(where, ": ", tensor.bytes, " bytes at ", tensor.offset,
                                      " pass the end of the tensors' ", room, " bytes"));
    }
    order.push_back(&tensor);
  }
  std::ranges::sort(order, {},
                    [](const Tensor* tensor) { return std::pair(tensor->offset, tensor->bytes); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->offset + order[i - 1]->bytes > order[i]->offset) {
      throw Error(Errc::kCorrupt,
                  cat(escape(order[i]->name), ": its bytes begin at ", order[i]->offset,
                      ", inside those of ", escape(order[i - 1]->name)));
    }
  }
}

void check_names(const std::vector<Tensor>& tensors) {
  std::set<std::string_view> names;
  for (const Tensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      throw Error(Errc::kCorrupt, cat("two tensors are called '", escape(tensor.name), "'"));
    }
  }
}

std::uint64_t align(std::uint64_t position, std::uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

void add_entry(Tensor tensor, std::uint64_t data_start, ByteOrder order,
               ExtentReader::Content& content) {
  const Type* type = tensor.type;
  const DType dtype = type == nullptr ? DType::kOther : type->dtype;
  const std::uint64_t offset = data_start + tensor.offset;
  Extent extent{.file = 0, .offset = offset, .stored_bytes = tensor.bytes};
  std::string native;
  if (type == nullptr) {
    native = cat("ggml type ", tensor.type_id);
    extent.words = "of a type whose size is not known";
    content.index.notes.push_back(cat(escape(tensor.name), ": is of ggml type ", tensor.type_id,
                                      ", which is not known; its bytes could not be checked"));
  } else if (!is_numeric(dtype)) {
    native = type->name;
    extent.words = cat(with_commas(tensor.bytes),
                       " bytes: ", count_of(tensor.elements / type->block_elements, "block"),
                       " of ", type->block_bytes, " bytes for ", type->block_elements, " elements");
  } else if (order == ByteOrder::kBig && size_of(dtype) > 1) {
    native = cat("big-endian ", type->name);
    extent.swap_unit = size_of(dtype);
  }
  content.extents.push_back(std::move(extent));
  content.index.entries.push_back({.name = std::move(tensor.name),
                                   .own_place = cat("offset ", offset),
                                   .dtype = dtype,
                                   .shape = std::move(tensor.shape),
                                   .nbytes = is_numeric(dtype) ? tensor.bytes : 0,
                                   .native_dtype = std::move(native)});
}

std::unique_ptr<Reader> open(std::unique_ptr<RandomFile> file, const std::string&,
                             const OpenOptions&) {
  Cursor cursor(*file);
  const std::uint32_t version = read_version(cursor);
  const std::uint64_t tensor_count = read_count(cursor, kLeastTensorBytes, "tensors");
  const std::uint64_t key_count = read_count(cursor, kLeastMetadataBytes, "keys");
  Metadata metadata = read_metadata(cursor, key_count);
  std::vector<Tensor> tensors;
  for (std::uint64_t i = 0; i < tensor_count; ++i) tensors.push_back(read_tensor(cursor));
  check_names(tensors);
  const std::uint64_t data_start = align(cursor.position(), metadata.alignment);
  check_places(tensors, data_start, file->size(), metadata.alignment);

  ExtentReader::Content content;
  content.index.format = "GGUF";
  content.index.layout = cat("version ", version);
  content.index.separator = kSeparator;
  content.index.file_bytes = file->size();
  content.attributes = std::move(metadata.attributes);
  content.metadata = std::move(metadata.texts);
  for (Tensor& tensor : tensors) {
    add_entry(std::move(tensor), data_start, cursor.order(), content);
  }
  assign_roles(content.index.entries, kSeparator);
  content.files.push_back(std::move(file));
  content.file_names.emplace_back();
  return std::make_unique<ExtentReader>(std::move(content));
}

}  // namespace

const Format kFormat{.name = "GGUF",
                     .id = "gguf",
                     .separator = kSeparator,
                     .suffixes = ".gguf",
                     .detect = detect,
                     .open = open,
                     .create = nullptr};

}  // namespace ckpt::gguf
