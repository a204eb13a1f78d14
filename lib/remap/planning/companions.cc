#include <algorithm>
#include <map>
#include <tuple>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "remap/planning/draft.h"
#include "scope/owner.h"

namespace ckpt {
namespace {

// Companions of the members of one joined variable that belong together: those whose names are
// alike around the members'.
struct Frame {
  std::size_t transform;
  std::string before;
  std::string after;
  bool is_flattened;
  friend auto operator<=>(const Frame&, const Frame&) = default;
};

class CompanionPlanner {
 public:
  explicit CompanionPlanner(Draft& draft) : draft_(draft) {}

  void run() {
    std::vector<Leaf> leaves;
    std::vector<Role> roles;
    for (const Source& source : draft_.sources) {
      const Entry& entry = draft_.entries[source.entry];
      leaves.push_back({source.name, &entry.shape});
      roles.push_back(entry.role);
    }
    owners_ = owners_of(leaves, roles, draft_.rules.separator);
    for (std::size_t s = 0; s < owners_.size(); ++s) {
      if (!owners_[s] || draft_.decisions[s].is_made) continue;
      const Decision& of_owner = draft_.decisions[owners_[s]->leaf];
      if (of_owner.is_made && of_owner.why == Why::kRule) follow_owner(s, of_owner);
    }
    for (const auto& [frame, members] : joined_) join(frame, members);
  }

 private:
  void decide(std::size_t s, std::int32_t rule) {
    Decision& decision = draft_.decisions[s];
    decision.is_made = true;
    decision.why = Why::kCompanion;
    decision.rule = rule;
  }

  [[nodiscard]] std::string new_name(std::size_t s, std::string_view owner_name) const {
    return follow(draft_.sources[s].name, *owners_[s], owner_name, draft_.rules.separator);
  }

  void follow_owner(std::size_t s, const Decision& of_owner) {
    if (of_owner.is_drop) {
      decide(s, of_owner.rule);
      draft_.decisions[s].is_drop = true;
      return;
    }
    if (of_owner.transform == kNoIndex) {
      decide(s, of_owner.rule);
      draft_.decisions[s].to = draft_.plan.strings.add(new_name(s, of_owner.to));
      return;
    }
    const auto t = static_cast<std::size_t>(of_owner.transform);
    if (draft_.plan.transforms[t].from.size() > 1) {
      const Owner& owner = *owners_[s];
      const std::string_view name = draft_.sources[s].name;
      joined_[{t, std::string(name.substr(0, owner.at)),
               std::string(name.substr(owner.at + owner.length)), owner.is_flattened}]
          .push_back(s);
    } else {
      transform(t, {s});
    }
  }

  // What the variable's operations are for its companions: the same but for casts, since the type
  // of an average or a moment is its own.
  [[nodiscard]] std::vector<Op> ops_for(const Transform& of_owner) const {
    std::vector<Op> ops;
    for (const Op& op : of_owner.ops) {
      if (op.kind != OpKind::kCast) ops.push_back(op);
    }
    return ops;
  }

  void join(const Frame& frame, const std::vector<std::size_t>& members) {
    const Transform& of_owner = draft_.plan.transforms[frame.transform];
    std::vector<std::size_t> ordered;
    for (const std::string& owner : of_owner.from) {
      for (const std::size_t s : members) {
        if (draft_.sources[owners_[s]->leaf].name == owner) ordered.push_back(s);
      }
    }
    if (ordered.size() == of_owner.from.size()) {
      transform(frame.transform, ordered);
      return;
    }
    refuse(frame.transform, ordered, "not all of the joined variables have one");
  }

  void refuse(std::size_t t, const std::vector<std::size_t>& members, std::string_view why) {
    std::vector<std::string> names;
    for (const std::size_t s : members) names.emplace_back(draft_.sources[s].name);
    const std::int32_t rule = draft_.plan.transforms[t].rule;
    draft_.add_problem(
        ProblemCode::kCompanion,
        cat(list_names(names), " cannot follow '", escape(draft_.plan.transforms[t].from[0]),
            "' through ", describe(draft_.rules, static_cast<std::size_t>(rule)), ": ", why,
            "; drop them, or leave companions where they are"),
        names);
  }

  void transform(std::size_t t, const std::vector<std::size_t>& members) {
    const Transform of_owner = draft_.plan.transforms[t];  // the list grows below
    Transform made;
    made.rule = of_owner.rule;
    made.ops = ops_for(of_owner);
    bool same_shape = true;
    for (const std::size_t s : members) {
      const Entry& entry = draft_.entries[draft_.sources[s].entry];
      made.from.emplace_back(draft_.sources[s].name);
      made.entries.push_back(draft_.sources[s].entry);
      made.before.push_back({entry.dtype, entry.shape});
      same_shape = same_shape && owners_[s]->same_shape;
    }
    const bool is_single = members.size() == 1 && of_owner.to.size() == 1;
    const bool is_plain = is_single && (made.ops.empty() || made.before[0].shape.empty());
    if (is_plain) {
      decide(members[0], of_owner.rule);
      draft_.decisions[members[0]].to =
          draft_.plan.strings.add(new_name(members[0], of_owner.to[0].name));
      return;
    }
    if (!same_shape) {
      refuse(t, members, "its shape is another");
      return;
    }
    try {
      ResolvedOps resolved = resolve_ops(made.ops, made.before, of_owner.to.size());
      made.ops = std::move(resolved.ops);
      for (std::size_t i = 0; i < of_owner.to.size(); ++i) {
        made.to.push_back({new_name(members[0], of_owner.to[i].name), resolved.after[i]});
      }
    } catch (const Error& e) {
      refuse(t, members, e.what());
      return;
    }
    for (const std::size_t s : members) {
      decide(s, of_owner.rule);
      draft_.decisions[s].transform = static_cast<std::int32_t>(draft_.plan.transforms.size());
      if (is_single) draft_.decisions[s].to = draft_.plan.strings.add(made.to[0].name);
    }
    draft_.plan.transforms.push_back(std::move(made));
  }

  Draft& draft_;
  std::vector<std::optional<Owner>> owners_;
  std::map<Frame, std::vector<std::size_t>> joined_;
};

}  // namespace

void add_companions(Draft& draft) {
  const auto is_companion = [](const Entry& entry) {
    return entry.role == Role::kSlot || entry.role == Role::kAverage;
  };
  if (std::ranges::any_of(draft.entries, is_companion)) CompanionPlanner(draft).run();
}

}  // namespace ckpt
