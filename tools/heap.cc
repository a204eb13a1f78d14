#include "heap.h"

#include <cstddef>
#include <cstdint>

#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#endif

namespace ckpt {

#ifdef __GLIBC__

void set_up_heap() {
  constexpr int kStep = 64 << 20;
  constexpr std::uintptr_t kLargePage = 2 << 20;
  constexpr std::uintptr_t kSmall = 12 << 20;
  ::mallopt(M_TOP_PAD, kStep);
  ::mallopt(M_TRIM_THRESHOLD, INT32_MAX);
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that it takes
  // The first 12 MiB are for commands on small files: they would wait for large pages to be
  // cleared.
  const auto first = reinterpret_cast<std::uintptr_t>(::sbrk(0)) + kSmall;
  void* volatile piece = std::malloc(1 << 20);  // makes a step
  std::free(piece);
  const auto last = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  const std::uintptr_t start = (first + kLargePage - 1) / kLargePage * kLargePage;
  if (start < last) ::madvise(reinterpret_cast<void*>(start), last - start, MADV_HUGEPAGE);
}

void give_free_memory_back() {
  ::malloc_trim(0);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

#else

void set_up_heap() {}
void give_free_memory_back() {}

#endif

void leave_to_the_system(std::unique_ptr<Reader> reader) {
  [[maybe_unused]] static Reader* kept = nullptr;  // seen by those who look for leaks
  kept = reader.release();
}

}  // namespace ckpt
