#include "remap/receipt.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "remap/parsing/json.h"
#include "remap/parsing/syntax.h"
#include "remap/planning/draft.h"
#include "remap/planning/invert_op.h"

namespace ckpt {
namespace {

constexpr std::string_view kReceiptSchema = "ckpt/receipt/1";
constexpr std::string_view kStart = "{\n  \"schema\": \"ckpt/receipt/1\"";
constexpr std::string_view kUndone = ",\n  \"undone\": true";

OrderedJson name_to_json(const std::string& name) {
  if (is_utf8(name)) return name;
  return OrderedJson{{"hex", to_hex(name)}};
}

std::string name_from_json(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object()) throw Error(Errc::kInvalid, "a name must be a string or {\"hex\": …}");
  check_keys(json, {"hex"});
  const std::string hex = string_of(json, "hex");
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto digit = [&](char c) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto at = kDigits.find(c);
      if (at == std::string_view::npos) {
        throw Error(Errc::kInvalid, cat("\"hex\" has '", escape(std::string(1, c)), "'"));
      }
      return static_cast<unsigned>(at);
    };
    out += static_cast<char>(digit(hex[i]) << 4U | digit(hex[i + 1]));
  }
  if (hex.size() % 2 != 0) throw Error(Errc::kInvalid, "\"hex\" has an odd number of digits");
  return out;
}

// The member `key`, which must be there.
const Json& member(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) throw Error(Errc::kInvalid, cat("\"", key, "\" is missing"));
  return *it;
}

const Json& array_of(const Json& object, const char* key) {
  const Json& array = member(object, key);
  if (!array.is_array()) throw Error(Errc::kInvalid, cat("\"", key, "\" must be an array"));
  return array;
}

void need_object(const Json& json, std::string_view what) {
  if (!json.is_object()) throw Error(Errc::kInvalid, cat(what, " must be an object"));
}

std::uint64_t count_from(const Json& object, const char* key) {
  const Json& number = member(object, key);
  if (!number.is_number_unsigned()) {
    throw Error(Errc::kInvalid, cat("\"", key, "\" must be a number that is not negative"));
  }
  return number.get<std::uint64_t>();
}

OrderedJson to_json(const Receipt::File& file) {
  OrderedJson json{{"path", name_to_json(file.path)},
                   {"format", file.format},
                   {"layout", file.layout},
                   {"bytes", file.bytes}};
  if (!file.fingerprint.empty()) json["fingerprint"] = file.fingerprint;
  return json;
}

Receipt::File file_from_json(const Json& json, const char* key) {
  const Json& object = member(json, key);
  need_object(object, cat("\"", key, "\""));
  check_keys(object, {"path", "format", "layout", "bytes", "fingerprint"});
  return {name_from_json(member(object, "path")), string_of(object, "format"),
          string_of(object, "layout"), count_from(object, "bytes"),
          object.contains("fingerprint") ? string_of(object, "fingerprint") : ""};
}

OrderedJson to_json(const PlannedVariable& output) {
  return {{"name", name_to_json(output.name)},
          {"dtype", name_of(output.spec.dtype)},
          {"shape", output.spec.shape}};
}

OrderedJson to_json(const std::vector<PlannedVariable>& outputs) {
  OrderedJson array = OrderedJson::array();
  for (const PlannedVariable& output : outputs) array.push_back(to_json(output));
  return array;
}

OrderedJson to_json(const Receipt::Change& change) {
  OrderedJson ops = OrderedJson::array();
  for (const Op& op : change.ops) ops.push_back(to_string(op));
  return {{"from", to_json(change.from)}, {"to", to_json(change.to)}, {"ops", ops}};
}

std::vector<PlannedVariable> outputs_from_json(const Json& array) {
  std::vector<PlannedVariable> out;
  for (const Json& each : array) {
    need_object(each, "a variable");
    check_keys(each, {"name", "dtype", "shape"});
    PlannedVariable& output = out.emplace_back();
    output.name = name_from_json(member(each, "name"));
    const std::string dtype = string_of(each, "dtype");
    bool is_known = false;
    for (int i = 0; i < kDTypeCount; ++i) {
      if (name_of(static_cast<DType>(i)) != dtype) continue;
      output.spec.dtype = static_cast<DType>(i);
      is_known = true;
    }
    if (!is_known) throw Error(Errc::kInvalid, cat("there is no dtype \"", escape(dtype), "\""));
    for (const Json& extent : array_of(each, "shape")) {
      if (!extent.is_number_unsigned()) {
        throw Error(Errc::kInvalid, "\"shape\" must be an array of numbers that are not negative");
      }
      output.spec.shape.push_back(extent.get<std::int64_t>());
    }
  }
  return out;
}

Op op_from_json(const Json& json) {
  if (!json.is_string()) throw Error(Errc::kInvalid, "an operation must be a string");
  const auto text = json.get<std::string>();
  try {
    return parse_op(trimmed(scan(text, 0)));
  } catch (const SyntaxError& e) {
    throw to_error(e, text);
  }
}

// Writes the member `key`, an array of what `to_json` makes of each item, on a line of its own
// each: a receipt is read by people, too. One is made at a time, since there may be 100,000.
template <typename Items, typename ToJson>
void write_lines(const WriteText& out, std::string_view key, const Items& items, ToJson&& to_json) {
  out(cat(",\n  \"", key, "\": ["));
  std::string_view before = "\n    ";
  for (const auto& item : items) {
    out(cat(before, to_json(item).dump()));
    before = ",\n    ";
  }
  out(items.empty() ? "]" : "\n  ]");
}

// A rule between names, not patterns: none of their characters has a meaning.
Rule exact_rule(const std::vector<PlannedVariable>& from, const std::vector<PlannedVariable>& to) {
  const auto pattern = [](const PlannedVariable& output) {
    return NamePattern{{{output.name, -1}}};
  };
  Rule rule;
  for (const PlannedVariable& output : from) rule.sources.push_back(pattern(output));
  for (const PlannedVariable& output : to) rule.targets.push_back(pattern(output));
  return rule;
}

// Undoes one change.
void invert_change(const Receipt::Change& change, ReceiptInverse& out) {
  const bool is_copy = !change.ops.empty() && change.ops.back().kind == OpKind::kCopy;
  Rule rule =
      exact_rule(is_copy ? std::vector<PlannedVariable>{change.to[0]} : change.to, change.from);
  std::vector<TensorSpec> specs;
  for (const PlannedVariable& output : change.from) specs.push_back(output.spec);
  bool is_lossy = false;
  for (const Op& op : change.ops) {
    if (op.kind == OpKind::kCopy) break;
    const InvertedOp back = invert_op(op, specs);
    if (!back.op) throw Error(Errc::kUnsupported, cat("a receipt cannot undo ", back.why));
    rule.ops.insert(rule.ops.begin(), *back.op);
    is_lossy = is_lossy || back.is_lossy;
    specs = resolve_ops(std::span(&op, 1), specs, change.to.size()).after;
  }
  out.rules.rules.push_back(std::move(rule));
  for (std::size_t i = 1; is_copy && i < change.to.size(); ++i) {
    out.rules.rules.push_back(exact_rule({change.to[i]}, {}));
  }
  if (!is_lossy) return;
  for (const PlannedVariable& output : change.from) out.lossy.push_back(output.name);
}

}  // namespace

Receipt make_receipt(const Plan& plan, const Rules& rules) {
  Receipt receipt;
  receipt.separator = rules.separator;
  for (const Rule& rule : rules.rules) receipt.rules.push_back(print(rule, rules.separator));
  receipt.dropped = plan.drops;
  receipt.moves.reserve(plan.moves.size());
  for (const Move& move : plan.moves) {
    if (is_drop(move) || move.transform != kNoIndex) continue;
    if (move.from == move.to) {
      ++receipt.kept;
    } else {
      receipt.moves.push_back({std::string(move.from), std::string(move.to)});
    }
  }
  for (const Transform& transform : plan.transforms) {
    Receipt::Change& change = receipt.changes.emplace_back();
    for (std::size_t i = 0; i < transform.from.size(); ++i) {
      change.from.push_back({transform.from[i], transform.before[i]});
    }
    change.to = transform.to;
    change.ops = transform.ops;
  }
  return receipt;
}

void write_receipt(const Receipt& receipt, const WriteText& out) {
  out(cat(kStart, receipt.undone ? kUndone : "", ",\n  \"tool\": ", Json(receipt.tool).dump(),
          ",\n  \"input\": ", to_json(receipt.input).dump(),
          ",\n  \"output\": ", to_json(receipt.output).dump(),
          ",\n  \"separator\": ", Json(std::string(1, receipt.separator)).dump()));
  write_lines(out, "rules", receipt.rules, name_to_json);
  write_lines(out, "moves", receipt.moves, [](const PathMove& move) {
    return OrderedJson{{"from", name_to_json(move.from)}, {"to", name_to_json(move.to)}};
  });
  write_lines(out, "changes", receipt.changes,
              [](const Receipt::Change& change) { return to_json(change); });
  write_lines(out, "dropped", receipt.dropped,
              [](const PlannedVariable& dropped) { return to_json(dropped); });
  out(cat(",\n  \"kept\": ", receipt.kept));
  write_lines(out, "digests", receipt.digests,
              [](const std::pair<std::string, std::string>& digest) {
                return OrderedJson{{"name", name_to_json(digest.first)}, {"digest", digest.second}};
              });
  out("\n}\n");
}

std::string print_receipt(const Receipt& receipt) {
  std::string text;
  write_receipt(receipt, [&](std::string_view piece) { text += piece; });
  return text;
}

std::string mark_undone(std::string_view json) {
  if (json.starts_with(kStart)) {
    return cat(kStart, kUndone, json.substr(kStart.size()));
  }
  Receipt receipt = parse_receipt(json);  // someone has written it anew
  receipt.undone = true;
  return print_receipt(receipt);
}

Receipt parse_receipt(std::string_view json) {
  const Json document = parse_json(json).value;
  check_schema(document, kReceiptSchema);
  check_keys(document, {"schema", "undone", "tool", "input", "output", "separator", "rules",
                        "moves", "changes", "dropped", "kept", "digests"});
  Receipt receipt;
  receipt.tool = string_of(document, "tool");
  if (const auto undone = document.find("undone"); undone != document.end()) {
    if (!undone->is_boolean()) throw Error(Errc::kInvalid, "\"undone\" must be true or false");
    receipt.undone = undone->get<bool>();
  }
  receipt.input = file_from_json(document, "input");
  receipt.output = file_from_json(document, "output");
  const std::string separator = string_of(document, "separator");
  if (separator.size() != 1) throw Error(Errc::kInvalid, "\"separator\" must be one character");
  receipt.separator = separator[0];
  for (const Json& rule : array_of(document, "rules"))
    receipt.rules.push_back(name_from_json(rule));
  for (const Json& move : array_of(document, "moves")) {
    need_object(move, "a move");
    check_keys(move, {"from", "to"});
    receipt.moves.push_back(
        {name_from_json(member(move, "from")), name_from_json(member(move, "to"))});
  }
  for (const Json& each : array_of(document, "changes")) {
    need_object(each, "a change");
    check_keys(each, {"from", "to", "ops"});
    Receipt::Change& change = receipt.changes.emplace_back();
    change.from = outputs_from_json(array_of(each, "from"));
    change.to = outputs_from_json(array_of(each, "to"));
    for (const Json& op : array_of(each, "ops")) change.ops.push_back(op_from_json(op));
    if (change.from.empty() || change.to.empty()) {
      throw Error(Errc::kInvalid, "a change has variables on both sides");
    }
  }
  receipt.dropped = outputs_from_json(array_of(document, "dropped"));
  receipt.kept = count_from(document, "kept");
  for (const Json& digest : array_of(document, "digests")) {
    need_object(digest, "a digest");
    check_keys(digest, {"name", "digest"});
    receipt.digests.emplace_back(name_from_json(member(digest, "name")),
                                 string_of(digest, "digest"));
  }
  return receipt;
}

PlanOptions way_back_options() {
  PlanOptions options;
  options.companions = false;
  options.target.variable_beside_scope = true;
  options.target.case_pairs = true;
  options.target.empty_segments = true;
  options.target.dot_segments = true;
  return options;
}

ReceiptInverse invert(const Receipt& receipt) {
  ReceiptInverse out;
  out.rules.separator = receipt.separator;
  for (const PathMove& move : receipt.moves) {
    out.rules.rules.push_back(exact_rule({{move.to, {}}}, {{move.from, {}}}));
  }
  for (const Receipt::Change& change : receipt.changes) invert_change(change, out);
  for (const PlannedVariable& output : receipt.dropped) out.lost.push_back(output.name);
  return out;
}

}  // namespace ckpt
