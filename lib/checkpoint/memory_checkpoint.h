#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"

namespace ckpt {

// A checkpoint in memory: for programs that make one, and for tests without files.
struct MemoryCheckpoint {
  struct Variable {
    std::string name;
    Tensor tensor;
    std::vector<std::string> aliases;
  };
  std::vector<Variable> variables;
  char separator = '/';

  void add(std::string name, Tensor tensor) {
    variables.push_back({std::move(name), std::move(tensor), {}});
  }
};

// Reads from `checkpoint`, which must outlive the reader and stay as it is. Throws Error(kConflict)
// where a name occurs twice, Error(kInvalid) where a tensor's bytes are not those of its shape.
std::unique_ptr<Reader> open_memory(const MemoryCheckpoint& checkpoint);

// Writes to `target`, which must outlive the writer and is replaced by commit().
std::unique_ptr<Writer> create_memory(MemoryCheckpoint& target, std::vector<VariableSpec> specs);

}  // namespace ckpt
