#pragma once

#include <span>
#include <string>
#include <vector>

#include "checkpoint/entry.h"
#include "remap/plan.h"
#include "remap/rule.h"

namespace ckpt {

// A rule that has no inverse.
struct Offender {
  std::size_t rule = 0;
  std::string why;
  bool needs_file = false;  // it may have one, once the shapes and dtypes of a file are known

  friend bool operator==(const Offender&, const Offender&) = default;
};

// Rules that lead back, as far as each rule allows it by itself.
struct Inversion {
  Rules rules;                      // those with more literal text first, since targets may overlap
  std::vector<Offender> offenders;  // by rule; complete where empty
};

// Swaps each rule. `entries` are the variables of a file before the rules, if there is one: they
// tell the sizes that a concat joined, the shape before a reshape, the dtype before a cast.
// That the result does lead back on a given file is for prove_round_trip() to say.
Inversion invert(const Rules& rules, std::span<const Entry> entries = {},
                 const PlanOptions& options = {});

// A name that does not come back.
struct RoundTripFault {
  std::string name;
  std::string became;    // empty where it was dropped
  std::string returned;  // empty where it was dropped on the way back
};

struct RoundTrip {
  std::vector<RoundTripFault> faults;
  std::vector<Problem> problems;  // of the way there, or else of the way back
  [[nodiscard]] bool holds() const { return faults.empty() && problems.empty(); }
};

// Applies `rules` and then `inverse` to the variables of a file, by name, dtype and shape, and
// names all that do not come back as they were: a name that passed through untouched may look like
// what a rule made.
RoundTrip prove_round_trip(std::span<const Entry> entries, const Rules& rules, const Rules& inverse,
                           const PlanOptions& options = {});

}  // namespace ckpt
