#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "dups/equal_tensors.h"
#include "dups/finding.h"

namespace ckpt {

// What `ckpt dups` is asked.
struct DupsRequest {
  bool near = false;    // also copies that differ by a cast or by little
  bool across = false;  // what is in several of the checkpoints, instead of what is twice in one
  bool deep = false;    // check stored digests
  std::uint64_t min_bytes = 64;   // smaller tensors are not compared by bytes
  std::vector<FindingCode> only;  // empty: all
  Progress progress = {};
};

// All that was found, of every confidence: who reports it chooses. Plain data.
struct Duplicates {
  std::vector<Finding> findings;   // the surest first, then by code and members
  std::vector<std::string> notes;  // what could not be looked at, a sentence each
  std::uint64_t variables = 0;     // that were looked at by name
  std::uint64_t compared = 0;      // of them, tensors that share dtype and shape with others
  std::uint64_t unread = 0;        // of those, the ones whose bytes cannot be read
  std::uint64_t bytes_read = 0;    // of tensors
};

// Searches one checkpoint for variables that are there twice, or with `across` several for what
// they share. The steps: candidates from the index alone; what has to be read of them; judgement by
// one table (verdict.h); rules. Uses all cores; its memory does not grow with the tensors.
// Throws what Reader::read() throws, but for tensors that cannot be read by design, which are
// notes. REQUIRES: one reader without `across`, two or more with it.
Duplicates find_duplicates(std::span<const Reader* const> readers, const DupsRequest& request);

}  // namespace ckpt
