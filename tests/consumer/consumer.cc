#include <cstdio>

#include "checkpoint/memory_checkpoint.h"

// Uses the library as a stranger would: makes a checkpoint in memory and reads it.
int main() {
  ckpt::MemoryCheckpoint checkpoint;
  const float values[] = {1, 2, 3};
  checkpoint.add("dense/bias", ckpt::make_tensor({3}, values));
  const auto reader = ckpt::open_memory(checkpoint);
  std::puts(reader->index().entries.at(0).name.c_str());
}
