#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "remap/name_pattern.h"
#include "remap/op.h"

namespace ckpt {

// One rule, "SOURCE = TARGET | op … ?", as its text says it and nothing more. Plain data.
//
//   a/b/kernel = x/y/kernel                   one variable
//   module/ = /                               a scope: both sides end in the separator, and the
//                                             separator alone is the root
//   layer_{i:int}/{p}/kernel = h/{i}/{p}/w    a template
//   q + k + v = qkv | concat(0)               several sources, joined
//   qkv = q + k + v | split(0)                several targets, divided
//   e.{i:int}.w = e.w | stack(0, by=i)        members counted by a placeholder, in its order
//   opt/ = -                                  drop
//   re:(.*)_v(\d+) = \1/v\2                   RE2's regular expressions, on the whole name; a scope
//                                             where both sides end in the separator
//
// A '+' or '|' divides where it has spaces around it; a '?' behind a space at the end lets the rule
// match nothing. A backslash takes the meaning from = { } ? + | - : \ and from a space. Spaces at
// the ends of a name are not part of it.
struct Rule {
  std::vector<Placeholder> placeholders;
  std::vector<NamePattern> sources;  // empty for a regular expression
  std::vector<NamePattern> targets;  // empty: drop
  std::vector<Op> ops;               // in the order of their application
  bool optional = false;
  // A regular expression. Its groups are the placeholders "0", "1", …; where it is a scope, the
  // rest of the name is one more.
  std::string regex;
  std::string comment;   // of a rule file
  std::size_t line = 0;  // of a rule file, from 1; 0 where there is none

  friend bool operator==(const Rule&, const Rule&) = default;
};

// Rules in their order: of those that match a name, the first decides.
struct Rules {
  std::vector<Rule> rules;
  char separator = '/';

  friend bool operator==(const Rules&, const Rules&) = default;
};

// Parses one rule. Throws Error(kInvalid) that says what was expected at which column and shows the
// rule with a mark under it.
Rule parse_rule(std::string_view text, char separator);

// Parses each; the error's sentence begins with "rule N" where one is wrong.
Rules parse_rules(const std::vector<std::string>& texts, char separator);

// The text of a rule, such that parse_rule() gives the rule back (but for comment and line).
std::string print(const Rule& rule, char separator);

// Does the pattern stand for all names under a scope: does it end in the rest of a name?
bool is_scope(const Rule& rule, const NamePattern& pattern);

inline bool is_regex(const Rule& rule) { return !rule.regex.empty(); }
inline bool is_drop(const Rule& rule) { return rule.targets.empty(); }

// "rule 3 (a/ = b/)": how messages name the rule at that position.
std::string describe(const Rules& rules, std::size_t i);

}  // namespace ckpt
