#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace ckpt::fast {

// Threads that share the chunks of a loop. Those without work sleep, after a look out of a tenth of
// a millisecond: a thread that spins takes the processor from those that compute, on a machine that
// does other things as well. Whoever is free
// takes the next chunk, so a thread that is held up delays one chunk and no more.
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

  void run_job(std::size_t count, void* self, Call call);
  void work(std::size_t worker);
  void take_chunks(std::size_t worker);

  std::mutex mutex_;
  std::condition_variable wake_;  // of workers
  std::condition_variable done_;  // of the thread that called run()
  bool is_over_ = false;
  // Changed under the mutex; looked at without it, too.
  std::atomic<bool> is_open_{false};    // a job may be joined
  std::atomic<std::size_t> active_{0};  // workers in the job
  std::atomic<std::size_t> count_{0};
  void* self_ = nullptr;
  Call call_ = nullptr;
  std::atomic<std::size_t> next_{0};
  std::vector<std::thread> workers_;
};

}  // namespace ckpt::fast
