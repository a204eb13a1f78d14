#include "formats/h5parse/elements.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "formats/h5parse/filter.h"
#include "formats/h5parse/limits.h"
#include "formats/h5parse/storage.h"

namespace ckpt::h5parse {
namespace {

// Steps `at` through the first dimensions of the box [low, high), the last of them first. False
// where it was the last.
bool advance(Coordinates& at, const Coordinates& low, const Coordinates& high,
             std::size_t dimensions) {
  for (std::size_t d = dimensions; d-- > 0;) {
    if (++at[d] < high[d]) return true;
    at[d] = low[d];
  }
  return false;
}

}  // namespace

Elements::Elements(const Context& context, std::uint64_t address) : context_(context) {
  const File::Keep keep(context.file, arena_);
  dataset_ = read_messages(context, address);
  storage_ = read_storage(context, dataset_);
  element_size_ = static_cast<std::size_t>(dataset_.type->size);
  if (storage_.kind == hdf5::Storage::Kind::kChunked) grid_.emplace(dataset_);
}

void Elements::read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
  assert(out.size() == count * element_size_);
  if (out.empty()) return;
  const std::uint64_t at = first * element_size_;
  switch (storage_.kind) {
    case hdf5::Storage::Kind::kCompact:
      std::ranges::copy(dataset_.layout->compact.subspan(static_cast<std::size_t>(at), out.size()),
                        out.begin());
      return;
    case hdf5::Storage::Kind::kContiguous:
      return context_.file.read("the data", dataset_.layout->address + at, out);
    case hdf5::Storage::Kind::kChunked:
      return read_chunked(first, count, out);
    case hdf5::Storage::Kind::kUnallocated:
      return fill(out);
    case hdf5::Storage::Kind::kExternal:
    case hdf5::Storage::Kind::kVirtual:
      throw Error(Errc::kUnsupported, "its data is in other files, which are never opened");
  }
}

void Elements::fill(std::span<std::byte> out) const {
  std::ranges::fill(out, std::byte{0});
  if (!dataset_.fill || dataset_.fill->empty()) return;
  const ByteView value = *dataset_.fill;
  for (std::size_t at = 0; at < out.size(); at += value.size()) {
    std::ranges::copy(value, out.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

// Goes through the chunks, so that each is decoded once, and through the rows that a chunk has of
// the smallest box around the elements; of its rows at both ends only parts are wanted.
void Elements::read_chunked(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
  if (storage_.chunks.size() < grid_->total) fill(out);
  const Coordinates& extents = dataset_.space->extents;
  const Coordinates& sizes = dataset_.layout->chunk;
  const std::size_t rank = extents.size();
  const std::uint64_t end = first + count;
  Coordinates low = unravel(first, extents);  // the box: [low, high)
  Coordinates high = unravel(end - 1, extents);
  Coordinates low_chunk(rank);
  Coordinates high_chunk(rank);
  bool is_whole = false;  // do the elements go on over dimension d?
  for (std::size_t d = 0; d < rank; ++d) {
    if (is_whole) low[d] = 0;
    high[d] = is_whole ? extents[d] : high[d] + 1;
    is_whole = is_whole || high[d] - low[d] > 1;
    low_chunk[d] = low[d] / sizes[d];
    high_chunk[d] = (high[d] - 1) / sizes[d] + 1;
  }
  Coordinates at = low_chunk;
  Coordinates from(rank);  // the part of the box in the chunk: [from, to)
  Coordinates to(rank);
  Coordinates last(rank);
  Coordinates inside(rank);
  do {
    for (std::size_t d = 0; d < rank; ++d) {
      from[d] = std::max(low[d], at[d] * sizes[d]);
      to[d] = std::min(high[d], (at[d] + 1) * sizes[d]);
      last[d] = to[d] - 1;
    }
    if (ravel(last, extents) < first || ravel(from, extents) >= end) continue;
    const Bytes* source = chunk(at);
    if (source == nullptr) continue;
    Coordinates row = from;
    do {
      const std::uint64_t start = ravel(row, extents);
      const std::uint64_t begin = std::max(start, first);
      const std::uint64_t stop = std::min(start + to.back() - from.back(), end);
      if (begin >= stop) continue;
      for (std::size_t d = 0; d < rank; ++d) inside[d] = row[d] - at[d] * sizes[d];
      std::memcpy(out.data() + (begin - first) * element_size_,
                  source->data() + (ravel(inside, sizes) + begin - start) * element_size_,
                  static_cast<std::size_t>(stop - begin) * element_size_);
    } while (advance(row, from, to, rank - 1));
  } while (advance(at, low_chunk, high_chunk, rank));
}

// The chunk's elements; null where it is not stored. Valid until the next call.
const Bytes* Elements::chunk(const Coordinates& at) {
  const std::uint64_t index = grid_->index_of(at);
  const auto& chunks = storage_.chunks;
  const auto chunk = std::ranges::lower_bound(chunks, index, {}, &hdf5::Storage::Chunk::index);
  if (chunk == chunks.end() || chunk->index != index) return nullptr;
  if (const auto known = decoded_.find(index); known != decoded_.end()) return &known->second;
  while (!order_.empty() && decoded_bytes_ + grid_->chunk_bytes > kChunkCacheBytes) {
    decoded_.erase(order_.front());
    order_.pop_front();
    decoded_bytes_ -= grid_->chunk_bytes;
  }
  bool is_filtered = true;
  for (std::size_t d = 0; dataset_.layout->edges_unfiltered && d < at.size(); ++d) {
    const bool is_at_edge = (at[d] + 1) * dataset_.layout->chunk[d] > dataset_.space->extents[d];
    is_filtered = is_filtered && !is_at_edge;
  }
  const std::uint64_t address = chunk->place.offset - context_.file.base();
  try {
    context_.file.check("chunk", address, chunk->place.bytes);
    Bytes bytes(static_cast<std::size_t>(chunk->place.bytes));
    context_.file.read("chunk", address, bytes);
    bytes = decode_chunk(is_filtered ? dataset_.filters : std::vector<hdf5::Filter>{},
                         is_filtered ? chunk->skipped : 0, std::move(bytes), grid_->chunk_bytes);
    order_.push_back(index);
    decoded_bytes_ += grid_->chunk_bytes;
    return &decoded_.emplace(index, std::move(bytes)).first->second;
  } catch (const Error& e) {
    throw e.in(cat("chunk ", index, " at ", address));
  }
}

}  // namespace ckpt::h5parse
