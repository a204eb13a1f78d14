#pragma once

#include <span>
#include <string>
#include <vector>

#include "dups/finding.h"

namespace ckpt {

// The rules that mend findings, as one map for `ckpt remap`: those that are offered unasked, and
// with `all` those on request of findings of `least` or above. REQUIRES: the surest findings first.
//
// What several findings would drop is dropped by one rule, and drops come before moves, so that no
// rule is left without a name to match. A finding whose rules would drop what a surer one keeps is
// left out: no two findings together may take both copies.
std::vector<std::string> fix_rules(std::span<const Finding> findings, bool all, Confidence least);

}  // namespace ckpt
