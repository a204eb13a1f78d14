#include "model/instruction_set.h"

namespace ckpt {

std::string_view name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::kBaseline:
      return "baseline";
    case InstructionSet::kV3:
      return "x86-64-v3";
    case InstructionSet::kV4:
      return "x86-64-v4";
  }
  return "";
}

const std::vector<InstructionSet>& available_instruction_sets() {
  static const std::vector<InstructionSet> kSets = [] {
    std::vector<InstructionSet> sets{InstructionSet::kBaseline};
#if defined(__x86_64__)
    const bool is_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("bmi2");
    const bool is_v4 = is_v3 && __builtin_cpu_supports("avx512f") &&
                       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (is_v3) sets.push_back(InstructionSet::kV3);
    if (is_v4) sets.push_back(InstructionSet::kV4);
#endif
    return sets;
  }();
  return kSets;
}

}  // namespace ckpt
