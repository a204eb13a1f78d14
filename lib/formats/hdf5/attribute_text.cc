#include "formats/hdf5/attribute_text.h"

#include <algorithm>
#include <cstring>

#include "core/numbers.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

constexpr std::size_t kLongest = 1000;     // bytes of text that are shown
constexpr std::size_t kMostElements = 32;  // of a list

std::string cut(std::string text) {
  if (text.size() <= kLongest) return text;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return cat(std::string_view(text).substr(0, end), "… (", with_commas(text.size()),
             " bytes in all)");
}

template <typename T>
std::string print_as(const std::byte* bytes) {
  T value{};
  std::memcpy(&value, bytes, sizeof value);
  return cat(value);
}

std::string print_element(DType dtype, ByteView bytes, std::size_t i) {
  if (dtype == DType::kI64) return print_as<std::int64_t>(bytes.data() + i * 8);
  if (dtype == DType::kU64) return print_as<std::uint64_t>(bytes.data() + i * 8);
  if (dtype == DType::kBool) return bytes[i] == std::byte{0} ? "false" : "true";
  if (dtype == DType::kF32) return print_as<float>(bytes.data() + i * 4);
  return cat(element_as_double(dtype, bytes, i));
}

std::string print_list(const std::vector<std::string>& items, std::size_t count) {
  std::vector<std::string> shown = items;
  if (count > shown.size()) shown.push_back(cat("… ", with_commas(count), " in all"));
  return cat("[", join(shown, ", "), "]");
}

}  // namespace

std::string describe(const Attribute& attribute) {
  const bool is_scalar = attribute.extents.empty();
  if (attribute.is_null) return "empty";
  if (attribute.type.klass == Datatype::Class::kString) {
    if (is_scalar && attribute.strings.size() == 1) return cut(attribute.strings.front());
    std::vector<std::string> items;
    for (const auto& text : attribute.strings) {
      if (items.size() == kMostElements) break;
      items.push_back(cat("'", text, "'"));
    }
    return cut(print_list(items, attribute.strings.size()));
  }
  const Element element = interpret(attribute.type, "");
  if (class_of(element.dtype) == DTypeClass::kNone ||
      class_of(element.dtype) == DTypeClass::kComplex || attribute.bytes.empty()) {
    return describe(attribute.type);
  }
  const std::size_t size = size_of(element.dtype);
  const std::size_t count = attribute.bytes.size() / size;
  Bytes bytes(
      attribute.bytes.begin(),
      attribute.bytes.begin() + static_cast<std::ptrdiff_t>(std::min(count, kMostElements) * size));
  if (element.swap_unit > 1) {
    for (std::size_t at = 0; at < bytes.size(); at += element.swap_unit) {
      std::ranges::reverse(std::span(bytes).subspan(at, element.swap_unit));
    }
  }
  std::vector<std::string> items;
  for (std::size_t i = 0; i < bytes.size() / size; ++i) {
    items.push_back(print_element(element.dtype, bytes, i));
  }
  return is_scalar ? items.front() : print_list(items, count);
}

}  // namespace ckpt::hdf5
