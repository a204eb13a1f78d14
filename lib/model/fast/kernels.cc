#include "model/fast/kernels.h"

#include "model/instruction_set.h"

namespace ckpt::fast {

const Kernels& kernels_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::kBaseline:
      break;
#if defined(__x86_64__)
    case InstructionSet::kV3:
      return kV3Kernels;
    case InstructionSet::kV4:
      return kV4Kernels;
#else
    case InstructionSet::kV3:
    case InstructionSet::kV4:
      break;
#endif
  }
  return kBaselineKernels;
}

}  // namespace ckpt::fast
