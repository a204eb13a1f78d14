#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"

namespace ckpt {

// Which variables of a checkpoint are whole. Plain data.
struct Checkup {
  std::vector<std::size_t> whole;  // entries that were read from the first byte to the last
  std::vector<Loss> lost;          // what cannot be read, and why
  std::uint64_t others = 0;        // entries that are no tensors
};

// What the owner of a healthy file may want to mend. Plain data.
struct Upkeep {
  std::uint64_t spare_bytes = 0;   // that nothing in the file uses: a new file would be shorter
  std::vector<std::string> notes;  // what may soon stand in the way, a sentence each
};

// Reads every tensor. `progress` is told the bytes done and all of them. Throws Error(kIo) where
// the system cannot read; damage is in the result.
Checkup check_up(const Reader& reader,
                 const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

// What the whole variables are to be written as.
std::vector<VariableSpec> specs_of(const Checkup& checkup, const Index& index);

// Streams the whole variables to `writer`, which was made for specs_of(), and commits it.
void write_whole(const Checkup& checkup, const Reader& reader, Writer& writer);

}  // namespace ckpt
