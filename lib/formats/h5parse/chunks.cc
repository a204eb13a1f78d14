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

class ChunkReader {
 public:
  ChunkReader(const Context& context, const Messages& dataset)
      : context_(context), dataset_(dataset), layout_(*dataset.layout), grid_(dataset) {}

  std::vector<Chunk> run() {
    if (layout_.address == kUndefined || grid_.total == 0) return {};
    if (has_index()) {
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
      case ChunkIndex::kFixedArray:
      case ChunkIndex::kExtensibleArray:
        read_numbered();
        break;
      case ChunkIndex::kBtree2:
        read_btree2_index();
        break;
    }
    std::ranges::stable_sort(chunks_, {}, &Chunk::index);
    const auto twin = std::ranges::adjacent_find(chunks_, {}, &Chunk::index);
    if (twin != chunks_.end()) {
      context_.attempt([&] {
        fail("chunk ", twin->index, " is there twice, at ", twin->place.offset, " and ",
             std::next(twin)->place.offset, " of the file");
      });
    }
    return std::move(chunks_);
  }

 private:
  [[nodiscard]] std::size_t rank() const { return layout_.chunk.size(); }
  [[nodiscard]] bool has_index() const {
    return layout_.index != ChunkIndex::kSingle && layout_.index != ChunkIndex::kImplicit;
  }
  template <typename... Args>
  [[noreturn]] void fail(const Args&... sentence) const {
    corrupt("chunk index at ", layout_.address, ": ", sentence...);
  }

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

  // Section VII.C to E (chunk indexing): implicit indexes, which are none at all, fixed and
  // extensible arrays number the chunks of the maximum extents in row-major order; an extensible
  // one takes the dimension that grows without end as the first.
  void read_numbered() {
    Coordinates counts = grid_.counts;
    for (std::size_t d = 0; d < dataset_.space->most.size(); ++d) {
      counts[d] = chunks_in(dataset_.space->most[d], layout_.chunk[d]);
    }
    auto behind = counts.begin() + 1;  // of the dimension that comes first
    if (layout_.index == ChunkIndex::kExtensibleArray) {
      const auto endless = std::ranges::find(counts, kUndefined);
      if (endless == counts.end()) fail("no dimension of the dataset grows without end");
      behind = std::next(endless);
      std::rotate(counts.begin(), endless, behind);
    }
    const auto first = behind - counts.begin();
    const TakeElement take = [&](std::uint64_t number, std::uint64_t address, std::uint64_t size,
                                 std::uint32_t skipped) {
      Coordinates at = unravel(number, counts);
      std::rotate(at.begin(), at.begin() + 1, at.begin() + first);
      if (layout_.index == ChunkIndex::kImplicit && grid_.index_of(at) == kUndefined) return;
      add(at, address, size == kUndefined ? grid_.chunk_bytes : size, skipped);
    };
    if (layout_.index == ChunkIndex::kFixedArray) {
      for_each_fixed(context_, layout_.address, take);
    } else if (layout_.index == ChunkIndex::kExtensibleArray) {
      for_each_extensible(context_, layout_.address, take);
    } else {
      // All chunks lie one after another, unfiltered: the file is long enough for them.
      const std::uint64_t end = product(grid_.chunk_bytes, counts);
      context_.file.check("chunks", layout_.address, end);
      for (std::uint64_t at = 0; at < end; at += grid_.chunk_bytes) {
        take(at / grid_.chunk_bytes, layout_.address + at, kUndefined, 0);
      }
    }
  }

  // Section III.A.2, records of types 10 and 11: address; type 11: stored bytes (as many bytes as
  // the record leaves), filters not used (4); chunk coordinates (8 each).
  void read_btree2_index() {
    const bool is_filtered = !dataset_.filters.empty();
    const Btree2 tree =
        read_btree2(context_, layout_.address, is_filtered ? kFilteredChunks : kPlainChunks);
    for_each_record(context_, tree, [&](View record) {
      const std::uint64_t address = record.offset();
      const std::size_t behind = 8 * rank() + 4;
      const std::uint64_t size =
          is_filtered ? record.number(record.left() - behind) : grid_.chunk_bytes;
      const std::uint32_t skipped = is_filtered ? record.u32() : 0;
      Coordinates at(rank());
      for (auto& coordinate : at) coordinate = record.u64();
      record.expect("the number of bytes behind its coordinates", record.left(), 0);
      add(at, address, size, skipped);
    });
  }

  void add(const Coordinates& at, std::uint64_t address, std::uint64_t size,
           std::uint32_t skipped) {
    const std::uint64_t index = grid_.index_of(at);
    if (index == kUndefined) {
      fail("chunk ", to_string(Shape(at.begin(), at.end())), " is outside of the extents");
    }
    const std::size_t filters = dataset_.filters.size();
    const bool is_plain = filters == 0 || skipped == (std::uint64_t{1} << filters) - 1;
    if (size == 0 || (is_plain && size != grid_.chunk_bytes)) {
      fail("chunk ", index, " has ", size, " bytes unfiltered, its elements need ",
           grid_.chunk_bytes);
    }
    context_.file.check("chunk", address, size);
    if (has_index() && address <= layout_.address && layout_.address - address < size) {
      fail("chunk ", index, " of ", size, " bytes at ", address, " lies over its index");
    }
    chunks_.push_back({index, {context_.file.base() + address, size}, skipped});
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
  chunk_bytes = product(layout.element_size, layout.chunk);
  if (chunk_bytes > kMaxChunkBytes) {
    header.fail("has chunks of ", chunk_bytes == kUndefined ? "2^63 or more" : cat(chunk_bytes),
                " bytes; at most ", kMaxChunkBytes, " are possible");
  }
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
  return ChunkReader(context, dataset).run();
}

}  // namespace ckpt::h5parse
