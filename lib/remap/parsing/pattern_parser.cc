#include "remap/parsing/pattern_parser.h"

#include <algorithm>

#include "core/text.h"

namespace ckpt {
namespace {

bool ends_in(const Part& part, char separator) {
  return !part.chars.empty() && part.chars.back().byte == separator;
}

void add_literal(NamePattern& pattern, char byte) {
  if (pattern.pieces.empty() || pattern.pieces.back().slot >= 0) pattern.pieces.push_back({});
  pattern.pieces.back().literal += byte;
}

bool is_name(std::string_view text) {
  const auto is_letter = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return !text.empty() && is_letter(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

PlaceholderType type_of(const std::string& type, std::size_t at) {
  if (type == "int") return PlaceholderType::kInt;
  if (type == "path") return PlaceholderType::kPath;
  throw SyntaxError{at, cat("expected int or path behind ':', found '", type, "'")};
}

// Literal text of a name as a rule has it.
std::string escaped(std::string_view literal) {
  constexpr std::string_view kSpecial = "={}?+|\\";
  std::string out;
  for (const char c : literal) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Spaces at the ends of a name would be taken for those around it.
std::string with_outer_spaces_escaped(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t last = text.find_last_not_of(' ') + 1;  // 0 where all are spaces
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i < first || i >= last) out += '\\';
    out += text[i];
  }
  return out;
}

}  // namespace

int PatternParser::bind(const std::string& name, const std::string& type, std::size_t at,
                        bool is_source) {
  const bool is_anonymous = name == "_";
  const auto known = std::ranges::find(rule_.placeholders, name, &Placeholder::name);
  if (!is_source) {
    if (is_anonymous) throw SyntaxError{at, "{_} stands for nothing on the right; give it a name"};
    const bool counts = std::ranges::any_of(
        rule_.ops, [&](const Op& op) { return op.by == name && is_dividing(op.kind); });
    if (known == rule_.placeholders.end() && !counts) {
      throw SyntaxError{at, cat("{", name, "} is not on the left, so it stands for nothing")};
    }
  }
  if (known == rule_.placeholders.end() || is_anonymous) {
    Placeholder placeholder{name, PlaceholderType::kSegment};
    if (!type.empty()) placeholder.type = type_of(type, at);
    if (!is_source) placeholder.type = PlaceholderType::kInt;  // it counts
    rule_.placeholders.push_back(placeholder);
    is_typed_.resize(rule_.placeholders.size());
    is_typed_.back() = !type.empty() || !is_source;
    return static_cast<int>(rule_.placeholders.size()) - 1;
  }
  const auto slot = static_cast<std::size_t>(known - rule_.placeholders.begin());
  if (!type.empty()) {
    const PlaceholderType wanted = type_of(type, at);
    is_typed_.resize(rule_.placeholders.size());
    const bool is_free = is_source && !is_typed_[slot];
    if (!is_free && known->type != wanted) {
      throw SyntaxError{at, cat("{", name, "} has another type elsewhere in the rule")};
    }
    known->type = wanted;
    is_typed_[slot] = true;
  }
  return static_cast<int>(slot);
}

// Parses what stands behind the '{' at `i`, and leaves `i` on its '}'.
int PatternParser::parse_placeholder(const Chars& chars, std::size_t& i, std::size_t end,
                                     bool is_source) {
  const std::size_t open = chars[i].at;
  std::string inner;
  for (++i; i < chars.size() && !chars[i].is('}'); ++i) inner += chars[i].byte;
  if (i == chars.size()) throw SyntaxError{end, "expected '}'; write \\{ for a brace in a name"};
  const auto colon = inner.find(':');
  const std::string name = inner.substr(0, colon);
  if (!is_name(name)) {
    throw SyntaxError{open + 1, cat("expected a placeholder such as {x}, {x:int} or {x:path}, "
                                    "found '{",
                                    inner, "}'; write \\{ for a brace in a name")};
  }
  std::string type;
  if (colon != std::string::npos) {
    type = inner.substr(colon + 1);
    if (type.empty()) throw SyntaxError{chars[i].at, "expected int or path behind ':'"};
  }
  return bind(name, type, open + 1, is_source);
}

NamePattern PatternParser::parse(const Part& part, bool is_source) {
  const Chars& chars = part.chars;
  if (chars.empty()) {
    throw SyntaxError{
        part.end, cat("expected a name, a scope that ends in '", separator_, "', or '", separator_,
                      "' alone for the root", is_source ? "" : ", or '-'")};
  }
  if (chars.size() > 1 && chars[0].byte == separator_) {
    throw SyntaxError{chars[0].at, cat("a name does not begin with '", separator_, "'")};
  }
  NamePattern pattern;
  for (std::size_t i = 0; i < chars.size(); ++i) {
    if (chars[i].is('{')) {
      const std::size_t at = chars[i].at;
      const int slot = parse_placeholder(chars, i, part.end, is_source);
      if (is_source && !pattern.pieces.empty() && pattern.pieces.back().slot >= 0) {
        throw SyntaxError{at, "two placeholders need some text between them"};
      }
      pattern.pieces.push_back({"", slot});
    } else if (chars[i].is('}') || chars[i].is('=') || chars[i].is('?')) {
      const char c = chars[i].byte;
      throw SyntaxError{
          chars[i].at, c == '?'
                           ? std::string("a '?' that makes the rule optional stands behind a "
                                         "space at its end; write \\? for one in a name")
                           : cat("a '", c, "' without meaning; write \\", c, " for one in a name")};
    } else {
      add_literal(pattern, chars[i].byte);
    }
  }
  if (ends_in(part, separator_)) {
    if (chars.size() == 1) pattern.pieces.clear();  // the root
    auto rest = std::ranges::find(rule_.placeholders, "", &Placeholder::name);
    if (rest == rule_.placeholders.end()) {
      rule_.placeholders.push_back({"", PlaceholderType::kPath});
      rest = rule_.placeholders.end() - 1;
    }
    pattern.pieces.push_back({"", static_cast<int>(rest - rule_.placeholders.begin())});
  }
  return pattern;
}

void PatternParser::check_scopes(const std::vector<Part>& sources,
                                 const std::vector<Part>& targets) const {
  const bool wanted = ends_in(sources[0], separator_);
  const auto check = [&](const Part& part) {
    if (ends_in(part, separator_) == wanted) return;
    throw SyntaxError{part.at(), wanted ? cat("expected a scope that ends in '", separator_,
                                              "', as the other side does")
                                        : cat("a name does not end in '", separator_,
                                              "'; for a scope, the other side must end in it too")};
  };
  for (const Part& part : sources) check(part);
  for (const Part& part : targets) check(part);
}

NamePattern parse_group_target(const Part& part, std::size_t groups) {
  if (part.chars.empty()) throw SyntaxError{part.end, "expected a name, or '-'"};
  NamePattern pattern;
  for (const Char& c : part.chars) {
    if (!c.is_group) {
      add_literal(pattern, c.byte);
      continue;
    }
    const int group = c.byte - '0';
    if (static_cast<std::size_t>(group) >= groups) {
      throw SyntaxError{c.at, cat("there is no group ", group, " on the left, which has ",
                                  count_of(groups - 1, "group"))};
    }
    pattern.pieces.push_back({"", group});
  }
  return pattern;
}

std::string PatternPrinter::print(const NamePattern& pattern) {
  std::string out;
  for (const PatternPiece& piece : pattern.pieces) {
    if (piece.slot < 0) {
      out += escaped(piece.literal);
      continue;
    }
    const auto slot = static_cast<std::size_t>(piece.slot);
    const Placeholder& placeholder = rule_.placeholders[slot];
    if (placeholder.name.empty()) {
      if (out.empty()) out += separator_;
      continue;
    }
    if (is_regex(rule_)) {
      out += '\\' + placeholder.name;
      continue;
    }
    out += '{' + placeholder.name;
    if (!is_written_[slot] && placeholder.type == PlaceholderType::kInt) out += ":int";
    if (!is_written_[slot] && placeholder.type == PlaceholderType::kPath) out += ":path";
    is_written_[slot] = true;
    out += '}';
  }
  return with_outer_spaces_escaped(out);
}

std::string PatternPrinter::print_source(const NamePattern& pattern, bool is_first) {
  std::string out = print(pattern);
  if (is_first && out.starts_with("re:")) out.insert(2, 1, '\\');
  return out;
}

std::string PatternPrinter::print_target(const NamePattern& pattern) {
  std::string out = print(pattern);
  return out == "-" ? "\\-" : out;
}

}  // namespace ckpt
