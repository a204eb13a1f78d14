#include "model/fit.h"

#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"

namespace ckpt {
namespace {

std::unordered_map<std::string_view, std::size_t> entries_by_name(const Index& index) {
  std::unordered_map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    by_name.emplace(index.entries[i].name, i);
    for (const std::string& alias : index.entries[i].aliases) by_name.emplace(alias, i);
  }
  return by_name;
}

// Files store one model in several floating types; the forward pass takes them all.
bool same_kind(DType a, DType b) {
  return a == b || (class_of(a) == DTypeClass::kFloat && class_of(b) == DTypeClass::kFloat);
}

std::string words_of(DType dtype, const Shape& shape) {
  return cat(name_of(dtype), " ", to_string(shape));
}

}  // namespace

Fit fit_by_name(const Graph& graph, const Index& index) {
  Fit fit;
  const auto by_name = entries_by_name(index);
  std::unordered_set<std::size_t> expected;
  for (const GraphVariable& variable : graph.variables) {
    const auto it = by_name.find(variable.name);
    if (it == by_name.end()) {
      fit.missing.push_back(variable.name);
      continue;
    }
    expected.insert(it->second);
    const Entry& entry = index.entries[it->second];
    if (entry.shape != variable.shape || !same_kind(entry.dtype, variable.dtype)) {
      fit.mismatched.push_back(cat(escape(variable.name), " is ",
                                   words_of(entry.dtype, entry.shape), ", not ",
                                   words_of(variable.dtype, variable.shape)));
    }
  }
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    const Entry& entry = index.entries[i];
    if (entry.role == Role::kVariable && !expected.contains(i)) {
      fit.unexpected.push_back(entry.name);
    }
  }
  return fit;
}

std::vector<std::string> faults_of(const Fit& fit, const Index& index) {
  std::vector<std::string> names;
  if (!fit.missing.empty()) {
    for (const Entry& entry : index.entries) names.push_back(entry.name);
  }
  std::vector<std::string> faults;
  // Looking for near names takes time with each: the first ones show what went wrong.
  constexpr std::size_t kNearest = 20;
  for (const std::string& name : fit.missing) {
    faults.push_back(cat(escape(name), " is missing",
                         faults.size() < kNearest ? did_you_mean(nearest(name, names, 1)) : ""));
  }
  for (const std::string& what : fit.mismatched) faults.push_back(what);
  for (const std::string& name : fit.unexpected) {
    faults.push_back(cat(escape(name), " is not in the graph"));
  }
  return faults;
}

void bind_by_name(Graph& graph, const Index& index) {
  const Fit fit = fit_by_name(graph, index);
  if (!fit.missing.empty() || !fit.mismatched.empty()) {
    throw Error(Errc::kNotFound, join(faults_of(fit, index), "; "));
  }
  const auto by_name = entries_by_name(index);
  for (GraphVariable& variable : graph.variables) {
    variable.names = {index.entries[by_name.at(variable.name)].name};
  }
}

}  // namespace ckpt
