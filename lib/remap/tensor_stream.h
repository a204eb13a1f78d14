#pragma once

#include <cstdint>
#include <functional>

#include "checkpoint/reader.h"
#include "remap/plan.h"

namespace ckpt {

inline constexpr std::uint64_t kStreamBlock = std::uint64_t{8} << 20;

// Computes output `target` of a transform and hands its bytes to `sink`, in order. No tensor is
// ever held whole: of each block of `block_bytes` of the output it is found out which boxes of
// which sources it is made of, and those are read. Memory is a few blocks, whatever the tensors'
// size and the number of operations (and what the reader needs, see Reader::read).
//
// All operations but cast move elements without changing them, and all but reshape turn boxes into
// boxes; a reshape turns runs into runs, of which a box has several.
// Throws what the reader throws. REQUIRES: the transform is of a plan of that reader's index.
void stream_output(const Reader& reader, const Transform& transform, std::size_t target,
                   const std::function<void(ByteView)>& sink,
                   std::uint64_t block_bytes = kStreamBlock);

}  // namespace ckpt
