#include "remap/rule.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "remap/parsing/pattern_parser.h"
#include "remap/parsing/regex.h"
#include "remap/parsing/syntax.h"

namespace ckpt {
namespace {

constexpr std::string_view kRegexMark = "re:";

bool is_alone(const Part& part, char c) { return part.chars.size() == 1 && part.chars[0].is(c); }

// Takes the mark of an optional rule, a '?' behind a space, from the end.
bool take_optional(Part& part) {
  part = trimmed(std::move(part));
  if (part.chars.empty() || !part.chars.back().is('?')) return false;
  const std::size_t size = part.chars.size();
  if (size > 1 && !part.chars[size - 2].is(' ')) return false;
  part.end = part.chars.back().at;
  part.chars.pop_back();
  return true;
}

// A rule in the making: its text in parts, of which patterns and operations are made.
struct Sides {
  std::vector<Part> targets;  // empty: drop
  std::vector<Part> ops;
  bool optional = false;
};

Sides parse_right(Part right) {
  Sides sides;
  sides.optional = take_optional(right);
  std::vector<Part> parts = divide(right, '|', true);
  for (Part& part : parts) part = trimmed(std::move(part));
  if (is_alone(parts[0], '-')) {
    if (parts.size() > 1) throw SyntaxError{parts[1].at(), "what is dropped needs no operation"};
  } else {
    sides.targets = divide(parts[0], '+', false);
    for (Part& target : sides.targets) target = trimmed(std::move(target));
  }
  parts.erase(parts.begin());
  sides.ops = std::move(parts);
  return sides;
}

// Do the operations lead from so many sources to so many targets?
void check_counts(const Rule& rule, const Sides& sides, std::size_t end) {
  std::size_t count = std::max<std::size_t>(1, rule.sources.size());
  const std::size_t targets = rule.targets.size();
  for (std::size_t i = 0; i < rule.ops.size(); ++i) {
    const Op& op = rule.ops[i];
    const std::size_t at = sides.ops[i].at();
    if (is_joining(op.kind)) {
      // stack(0) of one puts a dimension of extent 1 in front of it; unstack(0) takes it away.
      if (op.by.empty() && count < 2 && op.kind != OpKind::kStack) {
        throw SyntaxError{at, cat(name_of(op.kind),
                                  " joins two sources or more, 'a + b = c', or "
                                  "those that a placeholder counts, by=x")};
      }
      if (!op.by.empty() && count != 1) {
        throw SyntaxError{at, "by= is for a single source, whose placeholder counts its members"};
      }
      count = 1;
    } else if (is_dividing(op.kind)) {
      if (count != 1)
        throw SyntaxError{at, cat(name_of(op.kind), " divides one tensor, not several")};
      if (op.by.empty() && targets < 2 && op.kind != OpKind::kUnstack) {
        throw SyntaxError{
            at, cat(name_of(op.kind), " makes two targets or more, 'a = b + c'",
                    op.kind == OpKind::kCopy ? "" : ", or those that a placeholder counts, by=x")};
      }
      if (!op.by.empty() && targets != 1) {
        throw SyntaxError{at, "by= is for a single target, whose placeholder counts its members"};
      }
      count = targets;
    }
  }
  if (count == targets) return;
  if (count > 1) {
    throw SyntaxError{end, "several sources need an operation that joins them, such as concat(0)"};
  }
  throw SyntaxError{end,
                    "several targets need an operation that divides, such as split(0), or copy"};
}

// The placeholder of that name, or -1.
int slot_of(const Rule& rule, std::string_view name) {
  const auto it = std::ranges::find(rule.placeholders, name, &Placeholder::name);
  return it == rule.placeholders.end() ? -1 : static_cast<int>(it - rule.placeholders.begin());
}

// Placeholders of joined sources and of by=.
void check_placeholders(const Rule& rule, const Sides& sides, const std::vector<Part>& sources) {
  for (std::size_t i = 0; i < rule.ops.size(); ++i) {
    const Op& op = rule.ops[i];
    if (op.by.empty()) continue;
    const std::size_t at = sides.ops[i].at();
    const int slot = slot_of(rule, op.by);
    const auto others = std::ranges::count_if(rule.ops, [](const Op& o) { return !o.by.empty(); });
    if (others > 1)
      throw SyntaxError{at, "only one operation of a rule may count by a placeholder"};
    const bool joins = is_joining(op.kind);
    const bool on_left = slot >= 0 && has_slot(rule.sources[0], slot);
    const bool on_right = slot >= 0 && has_slot(rule.targets[0], slot);
    if (slot < 0 || on_left != joins || on_right == joins) {
      throw SyntaxError{at, cat("{", op.by, "} counts the ", joins ? "sources" : "targets",
                                ", so it must stand on the ", joins ? "left" : "right", " only")};
    }
    if (rule.placeholders[static_cast<std::size_t>(slot)].type != PlaceholderType::kInt) {
      throw SyntaxError{at, cat("{", op.by, "} counts, so it must be {", op.by, ":int}")};
    }
    if (op.kind == OpKind::kSplit && op.numbers.empty()) {
      throw SyntaxError{at, "expected the sizes of the parts, as in split(0,64,64,by=i)"};
    }
  }
  for (std::size_t m = 1; m < rule.sources.size(); ++m) {
    for (std::size_t slot = 0; slot < rule.placeholders.size(); ++slot) {
      const int s = static_cast<int>(slot);
      if (has_slot(rule.sources[m], s) != has_slot(rule.sources[0], s)) {
        throw SyntaxError{sources[m].at(), "all sources of a rule need the same placeholders"};
      }
    }
  }
}

void check_distinct(const std::vector<NamePattern>& patterns, const std::vector<Part>& parts) {
  for (std::size_t i = 1; i < patterns.size(); ++i) {
    const auto end = patterns.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(patterns.begin(), end, patterns[i]) != end) {
      throw SyntaxError{parts[i].at(), "the same name is there twice"};
    }
  }
}

Rule parse_plain(std::string_view text, char separator) {
  const Part all = scan(text, 0);
  const auto equals = std::ranges::find_if(all.chars, [](const Char& c) { return c.is('='); });
  if (equals == all.chars.end()) {
    throw SyntaxError{trimmed(all).end, "expected '=' and the new name"};
  }
  Part left{{all.chars.begin(), equals}, equals->at};
  Part right{{equals + 1, all.chars.end()}, all.end};
  std::vector<Part> sources = divide(left, '+', false);
  for (Part& source : sources) source = trimmed(std::move(source));
  const Sides sides = parse_right(std::move(right));

  Rule rule;
  rule.optional = sides.optional;
  for (const Part& op : sides.ops) rule.ops.push_back(parse_op(op));
  PatternParser parser(rule, separator);
  for (const Part& source : sources) rule.sources.push_back(parser.parse_source(source));
  for (const Part& target : sides.targets) rule.targets.push_back(parser.parse_target(target));
  parser.check_scopes(sources, sides.targets);
  check_distinct(rule.sources, sources);
  check_distinct(rule.targets, sides.targets);
  if (!is_drop(rule)) check_counts(rule, sides, all.end);
  if (is_drop(rule) && sources.size() > 1) {
    throw SyntaxError{sources[1].at(), "what is dropped is written one rule a name"};
  }
  check_placeholders(rule, sides, sources);
  return rule;
}

// Where the '=' of a regular expression's rule is: the first with spaces around it, or else the
// first that no backslash stands before.
std::optional<std::size_t> find_equals(std::string_view text) {
  const auto spaced = text.find(" = ");
  if (spaced != std::string_view::npos) return spaced + 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '=') {
      return i;
    }
  }
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  // A space behind a backslash belongs to the expression.
  while (text.ends_with(' ') && !text.ends_with("\\ ")) text.remove_suffix(1);
  return text;
}

// Does the expression end in the separator, as itself or behind a backslash where it would mean
// "any character" otherwise?
bool ends_in_separator(std::string_view expression, char separator) {
  if (!expression.ends_with(separator)) return false;
  std::size_t backslashes = 0;
  while (backslashes + 1 < expression.size() &&
         expression[expression.size() - 2 - backslashes] == '\\') {
    ++backslashes;
  }
  return separator == '.' ? backslashes % 2 == 1 : true;
}

Rule parse_regex(std::string_view text, char separator, std::size_t begin) {
  const auto equals = find_equals(text);
  if (!equals) throw SyntaxError{text.size(), "expected '=' and the new name"};
  Rule rule;
  rule.regex = trimmed(text.substr(begin, *equals - begin));
  if (rule.regex.empty()) throw SyntaxError{begin, "expected a regular expression"};
  Part right = scan_groups(text, *equals + 1);
  const Sides sides = parse_right(std::move(right));
  rule.optional = sides.optional;
  for (const Part& op : sides.ops) rule.ops.push_back(parse_op(op));
  if (sides.targets.size() > 1) {
    throw SyntaxError{sides.targets[1].at(), "a regular expression has one target"};
  }
  const bool source_is_scope = ends_in_separator(rule.regex, separator);
  const bool target_is_scope = !sides.targets.empty() && !sides.targets[0].chars.empty() &&
                               sides.targets[0].chars.back().byte == separator;
  const bool both = source_is_scope && (target_is_scope || sides.targets.empty());
  std::size_t groups = 0;
  try {
    groups = Regex(rule.regex, both).groups();
  } catch (const Error& e) {
    throw SyntaxError{begin, e.what()};
  }
  for (std::size_t i = 0; i < groups; ++i)
    rule.placeholders.push_back({cat(i), PlaceholderType::kPath});
  if (both) rule.placeholders.back().name = "";
  if (target_is_scope && !both) {
    throw SyntaxError{sides.targets[0].at(),
                      cat("a name does not end in '", separator,
                          "'; for a scope, the expression must end in it too")};
  }
  for (const Part& target : sides.targets) {
    rule.targets.push_back(parse_group_target(target, groups - (both ? 1 : 0)));
    if (both) rule.targets.back().pieces.push_back({"", static_cast<int>(groups) - 1});
  }
  for (std::size_t i = 0; i < rule.ops.size(); ++i) {
    if (is_joining(rule.ops[i].kind) || is_dividing(rule.ops[i].kind)) {
      throw SyntaxError{sides.ops[i].at(), "a regular expression cannot join or divide"};
    }
  }
  return rule;
}

}  // namespace

Rule parse_rule(std::string_view text, char separator) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  try {
    if (text.substr(first).starts_with(kRegexMark)) {
      return parse_regex(text, separator, first + kRegexMark.size());
    }
    return parse_plain(text, separator);
  } catch (const SyntaxError& e) {
    throw to_error(e, text);
  }
}

Rules parse_rules(const std::vector<std::string>& texts, char separator) {
  Rules rules{{}, separator};
  for (const std::string& text : texts) {
    try {
      rules.rules.push_back(parse_rule(text, separator));
    } catch (const Error& e) {
      throw e.in(cat("rule ", rules.rules.size() + 1));
    }
  }
  return rules;
}

bool is_scope(const Rule& rule, const NamePattern& pattern) {
  const int slot = pattern.pieces.empty() ? -1 : pattern.pieces.back().slot;
  return slot >= 0 && rule.placeholders[static_cast<std::size_t>(slot)].name.empty();
}

std::string print(const Rule& rule, char separator) {
  PatternPrinter printer(rule, separator);
  std::string out;
  if (is_regex(rule)) {
    out = cat(kRegexMark, rule.regex);
  } else {
    for (const NamePattern& source : rule.sources) {
      if (&source != rule.sources.data()) out += " + ";
      out += printer.print_source(source, out.empty());
    }
  }
  out += " = ";
  if (is_drop(rule)) out += "-";
  for (const NamePattern& target : rule.targets) {
    if (&target != rule.targets.data()) out += " + ";
    out += printer.print_target(target);
  }
  for (const Op& op : rule.ops) out += " | " + to_string(op);
  if (rule.optional) out += " ?";
  return out;
}

std::string describe(const Rules& rules, std::size_t i) {
  return cat("rule ", i + 1, " (", display(print(rules.rules[i], rules.separator)), ")");
}

}  // namespace ckpt
