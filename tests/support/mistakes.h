#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "dups/finding.h"

// Checkpoints with mistakes whose answers are known: each mistake is made with the project's own
// scope engine, as the programs of the reports made it. And checkpoints in which nothing is wrong.

// A mistake and what should be said of it.
struct Label {
  ckpt::FindingCode code = ckpt::FindingCode::kGhostTwin;
  // The variables to drop; where nothing is to be dropped, those that it is about.
  std::set<std::string> redundant = {};
  std::set<std::string> live = {};  // those to keep, where some are
  bool is_either = false;           // nothing in the file tells which of the two to drop
  // How sure one can be by what a file shows.
  ckpt::Confidence expected = ckpt::Confidence::kStrong;
};
struct Labelled {
  std::string what;
  ckpt::MemoryCheckpoint checkpoint;
  std::vector<Label> labels;  // empty for a legitimate one
};

// One mistake of that class on a drawn network: in one of the ways it comes about, drawn too.
Labelled make_mistake(ckpt::FindingCode code, std::uint64_t seed);

// Several networks in one file, two or three with a mistake that leaves a copy (never trained,
// equal or rebuilt), one with none.
Labelled make_several_mistakes(std::uint64_t seed);

// A checkpoint in which nothing is wrong, of the kind `kind`, 0 … legitimate_kinds() - 1.
int legitimate_kinds();
std::string legitimate_kind(int kind);
Labelled make_legitimate(int kind, std::uint64_t seed);

// The checkpoint as an export to a format has it where names are divided by dots.
Labelled with_dots(Labelled labelled);
