#pragma once

#include <functional>
#include <vector>

#include "dups/copy_findings.h"

namespace ckpt {

// The whole model there twice or more, by numbers behind its names or under "import/", with its
// step counter or its optimizer's powers of beta: a graph that was built again beside a restored
// one. Each further copy is a pair with the first. `are_equal` tells of two entries whether their
// bytes are known to be the same.
std::vector<CopyPair> rebuilt_pairs(const Subject& subject,
                                    const std::function<bool(std::size_t, std::size_t)>& are_equal);

}  // namespace ckpt
