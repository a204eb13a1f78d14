#if defined(__x86_64__)
#include <cstddef>

namespace ckpt::fast {
namespace {
constexpr std::size_t kLanes = 8;
}  // namespace
}  // namespace ckpt::fast

#include "model/fast/vector_kernels.h"

namespace ckpt::fast {
const Kernels kV3Kernels = kTable;
}  // namespace ckpt::fast
#endif
