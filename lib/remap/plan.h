#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/entry.h"
#include "core/string_pool.h"
#include "remap/problem.h"
#include "remap/rule.h"

namespace ckpt {

// What becomes of a name that no rule claims.
enum class Rest : std::uint8_t { kKeep, kDrop, kError };

// What the target can hold.
struct TargetLimits {
  // May a name be a variable and a scope at once, as "dense/kernel" and "dense/kernel/Adam" are?
  bool variable_beside_scope = false;
  bool case_pairs = false;       // may two names differ in case only?
  bool empty_segments = false;   // "a//b", "/a"
  bool dot_segments = false;     // "a/./b": HDF5 takes "." for the scope itself
  bool utf8_only = false;        // JSON headers
  std::size_t longest_name = 0;  // in bytes; 0 for no limit
};

struct PlanOptions {
  Rest rest = Rest::kKeep;
  bool companions = true;  // do slots and averages follow their variable?
  TargetLimits target;
};

// In place of a number: no rule, no transform.
inline constexpr std::int32_t kNoIndex = -1;

// Why a name goes where it goes.
enum class Why : std::uint8_t {
  kRule,       // a rule claims it
  kCompanion,  // it follows the variable whose slot or average it is
  kRest,       // no rule claims it
};

// One name of the source and one name of the target, in Plan::strings. A joined variable has the
// same `to` as the other members, a divided one a move for each part.
struct Move {
  std::string_view from;
  std::string_view to;    // empty: dropped
  std::size_t entry = 0;  // position of the variable in the source's index
  Why why = Why::kRest;
  bool is_alias = false;              // `from` is another name of that variable
  std::int32_t rule = kNoIndex;       // that decided; a companion's is its variable's
  std::int32_t transform = kNoIndex;  // in Plan::transforms, where the values are changed

  friend bool operator==(const Move&, const Move&) = default;
};

inline bool is_drop(const Move& move) { return move.to.empty(); }
inline bool is_unchanged(const Move& move) {
  return move.transform == kNoIndex && move.from == move.to;
}

// A variable of the outcome.
struct PlannedVariable {
  std::string name;
  TensorSpec spec;

  friend bool operator==(const PlannedVariable&, const PlannedVariable&) = default;
};

// Tensors that are made from others. The operations are resolved: they need nothing but the
// tensors.
struct Transform {
  std::vector<std::string> from;     // the members in the order of joining
  std::vector<std::size_t> entries;  // their positions in the source's index
  std::vector<TensorSpec> before;    // of each member
  std::vector<Op> ops;
  std::vector<PlannedVariable> to;
  std::int32_t rule = kNoIndex;

  friend bool operator==(const Transform&, const Transform&) = default;
};

// Names that `rule` matches too, but that an earlier one claimed.
struct Shadow {
  std::size_t rule = 0;
  std::size_t by = 0;
  std::size_t count = 0;
  std::string example;

  friend bool operator==(const Shadow&, const Shadow&) = default;
};

// All that a remap will do, decided before a byte is written. Plain data: it can be printed,
// compared in a test and executed. It holds every problem, not the first, so that one run shows the
// user all there is to mend.
struct Plan {
  std::vector<Move>
      moves;  // of every name of the source, in its order; aliases behind their variable
  std::vector<Transform> transforms;
  std::vector<PlannedVariable> drops;  // names that go, as they were
  std::vector<std::size_t> claims;     // for each rule, how many names it claims
  std::vector<Shadow> shadows;         // by rule, then by the rule that shadows it
  std::vector<Problem> problems;       // empty where the plan can be executed
  std::vector<std::string> notes;      // oddities that stop nothing, a sentence each
  StringPool strings;                  // that the moves have their names in
  // No rule matches, and the targets of all that must match are there: the work was done before.
  // Then there are no problems and nothing changes.
  bool already_migrated = false;
};

// Decides what becomes of each name. All rules see the original names and act at once; the first
// that matches a name claims it. Collisions, missing members, shapes that do not fit and all else
// that a user can mend are problems in the plan, not exceptions.
// Throws Error(kUnsupported) where a rule cannot be matched in a million steps.
Plan make_plan(std::span<const Entry> entries, const Rules& rules, const PlanOptions& options = {});

// Does the plan change any name or value?
bool has_changes(const Plan& plan);

// The variables of the outcome, in the order of the moves that make them, aliases left out.
std::vector<PlannedVariable> outcome_of(const Plan& plan, std::span<const Entry> entries);

}  // namespace ckpt
