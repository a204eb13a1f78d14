#include "model/fast/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace ckpt::fast {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kLargePage = std::size_t{1} << 21;

}  // namespace

Buffer::Buffer(std::size_t count) : size_(count) {
  const std::size_t bytes = count * sizeof(float);
  const std::size_t alignment = bytes < kLargePage ? kLine : kLargePage;
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  if (whole == 0) return;
  values_.reset(static_cast<float*>(std::aligned_alloc(alignment, whole)));
  if (values_ == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  // A wish: where it cannot be granted, small pages do.
  if (alignment == kLargePage) madvise(values_.get(), whole, MADV_HUGEPAGE);
#endif
  std::memset(values_.get(), 0, bytes);
}

void Buffer::Free::operator()(float* values) const { std::free(values); }

}  // namespace ckpt::fast
