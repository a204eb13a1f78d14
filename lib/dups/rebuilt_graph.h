#pragma once

#include <functional>
#include <vector>

#include "dups/copy_findings.h"

namespace ckpt {

// A whole model there twice or more, by numbers behind its names or under "import/", with its step
// counter or its optimizer's powers of beta: a graph that was built again beside a restored one.
// The model may be all of the file, or a scope that has counters of its own: each has its pairs,
// every further copy with the one to keep. `are_equal` tells of two entries whether their bytes are
// known to be the same.
std::vector<std::vector<CopyPair>> rebuilt_pairs(
    const Subject& subject, const std::function<bool(std::size_t, std::size_t)>& are_equal);

}  // namespace ckpt
