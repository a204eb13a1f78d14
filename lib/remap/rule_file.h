#pragma once

#include <string>
#include <string_view>

#include "remap/rule.h"

namespace ckpt {

// The rules of a map file:
//
//   {"schema": "ckpt/map/1", "comment": "…", "rules": [
//     "module/ = /",
//     {"from": ["h.{i:int}.q", "h.{i}.k"], "to": "h.{i}.qk", "ops": ["concat(0)"],
//      "optional": true, "comment": "…"},
//     {"from": "opt/", "to": null} ]}
//
// A rule is its text, or an object: "from" and "to" are one name or an array of them, written as in
// a rule's text; a "to" of null drops. Both forms may be mixed.
// Throws Error(kInvalid): text that is no JSON, another schema, a key that is unknown or there
// twice, and for a wrong rule its number, its line and where in it the fault is.
Rules parse_rule_file(std::string_view json, char separator);

// The same rules as such a file, ending in a line break: a string for each rule, an object for each
// that has a comment. Throws Error(kUnsupported) where a rule is not UTF-8, which JSON cannot hold.
std::string print_rule_file(const Rules& rules);

}  // namespace ckpt
