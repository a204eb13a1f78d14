#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace ckpt::fast {

// Threads that share the chunks of a loop. Each begins with a range of its own, the same fraction
// of every loop, so that it finds in its cache what it wrote in the loop before; who is done takes
// from the others' ranges, so a thread that is held up delays one chunk and no more. Those without
// work sleep, after they have looked out for a moment: a thread that spins takes the processor from
// those that compute, on a machine that does other things as well.
class ThreadPool {
 public:
  // `threads` with the one that calls run(). REQUIRES: at least one.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] std::size_t size() const { return workers_.size() + 1; }

  // f(chunk, worker) for each chunk below `count`, in any order; returns when all are done. The
  // worker, below size(), has no two chunks at once. Allocates nothing. REQUIRES: f does not throw.
  template <typename F>
  void run(std::size_t count, F f) {
    if (workers_.empty() || count <= 1) {
      for (std::size_t chunk = 0; chunk < count; ++chunk) f(chunk, std::size_t{0});
      return;
    }
    run_job(count, &f, [](void* self, std::size_t chunk, std::size_t worker) {
      (*static_cast<F*>(self))(chunk, worker);
    });
  }

 private:
  using Call = void (*)(void* self, std::size_t chunk, std::size_t worker);

  // A thread's own chunks of the job, in a cache line of its own.
  struct alignas(64) Range {
    std::atomic<std::size_t> next{0};
    std::size_t last = 0;
  };

  void run_job(std::size_t count, void* self, Call call);
  void work(std::size_t worker);
  void take_chunks(std::size_t worker);

  // The number of the job, whether it may still be joined, and how many workers are in it: one
  // word, so that each of these is known when one of them changes.
  alignas(64) std::atomic<std::uint32_t> state_{0};
  void* self_ = nullptr;
  Call call_ = nullptr;
  std::vector<Range> ranges_;
  std::vector<std::thread> workers_;
};

}  // namespace ckpt::fast
