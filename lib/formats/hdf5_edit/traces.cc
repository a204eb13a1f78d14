#include "formats/hdf5_edit/traces.h"

#include <algorithm>

namespace ckpt::hdf5 {
namespace {

constexpr std::uint64_t kBlock = 64;  // bytes; 256 GiB have 32-bit numbers

}  // namespace

void Traces::add(ObjectId id, Object::Kind kind, std::span<const ByteRange> looked_at) {
  const std::size_t start = runs_.size();
  for (const auto& [offset, bytes] : looked_at) {
    if (bytes == 0) continue;
    const std::uint64_t first = offset / kBlock;
    const std::uint64_t end = (offset + bytes - 1) / kBlock + 1;
    if (end > UINT32_MAX) return runs_.resize(start);  // it is read again
    if (runs_.size() > start) {
      // Most of what an object looks at lies together.
      Run& last = runs_.back();
      const std::uint64_t last_end = std::uint64_t{last.first} + last.count;
      if (first <= last_end && end >= last.first) {
        last.first = static_cast<std::uint32_t>(std::min<std::uint64_t>(first, last.first));
        last.count = static_cast<std::uint32_t>(std::max(end, last_end) - last.first);
        continue;
      }
    }
    runs_.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end - first)});
  }
  const std::size_t count = runs_.size() - start;
  if (count == 1 && runs_.back().count <= UINT16_MAX) {
    const Run run = runs_.back();
    runs_.pop_back();
    *traces_.try_emplace(id).first = {run.first, static_cast<std::uint16_t>(run.count), false,
                                      kind};
  } else if (count <= UINT16_MAX && start <= UINT32_MAX) {
    *traces_.try_emplace(id).first = {static_cast<std::uint32_t>(start),
                                      static_cast<std::uint16_t>(count), true, kind};
  } else {
    runs_.resize(start);  // a large group: it is read again
  }
}

std::optional<Object::Kind> Traces::kind_if_untouched(ObjectId id, const Patch& patch) const {
  const Trace* trace = traces_.find(id);
  if (trace == nullptr || trace->count == 0) return std::nullopt;
  const auto is_touched = [&](const Run& run) {
    return !pieces_in(patch, {run.first * kBlock, run.count * kBlock}).empty();
  };
  const bool is_changed =
      trace->is_scattered
          ? std::ranges::any_of(std::span(runs_).subspan(trace->first, trace->count), is_touched)
          : is_touched({trace->first, trace->count});
  return is_changed ? std::nullopt : std::optional(trace->kind);
}

}  // namespace ckpt::hdf5
