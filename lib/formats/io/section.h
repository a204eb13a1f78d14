#pragma once

#include <cstdint>
#include <memory>

#include "core/file.h"

namespace ckpt {

// A stretch of a file, read as a file of its own.
class Section final : public RandomFile {
 public:
  // REQUIRES: the stretch lies inside the file.
  Section(std::unique_ptr<RandomFile> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), offset_(offset), size_(size) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;

 private:
  std::unique_ptr<RandomFile> file_;
  std::uint64_t offset_;
  std::uint64_t size_;
};

}  // namespace ckpt
