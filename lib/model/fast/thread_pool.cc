#include "model/fast/thread_pool.h"

#include <chrono>

namespace ckpt::fast {
namespace {

// Waking a thread takes about as long as a small layer. So one looks out for this long, giving the
// processor to whoever wants it each time, before it sleeps.
constexpr std::chrono::microseconds kLookOut{100};

template <typename F>
void look_out(F&& is_there) {
  const auto end = std::chrono::steady_clock::now() + kLookOut;
  while (!is_there() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  for (std::size_t worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::take_chunks(std::size_t worker) {
  for (std::size_t chunk = next_++; chunk < count_; chunk = next_++) call_(self_, chunk, worker);
}

// A worker that wakes up after all chunks were taken finds the job closed, and nobody waits for it.
void ThreadPool::run_job(std::size_t count, void* self, Call call) {
  {
    const std::lock_guard lock(mutex_);
    count_ = count;
    self_ = self;
    call_ = call;
    next_ = 0;
    is_open_ = true;
  }
  wake_.notify_all();
  take_chunks(0);
  std::unique_lock lock(mutex_);
  is_open_ = false;
  lock.unlock();
  look_out([this] { return active_ == 0; });
  lock.lock();
  done_.wait(lock, [this] { return active_ == 0; });
}

void ThreadPool::work(std::size_t worker) {
  std::unique_lock lock(mutex_, std::defer_lock);
  while (true) {
    look_out([this] { return is_open_ && next_ < count_; });
    lock.lock();
    wake_.wait(lock, [this] { return is_over_ || (is_open_ && next_ < count_); });
    if (is_over_) return;
    ++active_;
    lock.unlock();
    take_chunks(worker);
    lock.lock();
    if (--active_ == 0) done_.notify_one();
    lock.unlock();
  }
}

}  // namespace ckpt::fast
