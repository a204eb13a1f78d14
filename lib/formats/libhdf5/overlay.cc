#include "formats/libhdf5/overlay.h"

#include <algorithm>

namespace ckpt::hdf5 {
namespace {

std::uint64_t round_down(std::uint64_t value, std::size_t unit) { return value / unit * unit; }

// The bytes of `offset` … that `available` still has, at most `size`.
std::size_t overlap(std::uint64_t offset, std::size_t size, std::uint64_t end) {
  return offset >= end ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(size, end - offset));
}

// Calls f(at, end) with the stretches in which they differ. Equal bytes between two changed ones
// that are fewer than the head of a piece are taken along.
template <typename F>
void for_each_difference(ByteView old, ByteView changed, F&& f) {
  constexpr std::size_t kShortRun = 24;
  const std::size_t size = changed.size();
  for (std::size_t at = 0; at < size;) {
    if (old[at] == changed[at]) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;  // behind the last byte that differs
    for (std::size_t i = end; i < size && i - end < kShortRun; ++i) {
      if (old[i] != changed[i]) end = i + 1;
    }
    f(at, end);
    at = end;
  }
}

// Makes one piece of stretches that lie next to one another, up to a size.
class Joiner {
 public:
  explicit Joiner(OutcomeWriter& out) : out_(out) {}

  void add(std::uint64_t offset, ByteView bytes) {
    if (start_ + piece_.size() != offset || piece_.size() >= kLargestPiece) {
      flush();
      start_ = offset;
    }
    piece_.insert(piece_.end(), bytes.begin(), bytes.end());
  }

  void flush() {
    if (!piece_.empty()) out_.piece(start_, piece_);
    piece_.clear();
  }

 private:
  static constexpr std::size_t kLargestPiece = std::size_t{1} << 20U;

  OutcomeWriter& out_;
  std::uint64_t start_ = 0;
  Bytes piece_;
};

}  // namespace

Overlay::Overlay(const RandomFile* base)
    : base_(base), base_size_(base == nullptr ? 0 : base->size()), size_(base_size_) {}

void Overlay::resize(std::uint64_t size) {
  // What lies behind the new end must not come back when the file grows again.
  pages_.erase(pages_.lower_bound(round_down(size + kPageSize - 1, kPageSize)), pages_.end());
  base_size_ = std::min(base_size_, size);
  size_ = size;
}

void Overlay::read_base(std::uint64_t offset, std::span<std::byte> out) const {
  const std::size_t known = overlap(offset, out.size(), base_size_);
  std::ranges::fill(out.subspan(known), std::byte{0});
  out = out.first(known);
  if (out.size() >= kBlockSize) {
    base_->read_at(offset, out);
    return;
  }
  while (!out.empty()) {
    const std::uint64_t start = round_down(offset, kBlockSize);
    Slot& slot = slots_[start / kBlockSize % kSlots];
    if (slot.offset != start) {
      slot.offset = UINT64_MAX;
      slot.bytes.resize(overlap(start, kBlockSize, base_size_));
      base_->read_at(start, slot.bytes);
      slot.offset = start;
    }
    const auto skip = static_cast<std::size_t>(offset - start);
    const std::size_t n = std::min(out.size(), slot.bytes.size() - skip);
    std::copy_n(slot.bytes.begin() + static_cast<std::ptrdiff_t>(skip), n, out.begin());
    offset += n;
    out = out.subspan(n);
  }
}

void Overlay::read(std::uint64_t offset, std::span<std::byte> out) const {
  read_base(offset, out);
  const std::uint64_t end = offset + out.size();
  for (auto it = pages_.lower_bound(round_down(offset, kPageSize));
       it != pages_.end() && it->first < end; ++it) {
    const std::uint64_t from = std::max(offset, it->first);
    const std::uint64_t to = std::min(end, it->first + kPageSize);
    std::copy_n(it->second->begin() + static_cast<std::ptrdiff_t>(from - it->first), to - from,
                out.begin() + static_cast<std::ptrdiff_t>(from - offset));
  }
}

void Overlay::write(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const std::uint64_t start = round_down(offset, kPageSize);
    auto& page = pages_[start];
    if (!page) {
      page = std::make_unique<Page>();
      read_base(start, *page);
    }
    const auto skip = static_cast<std::size_t>(offset - start);
    const std::size_t n = std::min(bytes.size(), kPageSize - skip);
    std::copy_n(bytes.begin(), n, page->begin() + static_cast<std::ptrdiff_t>(skip));
    offset += n;
    bytes = bytes.subspan(n);
    size_ = std::max(size_, offset);
  }
}

void write_outcome(const RandomFile* base, Overlay&& overlay, std::span<const ByteRange> created,
                   OutcomeWriter& out) {
  const std::uint64_t size_before = base == nullptr ? 0 : base->size();
  // A file may have bytes behind what libhdf5 takes for its end; they stay.
  const std::uint64_t size_after = std::max(size_before, overlay.size());
  out.begin(size_before, size_after);
  Joiner joiner(out);
  Overlay::Page old{};
  for (auto pages = std::move(overlay).take_pages(); !pages.empty();) {
    const auto node = pages.extract(pages.begin());
    const std::uint64_t offset = node.key();
    if (offset >= size_after) break;
    const ByteView bytes = ByteView(*node.mapped()).first(overlap(offset, old.size(), size_after));
    const auto there = std::span(old).first(overlap(offset, bytes.size(), size_before));
    if (!there.empty()) base->read_at(offset, there);
    for_each_difference(there, bytes.first(there.size()), [&](std::size_t at, std::size_t end) {
      joiner.add(offset + at, bytes.subspan(at, end - at));
    });
    if (there.size() < bytes.size()) joiner.add(offset + there.size(), bytes.subspan(there.size()));
  }
  joiner.flush();
  out.end(created);
}

}  // namespace ckpt::hdf5
