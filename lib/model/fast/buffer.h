#pragma once

#include <cstddef>
#include <memory>

namespace ckpt::fast {

// Floats, zero at first, that begin on a cache line. Large ones lie in large pages where the system
// has such: a network's variables are read from end to end, and looking up small pages takes time.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t count);

  [[nodiscard]] float* data() { return values_.get(); }
  [[nodiscard]] const float* data() const { return values_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(float* values) const;
  };
  std::unique_ptr<float, Free> values_;
  std::size_t size_ = 0;
};

}  // namespace ckpt::fast
