#include "formats/numpy/header.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/byte_reader.h"

namespace ckpt::numpy {
namespace {

using Kind = Literal::Kind;

constexpr std::uint64_t kMostHeaderBytes = std::uint64_t{64} << 10;
// More bytes than this behind an array are no accident.
constexpr std::uint64_t kMostTrailingBytes = std::uint64_t{64} << 10;

std::string read_dict_text(const ReadAt& read_at, std::uint64_t size, Header& header) {
  Bytes prefix(static_cast<std::size_t>(std::min<std::uint64_t>(size, 12)));
  read_at(0, prefix);
  if (!as_text(prefix).starts_with(kMagic)) {
    throw Error(Errc::kCorrupt, cat("is no NumPy array: it does not begin with \\x93NUMPY"));
  }
  ByteReader reader(ByteView(prefix).subspan(kMagic.size()), "the NumPy header");
  const auto major = reader.number<std::uint8_t>();
  const auto minor = reader.number<std::uint8_t>();
  if (major < 1 || major > 3 || minor != 0) {
    throw Error(Errc::kUnsupported, cat("is of NumPy's file version ", major, ".", minor,
                                        "; 1.0, 2.0 and 3.0 are known"));
  }
  const std::uint64_t length =
      major == 1 ? reader.number<std::uint16_t>() : reader.number<std::uint32_t>();
  const std::uint64_t start = kMagic.size() + 2 + (major == 1 ? 2 : 4);
  if (length > kMostHeaderBytes) {
    throw Error(Errc::kUnsupported, cat("the NumPy header is said to be ", length, " bytes long, ",
                                        kMostHeaderBytes, " are the most that are read"));
  }
  if (length > size - start) {
    throw Error(Errc::kCorrupt, cat("the NumPy header is said to be ", length,
                                    " bytes long, there are ", size - start));
  }
  header.data_start = start + length;
  std::string text(static_cast<std::size_t>(length), '\0');
  read_at(start, std::as_writable_bytes(std::span(text)));
  return text;
}

Shape read_shape(const Literal& literal) {
  if (literal.kind != Kind::kTuple) {
    throw Error(Errc::kCorrupt, cat("shape is ", name_of(literal.kind), ", a tuple is needed"));
  }
  Shape shape;
  for (const Literal& extent : literal.items) {
    const auto number =
        extent.kind == Kind::kNumber ? checked_cast<std::int64_t>(extent.number) : std::nullopt;
    if (!number) {
      throw Error(Errc::kCorrupt, cat("shape holds ", name_of(extent.kind),
                                      ", whole numbers below 2^63 are needed"));
    }
    shape.push_back(*number);
  }
  return shape;
}

}  // namespace

Header read_header(const ReadAt& read_at, std::uint64_t size) {
  Header header;
  const Literal dict = parse_literal(read_dict_text(read_at, size, header));
  if (dict.kind != Kind::kDict) {
    throw Error(Errc::kCorrupt,
                cat("the NumPy header is ", name_of(dict.kind), ", a dict is needed"));
  }
  const Literal* descr = dict.find("descr");
  const Literal* fortran = dict.find("fortran_order");
  const Literal* shape = dict.find("shape");
  if (dict.items.size() != 6 || descr == nullptr || fortran == nullptr || shape == nullptr) {
    throw Error(Errc::kCorrupt, cat("the NumPy header has ", count_of(dict.items.size() / 2, "key"),
                                    "; descr, fortran_order and shape are needed, and no others"));
  }
  if (fortran->kind != Kind::kTrue && fortran->kind != Kind::kFalse) {
    throw Error(Errc::kCorrupt,
                cat("fortran_order is ", name_of(fortran->kind), ", True or False is needed"));
  }
  header.element = parse_descr(*descr);
  header.shape = read_shape(*shape);
  const auto more_than_one = [](std::int64_t extent) { return extent > 1; };
  header.fortran =
      fortran->kind == Kind::kTrue && std::ranges::count_if(header.shape, more_than_one) > 1;
  const auto elements = num_elements(header.shape);
  const auto bytes = elements ? checked_mul(*elements, header.element.bytes) : std::nullopt;
  if (!bytes) {
    throw Error(Errc::kCorrupt, cat("shape ", to_string(header.shape), " of elements of ",
                                    header.element.bytes, " bytes needs more than 2^63 bytes"));
  }
  header.data_bytes = *bytes;
  const std::uint64_t left = size - header.data_start;
  if (*bytes > left) {
    throw Error(Errc::kCorrupt,
                cat("shape ", to_string(header.shape), " of elements of ", header.element.bytes,
                    " bytes needs ", *bytes, " bytes, there are ", left));
  }
  if (left - *bytes > kMostTrailingBytes) {
    throw Error(Errc::kCorrupt, cat("has ", left - *bytes, " bytes behind its array of ", *bytes));
  }
  if (left > *bytes) {
    header.notes.push_back(cat("has ", count_of(left - *bytes, "byte"), " behind its array"));
  }
  if (header.element.order_unsaid) {
    header.notes.emplace_back("does not say in which order its bytes are; little-endian is taken");
  }
  return header;
}

}  // namespace ckpt::numpy
