#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/file.h"

namespace ckpt {

// Files end to end, read as one.
class Chain final : public RandomFile {
 public:
  // Appends a file; `name` is put in front of what goes wrong with it.
  void add(std::unique_ptr<RandomFile> file, std::string name);

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> out) const override;

 private:
  struct Link {
    std::unique_ptr<RandomFile> file;
    std::string name;
    std::uint64_t start = 0;
  };

  std::vector<Link> links_;
  std::uint64_t size_ = 0;
};

}  // namespace ckpt
