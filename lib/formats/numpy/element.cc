#include "formats/numpy/element.h"

#include <algorithm>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::numpy {
namespace {

using Kind = Literal::Kind;

Error no_type(std::string_view descr) {
  return Error(Errc::kCorrupt, cat("descr '", escape(descr.substr(0, 64)), "' is no NumPy type"));
}

struct Row {
  char kind;
  std::uint64_t bytes;
  DType dtype;
};

constexpr Row kRows[] = {
    {'b', 1, DType::kBool},
    {'i', 1, DType::kI8},
    {'i', 2, DType::kI16},
    {'i', 4, DType::kI32},
    {'i', 8, DType::kI64},
    {'u', 1, DType::kU8},
    {'u', 2, DType::kU16},
    {'u', 4, DType::kU32},
    {'u', 8, DType::kU64},
    {'f', 2, DType::kF16},
    {'f', 4, DType::kF32},
    {'f', 8, DType::kF64},
    {'c', 8, DType::kC64},
    {'c', 16, DType::kC128},
    // x86's extended precision, padded.
    {'f', 12, DType::kOther},
    {'f', 16, DType::kOther},
    {'c', 24, DType::kOther},
    {'c', 32, DType::kOther},
};

std::optional<std::uint64_t> parse_size(std::string_view digits) {
  std::uint64_t number = 0;
  if (digits.empty() || digits.size() > 9) return std::nullopt;  // NumPy's own are 32 bits
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

// "[ns]", or nothing.
bool is_unit(std::string_view text) {
  if (text.empty()) return true;
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return text.size() >= 3 && text.front() == '[' && text.back() == ']' &&
         std::ranges::all_of(text.substr(1, text.size() - 2), is_inner);
}

Element parse_text(std::string_view descr) {
  std::string_view rest = descr;
  const bool has_order = !rest.empty() && std::string_view("<>|=").find(rest.front()) != rest.npos;
  const char order = has_order ? rest.front() : '=';
  if (has_order) rest.remove_prefix(1);
  if (rest.empty()) throw no_type(descr);
  const char kind = rest.front();
  rest.remove_prefix(1);
  if (kind == 'O') {
    throw Error(Errc::kUnsupported,
                "holds Python objects as a pickle, which is never read, since it can run code");
  }
  Element element;
  element.native_dtype = descr;
  const std::string_view digits = rest.substr(0, rest.find('['));
  const auto size = parse_size(digits);
  if (!size) throw no_type(descr);
  const bool is_date = kind == 'M' || kind == 'm';
  if (is_date ? *size != 8 || !is_unit(rest.substr(digits.size())) : digits != rest) {
    throw no_type(descr);
  }
  element.bytes = *size;
  if (is_date) return element;
  switch (kind) {
    case 'S':
    case 'a':
      element.dtype = DType::kString;
      return element;
    case 'U':
      element.dtype = DType::kString;
      element.bytes = *size * 4;  // below 2^32
      return element;
    case 'V':
      if (*size == 0) throw no_type(descr);
      return element;
    default:
      break;
  }
  const Row* row = std::ranges::find_if(
      kRows, [&](const Row& it) { return it.kind == kind && it.bytes == *size; });
  if (row == std::ranges::end(kRows)) throw no_type(descr);
  element.dtype = row->dtype;
  element.order_unsaid = *size > 1 && (order == '=' || order == '|');
  if (row->dtype == DType::kOther) return element;
  const bool swapped = order == '>' && *size > 1;
  element.swap_unit = swapped ? static_cast<std::size_t>(kind == 'c' ? *size / 2 : *size) : 0;
  if (!swapped) element.native_dtype.clear();
  return element;
}

// The elements of a field that is itself an array; a shape is a tuple or one number.
std::uint64_t count_of_subarray(const Literal& shape) {
  std::uint64_t count = 1;
  const auto multiply = [&](const Literal& extent) {
    const auto product =
        extent.kind == Kind::kNumber ? checked_mul(count, extent.number) : std::nullopt;
    if (!product) throw Error(Errc::kCorrupt, "a field of descr has an impossible shape");
    count = *product;
  };
  if (shape.kind == Kind::kTuple) {
    for (const Literal& extent : shape.items) multiply(extent);
  } else {
    multiply(shape);
  }
  return count;
}

Element parse_any(const Literal& descr);

// [('name', 'descr'), ('name', 'descr', shape), …], where a name may be ('title', 'name').
Element parse_structure(const Literal& descr) {
  Element element;
  for (const Literal& field : descr.items) {
    if (field.kind != Kind::kTuple || field.items.size() < 2 || field.items.size() > 3) {
      throw Error(Errc::kCorrupt,
                  "a field of descr is no tuple of a name, a type and perhaps a shape");
    }
    const Element inner = parse_any(field.items[1]);
    const std::uint64_t count = field.items.size() == 3 ? count_of_subarray(field.items[2]) : 1;
    const auto bytes = checked_mul(inner.bytes, count);
    const auto sum = bytes ? checked_add(element.bytes, *bytes) : std::nullopt;
    if (!sum) throw Error(Errc::kCorrupt, "the fields of descr need more than 2^64 bytes");
    element.bytes = *sum;
  }
  element.native_dtype = cat("compound of ", descr.items.size());
  return element;
}

Element parse_any(const Literal& descr) {
  if (descr.kind == Kind::kText) return parse_text(descr.text);
  if (descr.kind == Kind::kList && !descr.items.empty()) return parse_structure(descr);
  throw Error(Errc::kCorrupt,
              cat("descr is ", name_of(descr.kind), ", a string or a list of fields is needed"));
}

}  // namespace

Element parse_descr(const Literal& descr) { return parse_any(descr); }

}  // namespace ckpt::numpy
