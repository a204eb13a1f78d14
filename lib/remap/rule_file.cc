#include "remap/rule_file.h"

#include <vector>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "remap/parsing/json.h"

namespace ckpt {
namespace {

constexpr std::string_view kMapSchema = "ckpt/map/1";

// A side of a rule's object form, as it would stand in a rule's text.
std::string side_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) throw Error(Errc::kInvalid, cat("\"", key, "\" is missing"));
  if (it->is_null() && std::string_view(key) == "to") return "-";
  if (it->is_string()) return it->get<std::string>();
  std::vector<std::string> names;
  if (it->is_array()) {
    for (const Json& name : *it) {
      if (name.is_string()) names.push_back(name.get<std::string>());
    }
  }
  if (!it->is_array() || names.empty() || names.size() != it->size()) {
    throw Error(Errc::kInvalid, cat("\"", key, "\" must be a name or an array of names"));
  }
  return join(names, " + ");
}

Rule parse_object(const Json& object, char separator) {
  check_keys(object, {"from", "to", "ops", "optional", "comment"});
  std::string text = side_of(object, "from") + " = " + side_of(object, "to");
  if (const auto ops = object.find("ops"); ops != object.end()) {
    if (!ops->is_array()) throw Error(Errc::kInvalid, "\"ops\" must be an array of operations");
    for (const Json& op : *ops) {
      if (!op.is_string()) throw Error(Errc::kInvalid, "\"ops\" must be an array of operations");
      text += " | " + op.get<std::string>();
    }
  }
  if (const auto optional = object.find("optional"); optional != object.end()) {
    if (!optional->is_boolean()) throw Error(Errc::kInvalid, "\"optional\" must be true or false");
    if (optional->get<bool>()) text += " ?";
  }
  Rule rule = parse_rule(text, separator);
  if (object.contains("comment")) rule.comment = string_of(object, "comment");
  return rule;
}

Rule parse_element(const Json& element, char separator) {
  if (element.is_string()) return parse_rule(element.get<std::string>(), separator);
  if (element.is_object()) return parse_object(element, separator);
  throw Error(Errc::kInvalid, "a rule is a string or an object");
}

}  // namespace

Rules parse_rule_file(std::string_view json, char separator) {
  const JsonDocument document = parse_json(json);
  check_schema(document.value, kMapSchema);
  check_keys(document.value, {"schema", "comment", "rules"});
  const auto list = document.value.find("rules");
  if (list == document.value.end() || !list->is_array()) {
    throw Error(Errc::kInvalid, "\"rules\" must be there and be an array");
  }
  Rules rules{{}, separator};
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::size_t line = document.element_lines[i];
    try {
      rules.rules.push_back(parse_element((*list)[i], separator));
    } catch (const Error& e) {
      throw e.in(cat("line ", line, ": rule ", i + 1));
    }
    rules.rules.back().line = line;
  }
  return rules;
}

std::string print_rule_file(const Rules& rules) {
  std::string out = cat("{\"schema\": \"", kMapSchema, "\", \"rules\": [");
  for (const Rule& rule : rules.rules) {
    const std::string text = print(rule, rules.separator);
    if (!is_utf8(text) || !is_utf8(rule.comment)) {
      throw Error(Errc::kUnsupported,
                  cat("the rule ", escape(text), " is not UTF-8, which JSON cannot hold"));
    }
    out += &rule == rules.rules.data() ? "\n  " : ",\n  ";
    if (rule.comment.empty()) {
      out += Json(text).dump();
      continue;
    }
    // The text up to its '=' is "from", the rest "to": both are taken as rule text again.
    OrderedJson object;
    object["from"] = text.substr(0, text.find(" = "));
    Rule bare = rule;
    bare.optional = false;
    bare.ops.clear();
    const std::string head = print(bare, rules.separator);
    object["to"] = head.substr(head.find(" = ") + 3);
    for (const Op& op : rule.ops) object["ops"].push_back(to_string(op));
    if (rule.optional) object["optional"] = true;
    object["comment"] = rule.comment;
    out += object.dump();
  }
  return out + "\n]}\n";
}

}  // namespace ckpt
