#pragma once

#include <map>
#include <string>
#include <vector>

#include "checkpoint/memory_checkpoint.h"
#include "core/text.h"
#include "remap/plan.h"

// What the tests of remap/ share: checkpoints by names alone, and short forms of what a plan says.

struct Spec {
  std::string name;
  ckpt::Shape shape = {2};
  ckpt::DType dtype = ckpt::DType::kF32;
  std::vector<std::string> aliases = {};
};

// The index entries of a checkpoint in memory that holds those variables.
inline std::vector<ckpt::Entry> entries_of(const std::vector<Spec>& specs, char separator = '/') {
  ckpt::MemoryCheckpoint checkpoint;
  checkpoint.separator = separator;
  for (const Spec& spec : specs) {
    ckpt::Tensor tensor{spec.dtype, spec.shape,
                        ckpt::Bytes(ckpt::tensor_bytes(spec.dtype, spec.shape))};
    checkpoint.variables.push_back({spec.name, std::move(tensor), spec.aliases});
  }
  return ckpt::open_memory(checkpoint)->index().entries;
}

inline std::vector<ckpt::Entry> named(const std::vector<std::string>& names, char separator = '/') {
  std::vector<Spec> specs;
  for (const std::string& name : names) specs.push_back({name});
  return entries_of(specs, separator);
}

// "a > b" for each move that changes a name, "a > -" for one that drops.
inline std::vector<std::string> changes_of(const ckpt::Plan& plan) {
  std::vector<std::string> out;
  for (const ckpt::Move& move : plan.moves) {
    if (!is_unchanged(move))
      out.push_back(ckpt::cat(move.from, " > ", is_drop(move) ? "-" : move.to));
  }
  return out;
}

inline std::vector<std::string> messages_of(const ckpt::Plan& plan) {
  std::vector<std::string> out;
  for (const ckpt::Problem& problem : plan.problems) {
    out.push_back(std::string(name_of(problem.code)) + ": " + problem.message);
  }
  return out;
}

using Strings = std::vector<std::string>;
