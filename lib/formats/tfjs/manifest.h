#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/entry.h"

namespace ckpt::tfjs {

// A variable as a manifest describes it.
struct Weight {
  std::string name;
  Shape shape;
  DType dtype = DType::kF32;  // as stored
  std::string native_dtype;   // "float32 as uint8" where it is quantised
  std::uint64_t elements = 0;
  std::vector<Details::Attribute> attributes;
  bool scaled = false;  // stored numbers are not the values
};

// Variables whose bytes lie end to end in files that lie end to end.
struct Group {
  std::vector<std::string> paths;
  std::vector<Weight> weights;
};

// Reads a manifest: a list of groups. Throws Error(kCorrupt), kUnsupported for unknown types.
std::vector<Group> read_manifest(const nlohmann::json& manifest);

}  // namespace ckpt::tfjs
