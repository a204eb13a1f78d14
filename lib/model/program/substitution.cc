#include "model/program/substitution.h"

#include <charconv>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"

namespace ckpt::program {
namespace {

constexpr int kMaxParentheses = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

const Datum& look_up(const Names& names, std::string_view name) {
  if (const Datum* found = names.find(name)) return *found;
  const std::vector<std::string> all = names.all();
  refuse(cat("'{", escape(name), "}' stands for nothing here",
             all.empty() ? "; no names are known" : did_you_mean(nearest(name, all, 1)),
             all.empty() ? "" : cat("; there are ", join(all, ", "))));
}

// sum: product (("+" | "-") product)*; product: atom (("*" | "/" | "%") atom)*;
// atom: number | name | "(" sum ")" | "-" atom.
class Expression {
 public:
  Expression(std::string_view text, const Names& names) : text_(text), names_(names) {}

  std::int64_t value() {
    const std::int64_t value = sum();
    if (peek() != 0) fail();
    return value;
  }

 private:
  [[noreturn]] void fail() const {
    refuse(cat("'{", escape(text_), "}' is no expression of whole numbers, names, + - * / % ( )"));
  }

  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  std::int64_t checked(std::optional<std::int64_t> value) const {
    if (!value) refuse(cat("'{", escape(text_), "}' does not fit 63 bits"));
    return *value;
  }

  std::int64_t sum() {
    std::int64_t value = product();
    while (true) {
      if (take('+')) {
        value = checked(checked_add(value, product()));
      } else if (take('-')) {
        value = checked(checked_add(value, checked(checked_mul(product(), std::int64_t{-1}))));
      } else {
        return value;
      }
    }
  }

  std::int64_t product() {
    std::int64_t value = atom();
    while (true) {
      const char op = peek();
      if (op != '*' && op != '/' && op != '%') return value;
      ++at_;
      const std::int64_t other = atom();
      if (op == '*') {
        value = checked(checked_mul(value, other));
        continue;
      }
      if (other == 0) refuse(cat("'{", escape(text_), "}' divides by zero"));
      if (other == -1) {  // INT64_MIN / -1 does not fit
        value = op == '%' ? 0 : checked(checked_mul(value, other));
        continue;
      }
      if (op == '/' && value % other != 0) {
        refuse(cat("'{", escape(text_), "}': ", value, " / ", other, " leaves a rest"));
      }
      value = op == '/' ? value / other : value % other;
    }
  }

  std::int64_t atom() {
    if (take('-')) return deeper([&] { return checked(checked_mul(atom(), std::int64_t{-1})); });
    if (take('(')) {
      const std::int64_t value = deeper([&] { return sum(); });
      if (!take(')')) fail();
      return value;
    }
    const std::size_t first = (static_cast<void>(peek()), at_);
    while (at_ < text_.size() && (is_digit(text_[at_]) || is_letter(text_[at_]))) ++at_;
    const std::string_view word = text_.substr(first, at_ - first);
    if (word.empty()) fail();
    if (is_digit(word.front())) {
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc{} || end != word.data() + word.size()) fail();
      return value;
    }
    const Datum& datum = look_up(names_, word);
    if (datum.kind != Datum::Kind::kInteger) {
      refuse(cat("'{", escape(text_), "}': '", word, "' is ", words_of(datum),
                 ", and no whole number"));
    }
    return datum.integer;
  }

  template <typename F>
  std::int64_t deeper(F f) {
    if (++depth_ > kMaxParentheses) fail();
    const std::int64_t value = f();
    --depth_;
    return value;
  }

  std::string_view text_;
  const Names& names_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

bool is_name(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return false;
  for (const char c : text) {
    if (!is_letter(c) && !is_digit(c)) return false;
  }
  return true;
}

void spend(std::size_t& budget, std::size_t amount) {
  if (budget < amount) refuse("the program takes too many steps");
  budget -= amount;
}

// A copy, counted.
Datum copy(const Datum& datum, std::size_t& budget) {
  spend(budget, 1 + datum.text.size() / 64);
  for (const Datum& item : datum.items) copy(item, budget);
  for (const auto& [key, value] : datum.members) copy(value, budget);
  return datum;
}

std::string as_text(const Datum& datum, std::string_view inner) {
  switch (datum.kind) {
    case Datum::Kind::kText:
      return datum.text;
    case Datum::Kind::kInteger:
      return cat(datum.integer);
    case Datum::Kind::kNull:
    case Datum::Kind::kFlag:
    case Datum::Kind::kNumber:
    case Datum::Kind::kList:
    case Datum::Kind::kObject:
      break;
  }
  refuse(cat("'{", escape(inner), "}' is ", words_of(datum), ", which cannot be part of a text"));
}

Datum value_of(std::string_view inner, const Names& names, std::size_t& budget) {
  if (is_name(inner)) return copy(look_up(names, inner), budget);
  return Datum::of(Expression(inner, names).value());
}

Datum substitute_text(const Datum& datum, const Names& names, std::size_t& budget) {
  const std::string_view text = datum.text;
  spend(budget, 1 + text.size() / 64);
  std::string out;
  std::size_t at = 0;
  while (true) {
    const auto open = text.find('{', at);
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) {
      refuse(cat("'", escape(text), "' has a '{' without its '}'"));
    }
    const std::string_view inner = text.substr(open + 1, close - open - 1);
    Datum value = value_of(inner, names, budget);
    if (open == 0 && close + 1 == text.size()) {
      value.at = datum.at;
      return value;
    }
    out += text.substr(at, open - at);
    out += as_text(value, inner);
    at = close + 1;
  }
  out += text.substr(at);
  if (out.size() > kMaxName) {
    refuse(cat("a text of ", out.size(), " characters; ", kMaxName, " are the most"));
  }
  Datum result = Datum::of(std::move(out));
  result.at = datum.at;
  return result;
}

}  // namespace

const Datum* Names::find(std::string_view name) const {
  for (const Names* names = this; names != nullptr; names = names->around_) {
    const auto it = names->data_.find(name);
    if (it != names->data_.end()) return &it->second;
  }
  return nullptr;
}

std::vector<std::string> Names::all() const {
  std::vector<std::string> all;
  for (const Names* names = this; names != nullptr; names = names->around_) {
    for (const auto& [name, datum] : names->data_) all.push_back(name);
  }
  return all;
}

Datum substitute(const Datum& datum, const Names& names, std::size_t& budget) {
  if (datum.kind == Datum::Kind::kText) return substitute_text(datum, names, budget);
  if (datum.kind != Datum::Kind::kList && datum.kind != Datum::Kind::kObject) return datum;
  spend(budget, 1);
  Datum out{.kind = datum.kind, .at = datum.at};
  for (const Datum& item : datum.items) out.items.push_back(substitute(item, names, budget));
  for (const auto& [key, value] : datum.members) {
    spend(budget, 1);
    out.members.emplace_back(key, substitute(value, names, budget));
  }
  return out;
}

}  // namespace ckpt::program
