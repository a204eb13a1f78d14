#include "remap/assignment_map.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "remap/parsing/json.h"

namespace ckpt {
namespace {

[[noreturn]] void refuse(const AssignmentPair& pair, std::string_view why) {
  throw Error(Errc::kInvalid,
              cat("'", escape(pair.checkpoint), "': '", escape(pair.variable), "': ", why));
}

// A partitioned variable's pieces stand for it under its own name.
std::string_view logical_name(std::string_view variable) {
  return variable.substr(0, variable.find("/part_"));
}

class Resolver {
 public:
  Resolver(std::span<const std::string> tensors, std::set<std::string> variables)
      : tensors_(tensors.begin(), tensors.end()), variables_(std::move(variables)) {}

  void apply(const AssignmentPair& pair) {
    if (variables_.contains(pair.variable) || variables_.contains(pair.variable + "/part_0")) {
      if (!tensors_.contains(pair.checkpoint)) missing(pair, pair.checkpoint);
      assigned_[pair.variable] = pair.checkpoint;
      return;
    }
    apply_scope(pair);
  }

  [[nodiscard]] std::vector<Assignment> assignments() const {
    std::vector<Assignment> out;
    for (const auto& [variable, tensor] : assigned_) out.push_back({variable, tensor});
    return out;
  }

 private:
  void apply_scope(const AssignmentPair& pair) {
    const auto slash = pair.variable.rfind('/');
    const std::string scopes = slash == std::string::npos ? "" : pair.variable.substr(0, slash);
    if (!pair.checkpoint.ends_with('/')) {
      refuse(pair, cat("the model has no variable of that name", guess(pair.variable),
                       "; for a scope, both sides must end in '/'"));
    }
    // What is taken away in front of a variable's name to get the tensor's.
    const std::size_t cut = scopes.size() + (pair.variable == "/" ? 0 : 1);
    std::set<std::string_view> done;
    for (const std::string& each : variables_) {
      const std::string_view variable = logical_name(each);
      if (!scopes.empty() && !each.starts_with(scopes + "/")) continue;
      if (!done.insert(variable).second) continue;
      const std::string_view rest = variable.substr(std::min(cut, variable.size()));
      std::string tensor = pair.checkpoint == "/" ? std::string(rest) : cat(pair.checkpoint, rest);
      if (tensor.ends_with('/')) tensor.pop_back();
      if (!tensors_.contains(tensor)) missing(pair, tensor);
      assigned_[std::string(variable)] = tensor;
    }
  }

  [[noreturn]] void missing(const AssignmentPair& pair, const std::string& tensor) const {
    const std::vector<std::string> names(tensors_.begin(), tensors_.end());
    refuse(pair, cat("the checkpoint has no tensor '", escape(tensor), "'",
                     did_you_mean(nearest(tensor, names))));
  }

  [[nodiscard]] std::string guess(const std::string& variable) const {
    const std::vector<std::string> names(variables_.begin(), variables_.end());
    return did_you_mean(nearest(variable, names));
  }

  std::set<std::string> tensors_;
  std::set<std::string> variables_;
  std::map<std::string, std::string> assigned_;
};

// The variables that a map can lead to when no model says which there are.
std::set<std::string> implied_variables(std::span<const AssignmentPair> map,
                                        std::span<const std::string> tensors) {
  std::set<std::string> variables;
  for (const AssignmentPair& pair : map) {
    const bool from_scope = pair.checkpoint.ends_with('/');
    if (from_scope != pair.variable.ends_with('/')) {
      refuse(
          pair,
          "one side ends in '/' and one does not: a scope goes to a scope, a tensor to a variable");
    }
    if (!from_scope) {
      variables.insert(pair.variable);
      continue;
    }
    const std::string scope = pair.checkpoint == "/" ? "" : pair.checkpoint;
    for (const std::string& tensor : tensors) {
      if (!tensor.starts_with(scope) || tensor.size() == scope.size()) continue;
      variables.insert((pair.variable == "/" ? "" : pair.variable) + tensor.substr(scope.size()));
    }
  }
  return variables;
}

}  // namespace

std::vector<AssignmentPair> parse_assignment_map(std::string_view json) {
  const Json document = parse_json(json).value;
  std::vector<AssignmentPair> out;
  if (document.is_object()) {
    for (const auto& [key, value] : document.items()) {
      if (!value.is_string()) {
        throw Error(Errc::kInvalid, cat("\"", escape(key), "\" must be mapped to a string"));
      }
      out.push_back({key, value.get<std::string>()});
    }
    return out;
  }
  if (!document.is_array()) {
    throw Error(Errc::kInvalid, "an assignment map is an object or an array of pairs");
  }
  for (const Json& pair : document) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      throw Error(Errc::kInvalid, cat("pair ", out.size() + 1, " must be an array of two strings"));
    }
    out.push_back({pair[0].get<std::string>(), pair[1].get<std::string>()});
  }
  return out;
}

std::vector<Assignment> resolve_assignments(std::span<const AssignmentPair> map,
                                            std::span<const std::string> tensors,
                                            std::optional<std::span<const std::string>> variables) {
  std::vector<AssignmentPair> sorted(map.begin(), map.end());
  std::ranges::stable_sort(sorted, {}, &AssignmentPair::checkpoint);
  if (variables) {
    Resolver resolver(tensors, {variables->begin(), variables->end()});
    for (const AssignmentPair& pair : sorted) resolver.apply(pair);
    return resolver.assignments();
  }
  // Without a model, a scope leads to just those variables that have a tensor under it, so that one
  // pair's variables are no missing tensors of another's.
  std::map<std::string, std::string> assigned;
  for (const AssignmentPair& pair : sorted) {
    Resolver resolver(tensors, implied_variables(std::span(&pair, 1), tensors));
    resolver.apply(pair);
    for (const auto& [variable, tensor] : resolver.assignments()) assigned[variable] = tensor;
  }
  std::vector<Assignment> out;
  for (const auto& [variable, tensor] : assigned) out.push_back({variable, tensor});
  return out;
}

Rules assignment_rules(std::span<const Assignment> assignments) {
  std::map<std::string_view, Rule> rules;
  for (const auto& [variable, tensor] : assignments) {
    Rule& rule = rules[tensor];
    rule.sources = {NamePattern{{{tensor, -1}}}};
    rule.targets.push_back(NamePattern{{{variable, -1}}});
    if (rule.targets.size() == 2) rule.ops = {Op{OpKind::kCopy, 0, {}, DType::kF32, ""}};
  }
  Rules out{{}, '/'};
  for (auto& [tensor, rule] : rules) out.rules.push_back(std::move(rule));
  return out;
}

}  // namespace ckpt
