#include "model/fast/thread_pool.h"

#include <chrono>

namespace ckpt::fast {
namespace {

// The parts of the state. Jobs are counted in what is left above, and may wrap around.
constexpr std::uint32_t kWorkers = 0xffff;
constexpr std::uint32_t kIsOpen = 0x10000;
constexpr std::uint32_t kIsOver = 0x20000;
constexpr std::uint32_t kJob = 0x40000;

// Waking a thread takes about as long as a small layer. So one looks out for this long before it
// sleeps, and gives the processor to whoever wants it every few looks.
constexpr std::chrono::microseconds kLookOut{100};
constexpr int kLooks = 64;

// Waits until is_there(state), and gives back that state.
template <typename F>
std::uint32_t wait_for(const std::atomic<std::uint32_t>& state, F is_there) {
  const auto end = std::chrono::steady_clock::now() + kLookOut;
  do {
    for (int look = 0; look < kLooks; ++look) {
      const std::uint32_t seen = state.load(std::memory_order_acquire);
      if (is_there(seen)) return seen;
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  while (true) {
    const std::uint32_t seen = state.load(std::memory_order_acquire);
    if (is_there(seen)) return seen;
    state.wait(seen);
  }
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) : ranges_(threads) {
  for (std::size_t worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  state_ |= kIsOver;
  state_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::take_chunks(std::size_t worker) {
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    Range& range = ranges_[(worker + i) % ranges_.size()];
    for (std::size_t chunk = range.next++; chunk < range.last; chunk = range.next++) {
      call_(self_, chunk, worker);
    }
  }
}

// A worker that wakes up after all chunks were taken finds the job closed, and nobody waits for it.
void ThreadPool::run_job(std::size_t count, void* self, Call call) {
  self_ = self;
  call_ = call;
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    ranges_[i].next.store(i * count / ranges_.size(), std::memory_order_relaxed);
    ranges_[i].last = (i + 1) * count / ranges_.size();
  }
  state_ += kJob | kIsOpen;
  state_.notify_all();
  take_chunks(0);
  state_ -= kIsOpen;
  wait_for(state_, [](std::uint32_t state) { return (state & kWorkers) == 0; });
}

void ThreadPool::work(std::size_t worker) {
  std::uint32_t last = 0;  // the job it was in
  while (true) {
    std::uint32_t seen = wait_for(state_, [last](std::uint32_t state) {
      return (state & kIsOver) != 0 || ((state & kIsOpen) != 0 && state / kJob != last);
    });
    if ((seen & kIsOver) != 0) return;
    if (!state_.compare_exchange_strong(seen, seen + 1)) continue;
    last = seen / kJob;
    take_chunks(worker);
    --state_;
    state_.notify_all();
  }
}

}  // namespace ckpt::fast
