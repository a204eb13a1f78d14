#include "formats/h5parse/elements.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/checked.h"
#include "formats/h5parse/filter.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

std::vector<std::uint64_t> strides_of(const std::vector<std::uint64_t>& extents) {
  std::vector<std::uint64_t> strides(extents.size(), 1);
  for (std::size_t d = extents.size(); d-- > 1;) strides[d - 1] = strides[d] * extents[d];
  return strides;
}

// Calls `f` with boxes (start, count, elements) that together are the elements [first, first + n)
// of a row-major array, in order: at most two for each dimension.
template <typename F>
void for_each_box(const std::vector<std::uint64_t>& extents, std::uint64_t first, std::uint64_t n,
                  const F& f) {
  const std::size_t rank = extents.size();
  const auto strides = strides_of(extents);
  std::vector<std::uint64_t> start(rank);
  std::vector<std::uint64_t> count(rank);
  while (n > 0) {
    for (std::size_t d = 0; d < rank; ++d) start[d] = first / strides[d] % extents[d];
    // The outermost dimension of which whole slices can be taken from here.
    std::size_t outer = rank - 1;
    while (outer > 0 && start[outer] == 0 && n >= strides[outer - 1]) --outer;
    const std::uint64_t slices = std::min(n / strides[outer], extents[outer] - start[outer]);
    for (std::size_t d = 0; d < rank; ++d) {
      count[d] = d < outer ? 1 : d == outer ? slices : extents[d];
    }
    f(start, count, slices * strides[outer]);
    first += slices * strides[outer];
    n -= slices * strides[outer];
  }
}

// Steps `at` through the box [low, high), the last dimension first, which moves by `step`. False
// where it was the last.
bool advance(std::vector<std::uint64_t>& at, const std::vector<std::uint64_t>& low,
             const std::vector<std::uint64_t>& high, std::size_t dimensions) {
  for (std::size_t d = dimensions; d-- > 0;) {
    if (++at[d] < high[d]) return true;
    at[d] = low[d];
  }
  return false;
}

}  // namespace

std::uint64_t check_dataset(const Context& context, const Messages& dataset) {
  const View& header = dataset.header.view;
  if (!dataset.space || !dataset.type || !dataset.layout) {
    header.fail("a dataset without a ", !dataset.space  ? "dataspace"
                                        : !dataset.type ? "datatype"
                                                        : "layout");
  }
  if (dataset.fill && !dataset.fill->empty()) {
    header.expect("the size of its fill value", dataset.fill->size(), dataset.type->size);
  }
  const Layout& layout = *dataset.layout;
  const std::uint64_t elements = dataset.space->elements();
  const auto needed =
      elements == kUndefined ? std::nullopt : checked_mul(elements, dataset.type->size);
  const auto check_size = [&](std::uint64_t stored) {
    if (!needed || stored < *needed) {
      header.fail("its elements need ", needed ? cat(*needed) : "more than 2^63", " bytes, ",
                  stored, " are stored");
    }
  };
  switch (layout.kind) {
    case Layout::Kind::kCompact:
      if (layout.compact.empty()) return 0;  // not written: all elements are the fill value
      check_size(layout.compact.size());
      return layout.compact.size();
    case Layout::Kind::kContiguous: {
      if (layout.address == kUndefined || dataset.is_external) return 0;
      const std::uint64_t stored = layout.size == kUndefined ? needed.value_or(0) : layout.size;
      check_size(stored);
      if (stored > 0) context.file.check("the data", layout.address, stored);
      return stored;
    }
    case Layout::Kind::kChunked: {
      std::uint64_t stored = 0;
      for (const Chunk& chunk : read_chunks(context, dataset)) stored += chunk.size;
      return stored;
    }
    case Layout::Kind::kVirtual:
      break;
  }
  return 0;
}

Elements::Elements(const Context& context, std::uint64_t address) : context_(context) {
  const File::Keep keep(context.file, arena_);
  dataset_ = read_messages(context, address);
  check_dataset(context, dataset_);
  element_size_ = dataset_.type->size;
  if (dataset_.layout->kind != Layout::Kind::kChunked) return;
  grid_.emplace(dataset_);
  chunks_ = read_chunks(context, dataset_);
}

void Elements::read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
  assert(out.size() == count * element_size_);
  const Layout& layout = *dataset_.layout;
  const auto at = static_cast<std::size_t>(first * element_size_);
  switch (layout.kind) {
    case Layout::Kind::kCompact:
      if (layout.compact.empty()) return fill(out);
      std::ranges::copy(layout.compact.subspan(at, out.size()), out.begin());
      return;
    case Layout::Kind::kContiguous:
      if (dataset_.is_external) {
        throw Error(Errc::kUnsupported, "its data is in another file, which is never opened");
      }
      if (layout.address == kUndefined) return fill(out);
      context_.file.read("the data", layout.address + at, out);
      return;
    case Layout::Kind::kChunked:
      read_chunked(first, count, out);
      return;
    case Layout::Kind::kVirtual:
      throw Error(Errc::kUnsupported, "is a virtual dataset, put together from others");
  }
}

void Elements::fill(std::span<std::byte> out) const {
  std::ranges::fill(out, std::byte{0});
  if (!dataset_.fill || dataset_.fill->empty()) return;
  const Bytes& value = *dataset_.fill;
  for (std::size_t at = 0; at < out.size(); at += value.size()) {
    std::ranges::copy(value, out.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

void Elements::read_chunked(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
  for_each_box(dataset_.space->extents, first, count,
               [&](const auto& start, const auto& box, std::uint64_t elements) {
                 const auto bytes = static_cast<std::size_t>(elements * element_size_);
                 copy_box(start, box, out.first(bytes));
                 out = out.subspan(bytes);
               });
}

// Copies what each chunk has of the box to its place in `out`, which is the box in row-major order.
void Elements::copy_box(const std::vector<std::uint64_t>& start,
                        const std::vector<std::uint64_t>& count, std::span<std::byte> out) {
  const auto& extents = dataset_.layout->chunk;
  const std::size_t rank = extents.size();
  const auto box_strides = strides_of(count);
  const auto chunk_strides = strides_of(extents);
  std::vector<std::uint64_t> low(rank);  // chunks that the box touches, by coordinates
  std::vector<std::uint64_t> high(rank);
  for (std::size_t d = 0; d < rank; ++d) {
    low[d] = start[d] / extents[d];
    high[d] = (start[d] + count[d] - 1) / extents[d] + 1;
  }
  std::vector<std::uint64_t> from(rank);  // the part of the box in the chunk: [from, to)
  std::vector<std::uint64_t> to(rank);
  std::vector<std::uint64_t> at = low;
  do {
    for (std::size_t d = 0; d < rank; ++d) {
      from[d] = std::max(start[d], at[d] * extents[d]);
      to[d] = std::min(start[d] + count[d], (at[d] + 1) * extents[d]);
    }
    const Bytes* source = chunk(grid_->index_of(at));
    const auto run = static_cast<std::size_t>((to.back() - from.back()) * element_size_);
    std::vector<std::uint64_t> row = from;
    do {
      std::uint64_t to_element = 0;
      std::uint64_t from_element = 0;
      for (std::size_t d = 0; d < rank; ++d) {
        to_element += (row[d] - start[d]) * box_strides[d];
        from_element += (row[d] - at[d] * extents[d]) * chunk_strides[d];
      }
      const auto target = out.subspan(static_cast<std::size_t>(to_element * element_size_), run);
      if (source == nullptr) {
        fill(target);
      } else {
        std::memcpy(target.data(), source->data() + from_element * element_size_, run);
      }
    } while (advance(row, from, to, rank - 1));
  } while (advance(at, low, high, rank));
}

bool Elements::is_at_edge(const std::vector<std::uint64_t>& coordinates) const {
  for (std::size_t d = 0; d < coordinates.size(); ++d) {
    const std::uint64_t extent = dataset_.layout->chunk[d];
    if ((coordinates[d] + 1) * extent > dataset_.space->extents[d]) return true;
  }
  return false;
}

// The chunk's elements; null where it is not stored. Valid until the next call.
const Bytes* Elements::chunk(std::uint64_t index) {
  const auto place = std::ranges::lower_bound(chunks_, index, {}, &Chunk::index);
  if (place == chunks_.end() || place->index != index) return nullptr;
  if (const auto known = decoded_.find(index); known != decoded_.end()) return &known->second;
  while (!order_.empty() && decoded_bytes_ + grid_->chunk_bytes > kChunkCacheBytes) {
    decoded_.erase(order_.front());
    order_.pop_front();
    decoded_bytes_ -= grid_->chunk_bytes;
  }
  try {
    context_.file.check("chunk", place->address, place->size);
    Bytes bytes(static_cast<std::size_t>(place->size));
    context_.file.read("chunk", place->address, bytes);
    const bool is_plain =
        dataset_.layout->edges_unfiltered && is_at_edge(grid_->coordinates_of(index));
    bytes = decode_chunk(is_plain ? std::vector<hdf5::Filter>{} : dataset_.filters,
                         is_plain ? 0 : place->skipped, std::move(bytes), grid_->chunk_bytes);
    order_.push_back(index);
    decoded_bytes_ += grid_->chunk_bytes;
    return &decoded_.emplace(index, std::move(bytes)).first->second;
  } catch (const Error& e) {
    throw e.in(cat("chunk ", index, " at ", place->address));
  }
}

}  // namespace ckpt::h5parse
