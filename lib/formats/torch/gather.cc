#include "formats/torch/gather.h"

#include <algorithm>

namespace ckpt::torch {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::size_t kPages = 8192;

}  // namespace

void PageCache::fetch(std::size_t storage, std::uint64_t size, std::uint64_t offset,
                      std::span<std::byte> out) {
  if (out.size() >= kPageBytes) {
    read_(storage, offset, out);
    return;
  }
  if (pages_.empty()) pages_.resize(kPages);
  while (!out.empty()) {
    const std::uint64_t number = offset / kPageBytes;
    Page& page = pages_[static_cast<std::size_t>(number % kPages)];
    if (page.storage != storage || page.number != number || page.bytes.empty()) {
      page.storage = ~std::size_t{0};  // until it is read
      page.bytes.resize(static_cast<std::size_t>(std::min(kPageBytes, size - number * kPageBytes)));
      read_(storage, number * kPageBytes, page.bytes);
      page.storage = storage;
      page.number = number;
    }
    const auto at = static_cast<std::size_t>(offset % kPageBytes);
    const std::size_t count = std::min(out.size(), page.bytes.size() - at);
    std::copy_n(page.bytes.begin() + static_cast<std::ptrdiff_t>(at), count, out.begin());
    out = out.subspan(count);
    offset += count;
  }
}

bool is_contiguous(std::span<const std::int64_t> shape, std::span<const std::int64_t> stride) {
  std::int64_t expected = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (shape[d] != 1 && stride[d] != expected) return false;
    expected *= std::max<std::int64_t>(shape[d], 1);
  }
  return true;
}

void gather(PageCache& cache, std::size_t storage, std::uint64_t size, std::uint32_t element_size,
            const Shape& shape, const std::vector<std::int64_t>& stride, std::int64_t offset,
            std::uint64_t first, std::span<std::byte> out) {
  const std::size_t rank = shape.size();
  // Where the element `first` is: its index in each dimension, and its place in the storage.
  Shape index(rank, 0);
  auto place = static_cast<std::uint64_t>(offset);
  std::uint64_t rest = first;
  for (std::size_t d = rank; d-- > 0;) {
    const auto extent = static_cast<std::uint64_t>(shape[d]);
    index[d] = static_cast<std::int64_t>(rest % extent);
    rest /= extent;
    place += static_cast<std::uint64_t>(index[d] * stride[d]);
  }
  while (!out.empty()) {
    const std::size_t left = out.size() / element_size;
    std::size_t count = 1;  // elements in a row, with stride 1
    if (rank > 0 && stride[rank - 1] == 1) {
      count = std::min(left, static_cast<std::size_t>(shape[rank - 1] - index[rank - 1]));
    }
    cache.fetch(storage, size, place * element_size, out.first(count * element_size));
    out = out.subspan(count * element_size);
    if (out.empty()) break;
    // On to the next element, carrying over into outer dimensions.
    for (std::size_t d = rank; d-- > 0;) {
      const std::int64_t step = d + 1 == rank ? static_cast<std::int64_t>(count) : 1;
      index[d] += step;
      place += static_cast<std::uint64_t>(step * stride[d]);
      if (index[d] < shape[d]) break;
      place -= static_cast<std::uint64_t>(index[d] * stride[d]);
      index[d] = 0;
    }
  }
}

}  // namespace ckpt::torch
