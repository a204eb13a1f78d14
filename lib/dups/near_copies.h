#pragma once

#include <vector>

#include "dups/finding.h"
#include "dups/subject.h"

namespace ckpt {

// Variables whose values are those of another one after a cast, or within a hundredth of its
// length: halves and quantised copies, averages under names of their own, networks some updates
// apart. By samples of 1,024 values; one finding for each two scopes.
std::vector<Finding> find_near_copies(const Subject& subject);

}  // namespace ckpt
