#pragma once

#include <map>
#include <string>

#include "core/bytes.h"

// What a checkpoint holds: each variable's name with its bytes; and whether it was read in the
// state that recovering an interrupted edit would leave.
struct Contents {
  std::map<std::string, ckpt::Bytes> tensors;
  bool was_interrupted = false;
};

// Throws what opening and reading it throws.
Contents contents_of(const std::string& path);
