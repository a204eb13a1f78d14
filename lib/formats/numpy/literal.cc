#include "formats/numpy/literal.h"

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::numpy {
namespace {

using Kind = Literal::Kind;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Literal parse() {
    Literal value = parse_value(0);
    skip_blanks();
    if (at_ < text_.size()) refuse("nothing more");
    return value;
  }

 private:
  [[noreturn]] void refuse(std::string_view needed) const {
    const std::string seen =
        at_ < text_.size() ? cat("'", escape(text_.substr(at_, 1)), "'") : std::string("its end");
    throw Error(Errc::kCorrupt,
                cat("the NumPy header has ", seen, " at byte ", at_, ", ", needed, " is needed"));
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n\f").find(text_[at_]) != text_.npos) {
      ++at_;
    }
  }

  // Skips blanks, and `wanted` where it comes next.
  bool accept(char wanted) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  Literal parse_value(int depth) {
    constexpr int kMostDepth = 32;
    if (depth > kMostDepth) {
      throw Error(Errc::kCorrupt,
                  cat("the NumPy header is nested deeper than ", kMostDepth, " levels"));
    }
    skip_blanks();
    if (accept('(')) return parse_items(Kind::kTuple, ')', depth);
    if (accept('[')) return parse_items(Kind::kList, ']', depth);
    if (accept('{')) return parse_dict(depth);
    const char next = at_ < text_.size() ? text_[at_] : '\0';
    if (next == '\'' || next == '"') return {.kind = Kind::kText, .text = parse_text()};
    if (next >= '0' && next <= '9') return {.kind = Kind::kNumber, .number = parse_number()};
    for (const auto& [word, kind] : {std::pair{std::string_view("True"), Kind::kTrue},
                                     {"False", Kind::kFalse},
                                     {"None", Kind::kNone}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return {.kind = kind};
      }
    }
    refuse("a string, a whole number, True, False, None, a tuple, a list or a dict");
  }

  // One item in parentheses is a tuple only with a comma behind it.
  Literal parse_items(Kind kind, char close, int depth) {
    Literal value{.kind = kind};
    bool comma = true;
    while (!accept(close)) {
      if (!comma) refuse("a comma");
      value.items.push_back(parse_value(depth + 1));
      comma = accept(',');
    }
    if (kind == Kind::kTuple && value.items.size() == 1 && !comma) {
      Literal only = std::move(value.items.front());
      return only;
    }
    return value;
  }

  Literal parse_dict(int depth) {
    Literal value{.kind = Kind::kDict};
    bool comma = true;
    while (!accept('}')) {
      if (!comma) refuse("a comma");
      Literal key = parse_value(depth + 1);
      if (key.kind != Kind::kText) refuse("a key that is a string");
      if (value.find(key.text) != nullptr) {
        throw Error(Errc::kCorrupt,
                    cat("the NumPy header has the key '", escape(key.text), "' twice"));
      }
      if (!accept(':')) refuse("a colon");
      Literal item = parse_value(depth + 1);
      value.items.push_back(std::move(key));
      value.items.push_back(std::move(item));
      comma = accept(',');
    }
    return value;
  }

  std::string parse_text() {
    const char quote = text_[at_++];
    std::string text;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        ++at_;
        if (at_ >= text_.size() || std::string_view("\\'\"").find(text_[at_]) == text_.npos) {
          refuse("a backslash or a quote behind a backslash");
        }
      }
      text += text_[at_++];
    }
    if (at_ >= text_.size()) refuse("a closing quote");
    ++at_;
    if (!is_utf8(text)) throw Error(Errc::kCorrupt, "the NumPy header is no valid UTF-8");
    return text;
  }

  std::uint64_t parse_number() {
    std::uint64_t number = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
      const auto tens = checked_mul<std::uint64_t>(number, 10);
      const auto next = tens ? checked_add(*tens, digit) : std::nullopt;
      if (!next) refuse("a number below 2^64");
      number = *next;
    }
    // Python 2 marked its long integers.
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;
    return number;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const Literal* Literal::find(std::string_view key) const {
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].text == key) return &items[i + 1];
  }
  return nullptr;
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return "a string";
    case Kind::kNumber:
      return "a number";
    case Kind::kTrue:
    case Kind::kFalse:
      return "True or False";
    case Kind::kNone:
      return "None";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dict";
  }
  return "";
}

Literal parse_literal(std::string_view text) { return Parser(text).parse(); }

}  // namespace ckpt::numpy
