#include <algorithm>
#include <charconv>
#include <optional>

#include "core/nearest.h"
#include "core/text.h"
#include "remap/parsing/syntax.h"

namespace ckpt {
namespace {

struct Argument {
  std::string text;
  std::size_t at = 0;
};

std::vector<Argument> arguments_of(const Part& part, std::size_t open) {
  std::vector<Argument> out;
  std::string current;
  std::size_t at = part.chars[open].at + 1;
  for (std::size_t i = open + 1; i < part.chars.size(); ++i) {
    const Char& c = part.chars[i];
    const bool is_close = c.is(')');
    if (c.is(',') || is_close) {
      if (current.empty() && !(is_close && out.empty())) {
        throw SyntaxError{c.at, "expected an argument"};
      }
      if (!current.empty()) out.push_back({current, at});
      current.clear();
      if (!is_close) continue;
      while (i + 1 < part.chars.size() && part.chars[i + 1].is(' ')) ++i;
      if (i + 1 != part.chars.size()) {
        throw SyntaxError{part.chars[i + 1].at, "expected '|', '?' or the end of the rule"};
      }
      return out;
    }
    if (c.is(' ')) continue;
    if (current.empty()) at = c.at;
    current += c.byte;
  }
  throw SyntaxError{part.end, "expected ')'"};
}

std::int64_t number_of(const Argument& argument, std::string_view what) {
  std::int64_t number = 0;
  const char* end = argument.text.data() + argument.text.size();
  const auto [stop, error] = std::from_chars(argument.text.data(), end, number);
  if (error != std::errc{} || stop != end) {
    throw SyntaxError{argument.at, cat("expected ", what, ", found '", argument.text, "'")};
  }
  return number;
}

OpKind kind_of(const std::string& name, std::size_t at) {
  std::vector<std::string> names;
  for (int i = 0; i < kOpKindCount; ++i) {
    const auto kind = static_cast<OpKind>(i);
    if (name_of(kind) == name) return kind;
    names.emplace_back(name_of(kind));
  }
  const auto guesses = nearest(name, names, 1);
  throw SyntaxError{
      at, cat("'", name, "' is no operation",
              guesses.empty() ? cat("; there are ", join(names, ", ")) : did_you_mean(guesses))};
}

void check_permutation(const std::vector<Argument>& arguments, const Op& op) {
  for (std::size_t i = 0; i < op.numbers.size(); ++i) {
    const std::int64_t d = op.numbers[i];
    if (d < 0 || d >= static_cast<std::int64_t>(op.numbers.size())) {
      throw SyntaxError{arguments[i].at, cat("expected a dimension from 0 to ",
                                             op.numbers.size() - 1, ", found ", d)};
    }
    const auto first = std::ranges::find(op.numbers, d);
    if (first - op.numbers.begin() != static_cast<std::ptrdiff_t>(i)) {
      throw SyntaxError{arguments[i].at, cat("dimension ", d, " is there twice")};
    }
  }
}

void check_extents(const std::vector<Argument>& arguments, const Op& op) {
  bool has_hole = false;
  for (std::size_t i = 0; i < op.numbers.size(); ++i) {
    if (op.numbers[i] >= 0) continue;
    if (op.numbers[i] != -1 || has_hole) {
      throw SyntaxError{arguments[i].at, has_hole ? "only one extent may be -1"
                                                  : "expected an extent, or -1 for what is left"};
    }
    has_hole = true;
  }
}

// Takes "by=x" from the end of the arguments.
std::string take_by(std::vector<Argument>& arguments) {
  if (arguments.empty() || !arguments.back().text.starts_with("by=")) return "";
  const Argument last = arguments.back();
  arguments.pop_back();
  if (last.text.size() == 3) throw SyntaxError{last.at + 3, "expected a placeholder behind 'by='"};
  return last.text.substr(3);
}

}  // namespace

Op parse_op(const Part& part) {
  if (part.chars.empty()) throw SyntaxError{part.end, "expected an operation, such as cast(f16)"};
  const auto open = std::ranges::find_if(part.chars, [](const Char& c) { return c.is('('); });
  Part name{{part.chars.begin(), open}, part.end};
  Op op;
  op.kind = kind_of(to_text(trimmed(name)), part.at());
  std::vector<Argument> arguments;
  if (open != part.chars.end()) {
    arguments = arguments_of(part, static_cast<std::size_t>(open - part.chars.begin()));
  }
  const bool counts =
      is_joining(op.kind) || op.kind == OpKind::kSplit || op.kind == OpKind::kUnstack;
  if (counts) op.by = take_by(arguments);
  const std::size_t after_name = open == part.chars.end() ? part.end : open->at + 1;
  const auto need = [&](bool is_enough, std::string_view what) {
    if (!is_enough) throw SyntaxError{after_name, cat("expected ", what)};
  };
  const auto no_more_than = [&](std::size_t most) {
    if (arguments.size() > most) throw SyntaxError{arguments[most].at, "expected ')'"};
  };
  switch (op.kind) {
    case OpKind::kCast: {
      need(!arguments.empty(), "a dtype, as in cast(f16)");
      no_more_than(1);
      const auto dtype = parse_dtype(arguments[0].text);
      if (!dtype) {
        std::vector<std::string> names;
        for (int i = 0; i < kDTypeCount; ++i) {
          const auto each = static_cast<DType>(i);
          if (is_numeric(each)) names.emplace_back(name_of(each));
        }
        throw SyntaxError{arguments[0].at, cat("expected a dtype, found '", arguments[0].text, "'",
                                               did_you_mean(nearest(arguments[0].text, names)))};
      }
      op.dtype = *dtype;
      break;
    }
    case OpKind::kPermute:
    case OpKind::kReshape: {
      const bool is_permute = op.kind == OpKind::kPermute;
      need(open != part.chars.end(),
           is_permute ? "dimensions, as in permute(1,0)" : "extents, as in reshape(64,-1)");
      for (const Argument& each : arguments) op.numbers.push_back(number_of(each, "a number"));
      is_permute ? check_permutation(arguments, op) : check_extents(arguments, op);
      break;
    }
    case OpKind::kConcat:
    case OpKind::kStack:
    case OpKind::kUnstack:
    case OpKind::kSplit:
      need(!arguments.empty(), cat("an axis, as in ", name_of(op.kind), "(0)"));
      op.axis = number_of(arguments[0], "an axis");
      if (op.kind != OpKind::kSplit) no_more_than(1);
      for (std::size_t i = 1; i < arguments.size(); ++i) {
        op.numbers.push_back(number_of(arguments[i], "a size"));
        if (op.numbers.back() < 0) throw SyntaxError{arguments[i].at, "a size is not negative"};
      }
      break;
    case OpKind::kCopy:
      no_more_than(0);
      break;
  }
  return op;
}

}  // namespace ckpt
