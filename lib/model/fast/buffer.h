#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace ckpt::fast {

// Floats, zero at first, that begin on a cache line.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t count)
      : values_(static_cast<float*>(::operator new(count * sizeof(float), kLine))), size_(count) {
    std::memset(values_.get(), 0, count * sizeof(float));
  }

  [[nodiscard]] float* data() { return values_.get(); }
  [[nodiscard]] const float* data() const { return values_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(float* values) const { ::operator delete(values, kLine); }
  };
  std::unique_ptr<float, Free> values_;
  std::size_t size_ = 0;
};

}  // namespace ckpt::fast
