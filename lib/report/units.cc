#include "report/units.h"

#include <clocale>
#include <cmath>
#include <cwchar>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

// The bytes of the character at the front of `text`; at least 1.
std::size_t front_size(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) ++size;
  return size;
}

// A UTF-8 locale for this thread while the object lives.
class Utf8Scope {
 public:
  Utf8Scope() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Scope() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Scope(const Utf8Scope&) = delete;
  Utf8Scope& operator=(const Utf8Scope&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

// REQUIRES: a Utf8Scope lives.
std::size_t character_width(std::string_view character) {
  std::mbstate_t state{};
  wchar_t wide = 0;
  const std::size_t n = std::mbrtowc(&wide, character.data(), character.size(), &state);
  if (n == static_cast<std::size_t>(-1) || n == static_cast<std::size_t>(-2)) return 1;
  const int width = ::wcwidth(wide);
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) {  // without cat(): a listing has many of them
    std::string out(Piece(bytes).text());
    return out += " B";
  }
  auto value = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}) {
    if (value < 1023.5) break;
    value /= 1024;
    unit = next;
  }
  if (value >= 99.95) return cat(static_cast<std::uint64_t>(value + 0.5), " ", unit);
  const auto tenths = static_cast<std::uint64_t>(value * 10 + 0.5);
  return cat(tenths / 10, ".", tenths % 10, " ", unit);
}

std::string human_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::general, 6)
                       .ptr;
  return {buffer.data(), end};
}

std::size_t display_width(std::string_view text) {
  if (is_ascii(text)) return text.size();
  const Utf8Scope utf8;
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t size = front_size(text);
    width += character_width(text.substr(0, size));
    text.remove_prefix(size);
  }
  return width;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  const Utf8Scope utf8;
  const std::size_t tail_width = (width - 1) / 2;
  const std::size_t head_width = width - 1 - tail_width;
  std::size_t head = 0;
  for (std::size_t used = 0; head < text.size();) {
    const std::size_t size = front_size(text.substr(head));
    used += character_width(text.substr(head, size));
    if (used > head_width) break;
    head += size;
  }
  std::size_t tail = text.size();
  for (std::size_t used = 0; tail > head;) {
    std::size_t start = tail - 1;
    while (start > head && (static_cast<unsigned char>(text[start]) & 0xc0U) == 0x80U) --start;
    used += character_width(text.substr(start, tail - start));
    if (used > tail_width) break;
    tail = start;
  }
  return cat(text.substr(0, head), "…", text.substr(tail));
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return cat(text, std::string(used < width ? width - used : 0, ' '));
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = display_width(text);
  return cat(std::string(used < width ? width - used : 0, ' '), text);
}

}  // namespace ckpt
