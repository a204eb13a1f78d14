#include "formats/numpy/column_major.h"

#include <algorithm>
#include <cstring>

namespace ckpt::numpy {
namespace {

constexpr std::uint64_t kMostBand = std::uint64_t{32} << 20;

// A sequential read buffer over the array's data: the bytes of rising offsets.
class Ahead {
 public:
  Ahead(const ReadAt& read_at, std::uint64_t start, std::uint64_t end)
      : read_at_(read_at), start_(start), end_(end) {}

  const std::byte* view(std::uint64_t offset, std::size_t count) {
    if (offset < at_ || offset + count > at_ + buffer_.size()) {
      constexpr std::uint64_t kBlock = std::uint64_t{256} << 10;
      const std::uint64_t size = std::min(std::max<std::uint64_t>(kBlock, count), end_ - offset);
      buffer_.resize(static_cast<std::size_t>(size));
      read_at_(start_ + offset, buffer_);
      at_ = offset;
    }
    return buffer_.data() + (offset - at_);
  }

 private:
  const ReadAt& read_at_;
  std::uint64_t start_;
  std::uint64_t end_;
  std::uint64_t at_ = 0;
  Bytes buffer_;
};

}  // namespace

// The file is columns along dimension 0, one for each index of the other dimensions; in row-major
// order the elements of a column are `step` apart. Of each column the run that falls into the band
// is read and spread.
void ColumnMajor::fill(const Header& header, const ReadAt& read_at, std::uint64_t first,
                       std::uint64_t elements) {
  const std::size_t size = header.element.bytes;
  const Shape& shape = header.shape;
  const auto rows = static_cast<std::uint64_t>(shape[0]);
  std::vector<std::uint64_t> stride(shape.size(), 1);  // row-major, in elements
  for (std::size_t d = shape.size(); d-- > 1;) {
    stride[d - 1] = stride[d] * static_cast<std::uint64_t>(shape[d]);
  }
  const std::uint64_t step = stride[0];
  const std::uint64_t end = first + elements;
  // A band of the whole array reads the file from its first byte on, so that an archive can check
  // the CRC of what it gives.
  if (elements * size == header.data_bytes) {
    Bytes skipped(static_cast<std::size_t>(header.data_start));
    read_at(0, skipped);
  }
  Ahead data(read_at, header.data_start, header.data_bytes);
  Shape at(shape.size(), 0);
  for (std::uint64_t column = 0, base = 0; column < step; ++column) {
    // Rows r with first <= base + r * step < end.
    std::uint64_t row = base >= first ? 0 : (first - base + step - 1) / step;
    const std::uint64_t last = base >= end ? 0 : std::min(rows, (end - base + step - 1) / step);
    while (row < last) {
      constexpr std::uint64_t kRun = 8192;
      const std::uint64_t run = std::min(kRun, last - row);
      const std::byte* source =
          data.view((column * rows + row) * size, static_cast<std::size_t>(run) * size);
      for (const std::uint64_t stop = row + run; row < stop; ++row, source += size) {
        std::memcpy(band_.data() + (base + row * step - first) * size, source, size);
      }
    }
    for (std::size_t d = 1; d < shape.size(); ++d) {
      base += stride[d];
      if (++at[d] < shape[d]) break;
      base -= stride[d] * static_cast<std::uint64_t>(shape[d]);
      at[d] = 0;
    }
  }
}

void ColumnMajor::read(std::size_t id, const Header& header, const ReadAt& read_at,
                       std::uint64_t first, std::span<std::byte> out) {
  const std::size_t size = header.element.bytes;
  const std::uint64_t total = header.data_bytes / size;
  const std::lock_guard lock(mutex_);
  while (!out.empty()) {
    const std::uint64_t held = band_.size() / size;
    if (band_.empty() || id_ != id || first < first_ || first >= first_ + held) {
      const std::uint64_t elements =
          std::min(total - first, std::max<std::uint64_t>(1, kMostBand / size));
      band_.resize(static_cast<std::size_t>(elements) * size);
      id_ = id;
      first_ = first;
      try {
        fill(header, read_at, first, elements);
      } catch (...) {
        band_.clear();
        throw;
      }
      continue;
    }
    const std::size_t offset = static_cast<std::size_t>(first - first_) * size;
    const std::size_t count = std::min(out.size(), band_.size() - offset);
    std::copy_n(band_.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
    out = out.subspan(count);
    first += count / size;
  }
}

}  // namespace ckpt::numpy
