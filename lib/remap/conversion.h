#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "remap/plan.h"

namespace ckpt {

// Elements of one type become another, wherever they are.
struct TypeCast {
  DType from = DType::kF32;
  DType to = DType::kF32;
};

struct ConversionOptions {
  char separator = '/';         // of the target's names
  std::vector<TypeCast> casts;  // for types that the target does not have
  bool tensors_only = false;    // leave out what is no tensor
};

// What a planned remap becomes when it is written as another kind of file: all variables in their
// order, each with its source. Plain data; it holds every problem.
struct Conversion {
  struct Variable {
    std::string from;                   // the name in the source, of several the first
    VariableSpec target;                // with the target's separator
    std::size_t entry = 0;              // position in the source's index, where the bytes stay
    std::int32_t transform = kNoIndex;  // of `transforms`, else
    std::size_t output = 0;             // of that transform
  };
  std::vector<Variable> variables;
  std::vector<Transform> transforms;  // the plan's, and casts
  std::vector<std::string> problems;  // empty where it can be carried out
  std::vector<std::string> notes;     // what is written twice, and what is left out
};

// REQUIRES: the plan is of `index` and has no problems.
Conversion make_conversion(const Plan& plan, const Index& index, const ConversionOptions& options);

// Streams every tensor to `writer`, made of the conversion's targets in their order, and commits
// it. `progress` is told the bytes done and all of them. Throws what reader and writer throw.
void carry_out(const Conversion& conversion, const Reader& reader, Writer& writer,
               const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace ckpt
