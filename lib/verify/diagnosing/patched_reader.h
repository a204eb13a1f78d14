#pragma once

#include <map>
#include <string>

#include "checkpoint/reader.h"

namespace ckpt {

// A checkpoint as it would be with some tensors replaced: what "if this one were right" is tried
// on. `base` must outlive it.
class PatchedReader final : public Reader {
 public:
  explicit PatchedReader(const Reader& base) : base_(base) {}

  // REQUIRES: the variable is there, with the tensor's dtype and shape.
  void replace(std::string_view name, Tensor tensor);

  [[nodiscard]] const Index& index() const override { return base_.index(); }
  [[nodiscard]] Details details(std::size_t i) const override { return base_.details(i); }

 private:
  void do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const override;

  const Reader& base_;
  std::map<std::size_t, Tensor> replaced_;  // by entry
};

}  // namespace ckpt
