#pragma once

#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"

// The checkpoint as `ckpt remap` would leave it: the rules that a finding proposes, planned as the
// command plans them and carried out in memory. Throws where the plan has a problem, such as a rule
// that matches nothing.
ckpt::MemoryCheckpoint apply_rules(const ckpt::MemoryCheckpoint& checkpoint,
                                   const std::vector<std::string>& rules);
