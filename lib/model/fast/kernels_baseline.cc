#include <cstddef>

namespace ckpt::fast {
namespace {
constexpr std::size_t kLanes = 4;
}  // namespace
}  // namespace ckpt::fast

#include "model/fast/vector_kernels.h"

namespace ckpt::fast {
const Kernels kBaselineKernels = kTable;
}  // namespace ckpt::fast
