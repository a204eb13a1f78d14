#pragma once

#include <span>
#include <vector>

#include "dups/copy_findings.h"
#include "dups/twin_groups.h"

namespace ckpt {

// Copies that are worth a judgement, out of groups that names and shapes propose: in each, what was
// never trained goes with what was. Groups of which all were trained are read no further than to
// know that; of two that were, the values are compared.
std::vector<CopyPair> twin_pairs(const Subject& subject, std::span<const TwinGroup> groups);

}  // namespace ckpt
