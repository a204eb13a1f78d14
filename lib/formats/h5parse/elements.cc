#include "formats/h5parse/elements.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "formats/h5parse/filter.h"
#include "formats/h5parse/global_heap.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

using hdf5::Storage;

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

// Throws unless so many bytes hold all elements.
void check_size(const Messages& dataset, std::uint64_t stored) {
  const std::uint64_t needed = dataset.space->bytes(dataset.type->size);
  if (stored >= needed) return;
  dataset.header.view.fail("its elements need ",
                           needed == kUndefined ? "2^63 or more" : cat(needed), " bytes, ", stored,
                           " are stored");
}

void read_contiguous(const Context& context, const Messages& dataset, Storage& storage) {
  const Layout& layout = *dataset.layout;
  if (dataset.is_external) {
    storage.kind = Storage::Kind::kExternal;
    storage.files = dataset.external_files;
  } else if (layout.address != kUndefined) {
    storage.kind = Storage::Kind::kContiguous;
    storage.offset = context.file.base() + layout.address;
    storage.bytes =
        layout.size != kUndefined ? layout.size : dataset.space->bytes(dataset.type->size);
    check_size(dataset, storage.bytes);
    if (storage.bytes > 0) context.file.check("the data", layout.address, storage.bytes);
    const auto note = [&](const auto&... sentence) {
      context.note(cat("object header at ", dataset.header.address, ": ", sentence...));
    };
    const bool is_empty = dataset.space->elements() == 0;
    if (layout.address == 0 && !is_empty) note("its data lies over the superblock");
    if (storage.bytes > 0 && is_empty) {
      note("has no elements, but ", storage.bytes, " bytes are stored");
    }
  }
}

// Section VII.F (virtual datasets): an object of a global heap.
//
//      0  version 0, entries (length)
//         for each: file NUL, dataset NUL, two selections
// The first file's name is enough to tell where it leads.
void read_virtual(const Context& context, const Layout& layout, Storage& storage) {
  storage.kind = Storage::Kind::kVirtual;
  if (layout.address == kUndefined) return;
  GlobalHeap heap(context);
  View view("virtual dataset", layout.address, heap.object(layout.address, layout.virtual_index),
            context.file.sizes());
  view.version(0, 0);
  if (view.length() > 0) storage.files.emplace_back(view.text());
}

}  // namespace

Storage read_storage(const Context& context, const Messages& dataset) {
  const View& header = dataset.header.view;
  header.require(dataset.space.has_value(), "a dataset without a dataspace");
  header.require(dataset.type.has_value(), "a dataset without a datatype");
  header.require(dataset.layout.has_value(), "a dataset without a layout");
  if (dataset.fill && !dataset.fill->empty()) {
    header.expect("the size of its fill value", dataset.fill->size(), dataset.type->size);
  }
  const Layout& layout = *dataset.layout;
  Storage storage;
  switch (layout.kind) {
    case Layout::Kind::kCompact:
      storage.kind = Storage::Kind::kCompact;
      storage.bytes = layout.compact.size();
      check_size(dataset, storage.bytes);
      break;
    case Layout::Kind::kContiguous:
      read_contiguous(context, dataset, storage);
      break;
    case Layout::Kind::kChunked:
      storage.kind = Storage::Kind::kChunked;
      storage.chunk.assign(layout.chunk.begin(), layout.chunk.end());
      storage.filters = dataset.filters;
      storage.chunks = read_chunks(context, dataset);
      for (const auto& chunk : storage.chunks) storage.bytes += chunk.place.bytes;
      break;
    case Layout::Kind::kVirtual:
      read_virtual(context, layout, storage);
      break;
  }
  return storage;
}

Elements::Elements(const Context& context, std::uint64_t address) : context_(context) {
  context.begin();
  dataset_ = read_messages(context, address);
  storage_ = read_storage(context, dataset_);
  element_size_ = static_cast<std::size_t>(dataset_.type->size);
  if (storage_.kind == Storage::Kind::kChunked) grid_.emplace(dataset_);
}

void Elements::read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
  assert(out.size() == count * element_size_);
  if (out.empty()) return;
  const std::uint64_t at = first * element_size_;
  switch (storage_.kind) {
    case Storage::Kind::kCompact:
      std::memcpy(out.data(), dataset_.layout->compact.data() + at, out.size());
      return;
    case Storage::Kind::kContiguous:
      return context_.file.read("the data", dataset_.layout->address + at, out);
    case Storage::Kind::kChunked:
      return read_chunked(first, count, out);
    case Storage::Kind::kUnallocated:
      return fill(out);
    case Storage::Kind::kExternal:
    case Storage::Kind::kVirtual:
      throw Error(Errc::kUnsupported, "its data is in other files, which are never opened");
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
  const auto chunk = std::ranges::lower_bound(chunks, index, {}, &Storage::Chunk::index);
  if (chunk == chunks.end() || chunk->index != index) return nullptr;
  if (const auto known = decoded_.find(index); known != decoded_.end()) return &known->second;
  while (!order_.empty() && (order_.size() + 1) * grid_->chunk_bytes > kChunkCacheBytes) {
    decoded_.erase(order_.front());
    order_.pop_front();
  }
  const std::uint64_t address = chunk->place.offset - context_.file.base();
  try {
    context_.file.check("chunk", address, chunk->place.bytes);
    Bytes bytes(static_cast<std::size_t>(chunk->place.bytes));
    context_.file.read("chunk", address, bytes);
    bytes = decode_chunk(storage_.filters, chunk->skipped, std::move(bytes), grid_->chunk_bytes);
    order_.push_back(index);
    return &decoded_.emplace(index, std::move(bytes)).first->second;
  } catch (const Error& e) {
    throw e.in(cat("chunk ", index, " at ", address));
  }
}

}  // namespace ckpt::h5parse
