#include "formats/h5parse/chunks.h"

#include <algorithm>

#include "core/shape.h"
#include "formats/h5parse/array_index.h"
#include "formats/h5parse/btree1.h"
#include "formats/h5parse/btree2.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

using Chunk = hdf5::Storage::Chunk;

constexpr std::uint32_t kChunkTree = 1;     // type of a version 1 B-tree
constexpr std::uint32_t kPlainChunks = 10;  // types of version 2 B-trees
constexpr std::uint32_t kFilteredChunks = 11;

// How many chunks cover an extent; kUndefined where it has no end.
std::uint64_t chunks_in(std::uint64_t extent, std::uint64_t chunk) {
  return extent == kUndefined ? extent : extent / chunk + (extent % chunk != 0 ? 1 : 0);
}

struct ChunkReader {
  const Context& context;
  const Messages& dataset;
  const Layout& layout = *dataset.layout;
  const ChunkGrid grid{dataset};
  const View head{"chunk index", layout.address, {}, {}};  // for saying what is wrong with it
  std::vector<Chunk> chunks{};

  std::vector<Chunk> run() {
    if (layout.address == kUndefined || grid.total == 0) return {};
    if (has_index()) context.claims.add({"chunk index", layout.address, dataset.header.address});
    switch (layout.index) {
      case ChunkIndex::kBtree1:
        read_btree1();
        break;
      case ChunkIndex::kSingle:
        add(Coordinates(rank(), 0), layout.address,
            layout.single_size != 0 ? layout.single_size : grid.chunk_bytes, layout.single_mask);
        break;
      case ChunkIndex::kImplicit:
      case ChunkIndex::kFixedArray:
      case ChunkIndex::kExtensibleArray:
        read_numbered();
        break;
      case ChunkIndex::kBtree2:
        read_btree2_index();
        break;
    }
    std::ranges::stable_sort(chunks, {}, &Chunk::index);
    const auto twin = std::ranges::adjacent_find(chunks, {}, &Chunk::index);
    if (twin != chunks.end()) {
      context.attempt([&] {
        head.fail("chunk ", twin->index, " is there twice, at ", twin->place.offset, " and ",
                  std::next(twin)->place.offset, " of the file");
      });
    }
    return std::move(chunks);
  }

  [[nodiscard]] std::size_t rank() const { return layout.chunk.size(); }
  [[nodiscard]] bool has_index() const {
    return layout.index != ChunkIndex::kSingle && layout.index != ChunkIndex::kImplicit;
  }
  // Section III.A.1, keys of chunks: stored bytes (4), filters not used (4), for each dimension the
  // chunk's first element (8), 0 (8).
  void read_btree1() {
    const Btree1 tree{layout.address, kChunkTree, context.superblock.chunk_k, 8 + 8 * (rank() + 1)};
    std::uint64_t last = 0;
    for_each_child(context, tree, [&](Btree1Child child) {
      View& key = child.left;
      const auto [size, skipped] = key.fields<4, 4>();
      Coordinates at;
      for (const std::uint64_t extent : layout.chunk) {
        at.push_back(key.number(8));
        key.require(at.back() % extent == 0, "a chunk starts at element ", at.back(),
                    ", chunks have ", extent);
        at.back() /= extent;
      }
      add(at, child.address, size, skipped);
      const std::uint64_t index = chunks.back().index;
      key.require(chunks.size() == 1 || index > last, "chunk ", index, " stands behind ", last);
      last = index;
    });
  }

  // Section VII.C to E (chunk indexing): implicit indexes, which are none at all, fixed and
  // extensible arrays number the chunks of the maximum extents in row-major order; an extensible
  // one takes the dimension that grows without end as the first.
  void read_numbered() {
    Coordinates counts = grid.counts;
    for (std::size_t d = 0; d < dataset.space->most.size(); ++d) {
      counts[d] = chunks_in(dataset.space->most[d], layout.chunk[d]);
    }
    auto behind = counts.begin() + 1;  // of the dimension that comes first
    if (layout.index == ChunkIndex::kExtensibleArray) {
      const auto endless = std::ranges::find(counts, kUndefined);
      head.require(endless != counts.end(), "no dimension of the dataset grows without end");
      behind = std::next(endless);
      std::rotate(counts.begin(), endless, behind);
    }
    const auto first = behind - counts.begin();
    const auto take = [&](std::uint64_t number, std::uint64_t address, std::uint64_t size,
                          std::uint32_t skipped) {
      Coordinates at = unravel(number, counts);
      std::rotate(at.begin(), at.begin() + 1, at.begin() + first);
      if (layout.index == ChunkIndex::kImplicit && grid.index_of(at) == kUndefined) return;
      add(at, address, size == kUndefined ? grid.chunk_bytes : size, skipped);
    };
    if (layout.index != ChunkIndex::kImplicit) {
      return for_each_element(context, layout.index, layout.address, take);
    }
    // All chunks lie one after another, unfiltered: the file is long enough for them.
    const std::uint64_t end = product(grid.chunk_bytes, counts);
    context.file.check("chunks", layout.address, end);
    for (std::uint64_t at = 0; at < end; at += grid.chunk_bytes) {
      take(at / grid.chunk_bytes, layout.address + at, kUndefined, 0);
    }
  }

  // Section III.A.2, records of types 10 and 11: address; type 11: stored bytes (as many bytes as
  // the record leaves), filters not used (4); chunk coordinates (8 each).
  void read_btree2_index() {
    const bool is_filtered = !dataset.filters.empty();
    const Btree2 tree =
        read_btree2(context, layout.address, is_filtered ? kFilteredChunks : kPlainChunks);
    for_each_record(context, tree, [&](View record) {
      const std::uint64_t address = record.offset();
      std::uint64_t size = grid.chunk_bytes;
      if (is_filtered) size = record.number(record.left() - (4 + 8 * rank()));
      const std::uint64_t skipped = is_filtered ? record.u32() : 0;
      Coordinates at(rank());
      for (auto& coordinate : at) coordinate = record.number(8);
      record.expect("the number of bytes behind its coordinates", record.left(), 0);
      add(at, address, size, skipped);
    });
  }

  void add(const Coordinates& at, std::uint64_t address, std::uint64_t size,
           std::uint64_t skipped) {
    const std::uint64_t index = grid.index_of(at);
    if (index == kUndefined) {
      head.fail("chunk ", to_string(Shape(at.begin(), at.end())), " is outside of the extents");
    }
    const std::uint64_t all = (std::uint64_t{1} << dataset.filters.size()) - 1;
    for (std::size_t d = 0; layout.edges_unfiltered && d < rank(); ++d) {
      if ((at[d] + 1) * layout.chunk[d] > dataset.space->extents[d]) skipped = all;
    }
    const bool is_plain = all == 0 || skipped == all;
    head.require(size > 0 && (!is_plain || size == grid.chunk_bytes), "chunk ", index, " has ",
                 size, " bytes unfiltered, its elements need ", grid.chunk_bytes);
    context.file.check("chunk", address, size);
    head.require(!has_index() || address > layout.address || layout.address - address >= size,
                 "chunk ", index, " of ", size, " bytes at ", address, " lies over its index");
    const ByteRange place{context.file.base() + address, size};
    chunks.push_back({index, place, static_cast<std::uint32_t>(skipped)});
  }
};

}  // namespace

ChunkGrid::ChunkGrid(const Messages& dataset) {
  const Layout& layout = *dataset.layout;
  const auto& extents = dataset.space->extents;
  const View& header = dataset.header.view;
  header.expect("the number of its chunks' dimensions", layout.chunk.size(), extents.size());
  header.expect("the size of its chunks' elements", layout.element_size, dataset.type->size);
  chunk_bytes = product(layout.element_size, layout.chunk);
  header.within("the number of a chunk's bytes", chunk_bytes, 1, kMaxChunkBytes);
  for (std::size_t d = 0; d < extents.size(); ++d) {
    counts.push_back(chunks_in(extents[d], layout.chunk[d]));
  }
  total = product(1, counts);
  if (total == kUndefined) header.unsupported("has 2^63 chunks or more");
}

std::uint64_t ChunkGrid::index_of(const Coordinates& at) const {
  for (std::size_t d = 0; d < counts.size(); ++d) {
    if (at[d] >= counts[d]) return kUndefined;
  }
  return ravel(at, counts);
}

std::uint64_t ravel(const Coordinates& at, const Coordinates& extents) {
  std::uint64_t number = 0;
  for (std::size_t d = 0; d < at.size(); ++d) number = number * extents[d] + at[d];
  return number;
}

Coordinates unravel(std::uint64_t number, const Coordinates& extents) {
  Coordinates at(extents.size());
  for (std::size_t d = at.size(); d-- > 1;) {
    at[d] = number % extents[d];
    number /= extents[d];
  }
  at[0] = number;
  return at;
}

std::vector<Chunk> read_chunks(const Context& context, const Messages& dataset) {
  return ChunkReader{context, dataset}.run();
}

}  // namespace ckpt::h5parse
