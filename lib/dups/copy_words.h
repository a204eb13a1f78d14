#pragma once

#include <string>
#include <vector>

#include "dups/copy_findings.h"

namespace ckpt {

// What is known of a pair of copies in sentences with numbers: structure, bytes, optimizer slots,
// likeness to initializers, counters. Reads samples of what it compares.
std::vector<std::string> evidence_words(const Subject& subject, const CopyPair& pair,
                                        const Choice& decision);

}  // namespace ckpt
