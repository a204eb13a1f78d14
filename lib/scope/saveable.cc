#include "scope/saveable.h"

#include <algorithm>
#include <map>

#include "core/escape.h"
#include "core/text.h"
#include "scope/scope_error.h"

namespace ckpt {
namespace {

// Two parts of one saveable: does `b` go on where `a` ends, along the one axis that is cut?
bool follows(const SaveSlice& a, const SaveSlice& b) {
  std::size_t cuts = 0;
  for (std::size_t d = 0; d < a.shape.size(); ++d) {
    if (a.offset[d] == b.offset[d] && a.shape[d] == b.shape[d]) continue;
    if (b.offset[d] != a.offset[d] + a.shape[d]) return false;
    ++cuts;
  }
  return cuts == 1;
}

// Are they slices that make up one whole, without gaps and overlaps?
bool is_whole(const Saveable& saveable) {
  const auto& parts = saveable.parts;
  for (const Variable* part : parts) {
    if (!part->slice() || part->slice()->full_shape != saveable.shape ||
        part->dtype() != saveable.dtype) {
      return false;
    }
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (!follows(*parts[i - 1]->slice(), *parts[i]->slice())) return false;
  }
  const SaveSlice& first = *parts.front()->slice();
  const SaveSlice& last = *parts.back()->slice();
  for (std::size_t d = 0; d < saveable.shape.size(); ++d) {
    const bool reaches_end = last.offset[d] + last.shape[d] == saveable.shape[d];
    if (first.offset[d] != 0 || !reaches_end) return false;
  }
  return true;
}

}  // namespace

std::vector<Saveable> saveables_of(const VariableStore& store) {
  std::map<std::string, Saveable> by_name;
  for (Variable* variable : store.global_variables()) {
    const auto& slice = variable->slice();
    const std::string& name = slice ? slice->full_name : variable->name();
    const Shape& shape = slice ? slice->full_shape : variable->shape();
    Saveable& saveable =
        by_name.try_emplace(name, Saveable{name, variable->dtype(), shape, {}}).first->second;
    saveable.parts.push_back(variable);
  }
  std::vector<Saveable> out;
  for (auto& [name, saveable] : by_name) {
    auto& parts = saveable.parts;
    const bool all_slices =
        std::ranges::all_of(parts, [](const Variable* part) { return part->slice().has_value(); });
    if (all_slices) {
      std::ranges::stable_sort(parts, {},
                               [](const Variable* part) { return part->slice()->offset; });
    }
    if (parts.size() > 1 ? !is_whole(saveable) : all_slices && !is_whole(saveable)) {
      std::vector<std::string> made;
      for (const Variable* part : parts) made.push_back(part->facts().origin);
      throw ScopeError(
          ScopeErrc::kSaverDup,
          cat(escape(name), ": ", count_of(parts.size(), "variable"),
              " would have this name in a checkpoint, and they are not slices that make up one "
              "whole; they were made at ",
              join(made, " and "), "; give each a name of its own"));
    }
    out.push_back(std::move(saveable));
  }
  return out;
}

}  // namespace ckpt
