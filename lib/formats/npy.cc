#include "formats/npy.h"

#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

std::string descr_of(DType dtype) {
  const auto size = size_of(dtype);
  switch (class_of(dtype)) {
    case DTypeClass::kFloat: {
      const bool known = dtype == DType::kF16 || dtype == DType::kF32 || dtype == DType::kF64;
      return known ? cat("<f", size) : cat("|V", size);
    }
    case DTypeClass::kSigned:
      return cat(size == 1 ? "|" : "<", "i", size);
    case DTypeClass::kUnsigned:
      return cat(size == 1 ? "|" : "<", "u", size);
    case DTypeClass::kBool:
      return "|b1";
    case DTypeClass::kComplex:
      return cat("<c", size);
    case DTypeClass::kNone:
      break;
  }
  throw Error(Errc::kUnsupported, cat("dtype ", name_of(dtype), " cannot be a NumPy array"));
}

}  // namespace

std::string npy_header(DType dtype, const Shape& shape) {
  std::string dictionary =
      cat("{'descr': '", descr_of(dtype), "', 'fortran_order': False, 'shape': (");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    // A tuple of one ends in a comma; so does every other, but the last without a blank.
    dictionary += cat(shape[i], shape.size() == 1 ? "," : i + 1 < shape.size() ? ", " : "");
  }
  dictionary += "), }";
  constexpr std::size_t kPrefix = 10;  // magic, version, length
  constexpr std::size_t kAlignment = 64;
  const std::size_t unpadded = kPrefix + dictionary.size() + 1;
  dictionary += std::string((kAlignment - unpadded % kAlignment) % kAlignment, ' ') + '\n';
  if (dictionary.size() > 0xffff) {
    throw Error(Errc::kUnsupported, "the shape is too long for a NumPy header");
  }
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dictionary.size() & 0xff);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

void write_npy(const Reader& reader, std::size_t i, const std::string& path, Overwrite overwrite) {
  const Entry& entry = reader.index().entries[i];
  const std::string header = npy_header(entry.dtype, entry.shape);
  NewFile file(path, overwrite);
  file.reserve(header.size() + entry.nbytes);
  file.write_at(0, as_byte_view(header));
  for_each_piece(reader, i, [&](std::uint64_t offset, ByteView piece) {
    file.write_at(header.size() + offset, piece);
  });
  file.commit();
}

}  // namespace ckpt
