#include "formats/h5parse/chunks.h"

#include <algorithm>

#include "core/checked.h"
#include "formats/h5parse/array_index.h"
#include "formats/h5parse/btree1.h"
#include "formats/h5parse/btree2.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kChunkTree = 1;     // type of a version 1 B-tree
constexpr std::uint32_t kPlainChunks = 10;  // types of version 2 B-trees
constexpr std::uint32_t kFilteredChunks = 11;

using Coordinates = std::vector<std::uint64_t>;

class ChunkReader {
 public:
  ChunkReader(const Context& context, const Messages& dataset)
      : context_(context), dataset_(dataset), layout_(*dataset.layout), grid_(dataset) {}

  std::vector<Chunk> run() {
    if (layout_.address == kUndefined || grid_.total == 0) return {};
    if (layout_.index != ChunkIndex::kSingle && layout_.index != ChunkIndex::kImplicit) {
      context_.claim("chunk index", layout_.address, dataset_.header.address);
    }
    switch (layout_.index) {
      case ChunkIndex::kBtree1:
        read_btree1();
        break;
      case ChunkIndex::kSingle:
        add(Coordinates(rank(), 0), layout_.address,
            layout_.single_size != 0 ? layout_.single_size : grid_.chunk_bytes,
            layout_.single_mask);
        break;
      case ChunkIndex::kImplicit:
        read_implicit();
        break;
      case ChunkIndex::kFixedArray:
        read_array(false);
        break;
      case ChunkIndex::kExtensibleArray:
        read_array(true);
        break;
      case ChunkIndex::kBtree2:
        read_btree2_index();
        break;
    }
    std::ranges::stable_sort(chunks_, {}, &Chunk::index);
    const auto twin = std::ranges::adjacent_find(chunks_, {}, &Chunk::index);
    if (twin != chunks_.end()) {
      context_.attempt([&] {
        corrupt("chunk index at ", layout_.address, ": chunk ", twin->index, " is there twice, at ",
                twin->address, " and ", std::next(twin)->address);
      });
    }
    return std::move(chunks_);
  }

 private:
  [[nodiscard]] std::size_t rank() const { return layout_.chunk.size(); }

  // Section III.A.1, keys of chunks: stored bytes (4), filters not used (4), for each dimension the
  // chunk's first element (8), 0 (8).
  void read_btree1() {
    const Btree1 tree{layout_.address, kChunkTree, context_.superblock.chunk_k,
                      8 + 8 * (rank() + 1)};
    std::uint64_t last = 0;
    for_each_child(context_, tree, [&](const Btree1Child& child) {
      View key = child.left;
      const std::uint32_t size = key.u32();
      const std::uint32_t skipped = key.u32();
      Coordinates at;
      for (const std::uint64_t extent : layout_.chunk) {
        at.push_back(key.u64());
        if (at.back() % extent != 0) {
          key.fail("a chunk starts at element ", at.back(), ", chunks have ", extent);
        }
        at.back() /= extent;
      }
      add(at, child.address, size, skipped);
      const std::uint64_t index = chunks_.back().index;
      if (chunks_.size() > 1 && index <= last) {
        key.fail("chunk ", index, " stands behind chunk ", last);
      }
      last = index;
    });
  }

  // Section VII.C (chunk indexing): no index at all. The chunks of the maximum extents lie one
  // after another, unfiltered.
  void read_implicit() {
    const Coordinates counts = counts_of_most();
    std::uint64_t total = 1;
    for (const std::uint64_t count : counts) total = checked_mul(total, count).value_or(kUndefined);
    const auto bytes = checked_mul(total, grid_.chunk_bytes);
    context_.file.check("chunks", layout_.address, bytes.value_or(kUndefined));
    // Not longer than the file has room for chunks of at least a byte.
    for (std::uint64_t i = 0; i < total; ++i) {
      const Coordinates at = unravel(i, counts);
      if (grid_.index_of(at) != kUndefined) {
        add(at, layout_.address + i * grid_.chunk_bytes, grid_.chunk_bytes, 0);
      }
    }
  }

  // Fixed and extensible arrays number the chunks of the maximum extents in row-major order; an
  // extensible one takes the dimension that grows without end as the first.
  void read_array(bool is_extensible) {
    Coordinates counts = counts_of_most();
    std::size_t first = 0;
    if (is_extensible) {
      while (first < rank() && dataset_.space->most[first] != kUndefined) ++first;
      if (first == rank()) {
        corrupt("extensible array at ", layout_.address,
                ": no dimension of the dataset grows without end");
      }
      std::rotate(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(first),
                  counts.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    }
    const auto take = [&](std::uint64_t i, std::uint64_t address, std::uint64_t size,
                          std::uint32_t skipped) {
      Coordinates at = unravel(i, counts);
      std::rotate(at.begin(), at.begin() + 1, at.begin() + static_cast<std::ptrdiff_t>(first) + 1);
      add(at, address, size == kUndefined ? grid_.chunk_bytes : size, skipped);
    };
    if (is_extensible) {
      for_each_extensible(context_, layout_.address, take);
    } else {
      for_each_fixed(context_, layout_.address, take);
    }
  }

  // Section III.A.2, records of types 10 and 11: address; type 11: stored bytes (as many bytes as
  // the record leaves), filters not used (4); chunk coordinates (8 each).
  void read_btree2_index() {
    const bool is_filtered = !dataset_.filters.empty();
    const Btree2 tree =
        read_btree2(context_, layout_.address, is_filtered ? kFilteredChunks : kPlainChunks);
    const std::size_t fixed = context_.file.sizes().offset + 8 * rank() + (is_filtered ? 4U : 0U);
    const std::size_t width = tree.record_size > fixed ? tree.record_size - fixed : 0;
    if (tree.record_size < fixed || (width > 0) != is_filtered) {
      corrupt("chunk index at ", layout_.address, ": has records of ", tree.record_size, " bytes, ",
              fixed, " are needed");
    }
    for_each_record(context_, tree, [&](View record) {
      const std::uint64_t address = record.offset();
      const std::uint64_t size = is_filtered ? record.number(width) : grid_.chunk_bytes;
      const std::uint32_t skipped = is_filtered ? record.u32() : 0;
      Coordinates at(rank());
      for (auto& coordinate : at) coordinate = record.u64();
      add(at, address, size, skipped);
    });
  }

  [[nodiscard]] Coordinates counts_of_most() const {
    Coordinates counts;
    for (std::size_t d = 0; d < rank(); ++d) {
      const std::uint64_t most = dataset_.space->most[d];
      const std::uint64_t extent = layout_.chunk[d];
      counts.push_back(most == kUndefined ? kUndefined
                                          : most / extent + (most % extent != 0 ? 1 : 0));
    }
    return counts;
  }

  // The coordinates of number `i` in row-major order; the first dimension takes all that is left.
  static Coordinates unravel(std::uint64_t i, const Coordinates& counts) {
    Coordinates at(counts.size());
    for (std::size_t d = counts.size(); d-- > 1;) {
      at[d] = counts[d] == 0 ? 0 : i % counts[d];
      i = counts[d] == 0 ? 0 : i / counts[d];
    }
    at[0] = i;
    return at;
  }

  void add(const Coordinates& at, std::uint64_t address, std::uint64_t size,
           std::uint32_t skipped) {
    const std::uint64_t index = grid_.index_of(at);
    if (index == kUndefined) {
      std::vector<std::string> words;
      for (const auto coordinate : at) words.push_back(cat(coordinate));
      corrupt("chunk index at ", layout_.address, ": chunk [", join(words, ", "),
              "] is outside of the extents");
    }
    const std::size_t filters = dataset_.filters.size();
    const bool is_plain = filters == 0 || (filters < 32 && (skipped >> filters) == 0 &&
                                           skipped == (std::uint32_t{1} << filters) - 1);
    if (size == 0 || (is_plain && size != grid_.chunk_bytes)) {
      corrupt("chunk index at ", layout_.address, ": chunk ", index, " has ", size,
              " bytes unfiltered, its elements need ", grid_.chunk_bytes);
    }
    context_.file.check("chunk", address, size);
    const bool has_index =
        layout_.index != ChunkIndex::kSingle && layout_.index != ChunkIndex::kImplicit;
    if (has_index && address <= layout_.address && layout_.address - address < size) {
      corrupt("chunk index at ", layout_.address, ": chunk ", index, " of ", size, " bytes at ",
              address, " lies over its index");
    }
    chunks_.push_back({index, address, size, skipped});
  }

  const Context& context_;
  const Messages& dataset_;
  const Layout& layout_;
  ChunkGrid grid_;
  std::vector<Chunk> chunks_;
};

}  // namespace

ChunkGrid::ChunkGrid(const Messages& dataset) {
  const Layout& layout = *dataset.layout;
  const auto& extents = dataset.space->extents;
  const View& header = dataset.header.view;
  if (layout.chunk.size() != extents.size()) {
    header.fail("its chunks have ", layout.chunk.size(), " dimensions, the dataset has ",
                extents.size());
  }
  header.expect("the size of its chunks' elements", layout.element_size, dataset.type->size);
  chunk_bytes = layout.element_size;
  for (const std::uint64_t extent : layout.chunk) {
    chunk_bytes = checked_mul(chunk_bytes, extent).value_or(kUndefined);
  }
  if (chunk_bytes > kMaxChunkBytes) {
    header.fail("has chunks of ", chunk_bytes == kUndefined ? "2^64 or more" : cat(chunk_bytes),
                " bytes; at most ", kMaxChunkBytes, " are possible");
  }
  total = 1;
  for (std::size_t d = 0; d < extents.size(); ++d) {
    counts.push_back(extents[d] / layout.chunk[d] + (extents[d] % layout.chunk[d] != 0 ? 1 : 0));
    total = counts.back() == 0 || total == 0
                ? 0
                : checked_mul(total, counts.back()).value_or(kUndefined);
  }
  if (total == kUndefined) header.unsupported("has 2^64 chunks or more");
}

std::uint64_t ChunkGrid::index_of(const std::vector<std::uint64_t>& at) const {
  std::uint64_t index = 0;
  for (std::size_t d = 0; d < counts.size(); ++d) {
    if (at[d] >= counts[d]) return kUndefined;
    index = index * counts[d] + at[d];
  }
  return index;
}

std::vector<std::uint64_t> ChunkGrid::coordinates_of(std::uint64_t index) const {
  std::vector<std::uint64_t> at(counts.size());
  for (std::size_t d = counts.size(); d-- > 0;) {
    at[d] = index % counts[d];
    index /= counts[d];
  }
  return at;
}

std::vector<Chunk> read_chunks(const Context& context, const Messages& dataset) {
  return ChunkReader(context, dataset).run();
}

}  // namespace ckpt::h5parse
