#include "verify/diagnosing/patched_reader.h"

#include <algorithm>
#include <cassert>

namespace ckpt {

void PatchedReader::replace(std::string_view name, Tensor tensor) {
  const auto entry = base_.find(name);
  assert(entry.has_value());
  assert(base_.index().entries[*entry].shape == tensor.shape);
  replaced_.insert_or_assign(*entry, std::move(tensor));
}

void PatchedReader::do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const {
  const auto it = replaced_.find(i);
  if (it == replaced_.end()) return base_.read(i, first, out);
  const Tensor& tensor = it->second;
  const auto offset = static_cast<std::ptrdiff_t>(first * size_of(tensor.dtype));
  std::copy_n(tensor.bytes.begin() + offset, out.size(), out.begin());
}

}  // namespace ckpt
