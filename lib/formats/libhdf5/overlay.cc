#include "formats/libhdf5/overlay.h"

#include <algorithm>

namespace ckpt::hdf5 {
namespace {

std::uint64_t round_down(std::uint64_t value, std::size_t unit) { return value / unit * unit; }

// The bytes of `offset` … that `available` still has, at most `size`.
std::size_t overlap(std::uint64_t offset, std::size_t size, std::uint64_t end) {
  return offset >= end ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(size, end - offset));
}

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

Patch patch_of(const RandomFile* base, Overlay&& overlay) {
  // Pages that lie next to one another become one piece, up to this.
  constexpr std::size_t kLargestPiece = std::size_t{1} << 20U;
  Patch patch;
  patch.size_before = base == nullptr ? 0 : base->size();
  // A file may have bytes behind what libhdf5 takes for its end; they stay.
  patch.size_after = std::max(patch.size_before, overlay.size());
  Overlay::Page old{};
  auto pages = std::move(overlay).take_pages();
  while (!pages.empty()) {
    // Taken one by one, so that there are never two of each.
    const auto node = pages.extract(pages.begin());
    const std::uint64_t offset = node.key();
    const auto& page = node.mapped();
    if (offset >= patch.size_after) break;
    const std::uint64_t size = std::min<std::uint64_t>(old.size(), patch.size_after - offset);
    const ByteView bytes = ByteView(*page).first(static_cast<std::size_t>(size));
    if (offset + size <= patch.size_before) {
      const auto there = std::span(old).first(bytes.size());
      base->read_at(offset, there);
      if (std::ranges::equal(there, bytes)) continue;
    }
    if (!patch.pieces.empty()) {
      auto& last = patch.pieces.back();
      if (last.offset + last.bytes.size() == offset && last.bytes.size() < kLargestPiece) {
        last.bytes.insert(last.bytes.end(), bytes.begin(), bytes.end());
        continue;
      }
    }
    patch.pieces.push_back({offset, Bytes(bytes.begin(), bytes.end())});
  }
  return patch;
}

}  // namespace ckpt::hdf5
