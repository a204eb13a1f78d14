#pragma once

#include <string>
#include <vector>

#include "remap/parsing/syntax.h"
#include "remap/rule.h"

namespace ckpt {

// Parses the names of one rule, and fills its list of placeholders. Sources come before targets,
// since a target may use only what a source has.
class PatternParser {
 public:
  // `rule` has its operations already: one of them may count targets by a placeholder.
  PatternParser(Rule& rule, char separator) : rule_(rule), separator_(separator) {}

  NamePattern parse_source(const Part& part) { return parse(part, true); }
  NamePattern parse_target(const Part& part) { return parse(part, false); }

  // Throws where some sides are scopes and some are not.
  void check_scopes(const std::vector<Part>& sources, const std::vector<Part>& targets) const;

 private:
  NamePattern parse(const Part& part, bool is_source);
  int parse_placeholder(const Chars& chars, std::size_t& i, std::size_t end, bool is_source);
  int bind(const std::string& name, const std::string& type, std::size_t at, bool is_source);

  Rule& rule_;
  char separator_;
  std::vector<bool> is_typed_;  // for each placeholder: did some occurrence say its type?
};

// The target of a regular expression: text in which "\1" stands for a group.
NamePattern parse_group_target(const Part& part, std::size_t groups);

// Writes the names of one rule, such that they parse to the same patterns. A placeholder's type is
// written where it occurs first.
class PatternPrinter {
 public:
  PatternPrinter(const Rule& rule, char separator)
      : rule_(rule), separator_(separator), is_written_(rule.placeholders.size()) {}

  std::string print_source(const NamePattern& pattern, bool is_first);
  std::string print_target(const NamePattern& pattern);

 private:
  std::string print(const NamePattern& pattern);

  const Rule& rule_;
  char separator_;
  std::vector<bool> is_written_;
};

}  // namespace ckpt
