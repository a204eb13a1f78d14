#pragma once

#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"

// Applies rules of `ckpt remap` to a checkpoint in memory: whole names, prefixes that end in the
// separator, "SCOPE/{_:path} = -", "SCOPE.{_} = -" and drops, which is all that findings use. It
// shares no code with the product. Throws std::runtime_error for a rule that it does not know or
// that matches nothing.
ckpt::MemoryCheckpoint apply_rules(const ckpt::MemoryCheckpoint& checkpoint,
                                   const std::vector<std::string>& rules);
