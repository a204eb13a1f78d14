#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ckpt {

// The instructions that the fast engine's kernels are compiled for. Results of kV3 and kV4 are
// equal bit for bit; kBaseline, which may have no fused multiply-add, rounds more often.
enum class InstructionSet : std::uint8_t {
  kBaseline,  // any processor of this architecture: SSE2 on x86-64, NEON on arm64
  kV3,        // x86-64-v3: AVX2 and FMA
  kV4,        // x86-64-v4: AVX-512
};

std::string_view name_of(InstructionSet set);

// Those that this processor has, the fastest last.
const std::vector<InstructionSet>& available_instruction_sets();

}  // namespace ckpt
