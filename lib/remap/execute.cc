#include "remap/execute.h"

#include <map>
#include <set>

#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "remap/tensor_stream.h"

namespace ckpt {
namespace {

bool is_for_use(Role role) { return role == Role::kVariable || role == Role::kOther; }

}  // namespace

Edit make_edit(const Plan& plan) {
  Edit edit;
  edit.moves.reserve(plan.moves.size());  // what is not used takes no memory
  for (const Move& move : plan.moves) {
    if (move.transform != kNoIndex) continue;
    if (is_drop(move)) {
      edit.drops.push_back(move.from);
    } else if (!is_unchanged(move)) {
      edit.moves.push_back({move.from, move.to});
    }
  }
  for (const Transform& transform : plan.transforms) {
    // The sources go; what is made of them takes over the first one's attributes and rank.
    for (const std::string& source : transform.from) edit.drops.push_back(source);
    for (std::size_t i = 0; i < transform.to.size(); ++i) {
      const PlannedVariable& output = transform.to[i];
      Put put;
      put.spec = {.name = output.name, .dtype = output.spec.dtype, .shape = output.spec.shape};
      put.replaces = transform.from.front();
      put.produce = [&transform, i](const Reader& original,
                                    const std::function<void(ByteView)>& take) {
        stream_output(original, transform, i, take);
      };
      edit.puts.push_back(std::move(put));
    }
  }
  return edit;
}

std::vector<ExpectationFault> compare_outcome(const Plan& plan, std::span<const Entry> entries,
                                              std::span<const Entry> reference) {
  using Kind = ExpectationFault::Kind;
  std::vector<ExpectationFault> faults;
  std::set<std::string_view> state;  // names of the outcome that are slots or averages
  for (const Move& move : plan.moves) {
    if (!is_for_use(entries[move.entry].role)) state.insert(move.to);
  }
  std::map<std::string_view, const Entry*> wanted;
  std::vector<std::string> wanted_names;
  for (const Entry& entry : reference) {
    if (!is_for_use(entry.role)) continue;
    wanted.emplace(entry.name, &entry);
    wanted_names.push_back(entry.name);
  }
  const std::vector<PlannedVariable> outcome = outcome_of(plan, entries);
  std::set<std::string_view> made;
  for (const PlannedVariable& output : outcome) {
    made.insert(output.name);
    const auto it = wanted.find(output.name);
    if (it == wanted.end()) {
      if (state.contains(output.name)) continue;
      faults.push_back({Kind::kUnexpected, output.name,
                        cat(escape(output.name), ": is not in the reference",
                            did_you_mean(nearest(output.name, wanted_names, 1)))});
      continue;
    }
    const Entry& entry = *it->second;
    if (entry.dtype != output.spec.dtype) {
      faults.push_back({Kind::kDType, output.name,
                        cat(escape(output.name), ": would be ", name_of(output.spec.dtype),
                            ", the reference has ", name_of(entry.dtype))});
    }
    if (entry.shape != output.spec.shape) {
      faults.push_back({Kind::kShape, output.name,
                        cat(escape(output.name), ": would be ", to_string(output.spec.shape),
                            ", the reference has ", to_string(entry.shape))});
    }
  }
  for (const std::string& name : wanted_names) {
    if (made.contains(name)) continue;
    faults.push_back(
        {Kind::kMissing, name, cat(escape(name), ": is in the reference and would be missing")});
  }
  return faults;
}

}  // namespace ckpt
