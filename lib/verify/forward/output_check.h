#pragma once

#include <optional>
#include <vector>

#include "model/forward.h"
#include "verify/verification.h"

namespace ckpt {

// Compares tensors pairwise, in order. REQUIRES: as many of both.
std::vector<OutputCheck> check_outputs(const std::vector<NamedTensor>& was,
                                       const std::vector<NamedTensor>& is,
                                       const Tolerance& tolerance);

// The worst of them; kIdentical where there is none.
Agreement agreement_of(const std::vector<OutputCheck>& checks);

// The first that differs by more than the tolerance allows, or else that differs at all.
std::optional<OutputCheck> first_difference(const std::vector<OutputCheck>& checks);

}  // namespace ckpt
