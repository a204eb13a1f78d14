#include "formats/h5parse/dense.h"

#include <algorithm>

#include "formats/h5parse/btree2.h"
#include "formats/h5parse/lookup3.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kLinksByName = 5;
constexpr std::size_t kLinkId = 7;  // bytes of a heap ID
constexpr std::size_t kAttributeId = 8;

// Section III.A.2, records of types 5 and 8.
//
//     5, links by name:       hash (4), heap ID (7)
//     8, attributes by name:  heap ID (8), message flags, order of creation (4), hash (4)
DenseRecord read_record(View view, std::uint32_t type) {
  DenseRecord record;
  const bool is_link = type == kLinksByName;
  if (is_link) record.hash = view.u32();
  record.id_size = is_link ? kLinkId : kAttributeId;
  std::ranges::copy(view.take(record.id_size), record.id.begin());
  if (is_link) return record;
  record.flags = view.u8();
  view.skip(4);
  record.hash = view.u32();
  return record;
}

ByteView id_of(const DenseRecord& record) { return ByteView(record.id).first(record.id_size); }

}  // namespace

void for_each_dense(const Context& context, const DenseIndex& index, const DenseKind& kind,
                    std::uint64_t owner, const TakeDense& take) {
  context.claim("fractal heap", index.heap, owner);
  FractalHeap heap(context, index.heap);
  const Btree2 tree = read_btree2(context, index.by_name, kind.by_name);
  context.attempt([&] { heap.check_count(tree.records); });
  if (index.by_order != kUndefined) {
    context.attempt([&] {
      const Btree2 order = read_btree2(context, index.by_order, kind.by_order);
      if (order.records != tree.records) {
        corrupt("B-tree at ", index.by_order, ": has ", order.records,
                " records by order of creation, that by name has ", tree.records);
      }
    });
  }
  // In the order of the heap, so that each of its blocks is read once.
  struct Item {
    std::uint64_t position;
    DenseRecord record;
  };
  std::vector<Item> items;
  std::uint32_t last_hash = 0;
  for_each_record(context, tree, [&](View view) {
    const DenseRecord record = read_record(view, kind.by_name);
    if (record.hash < last_hash) view.fail("its hash ", record.hash, " stands behind ", last_hash);
    last_hash = record.hash;
    items.push_back({heap.position(id_of(record)), record});
  });
  std::ranges::stable_sort(items, {}, &Item::position);
  std::uint64_t total = 0;
  std::uint64_t end = 0;  // of the managed object before
  for (const Item& item : items) {
    context.attempt([&] {
      const ByteView bytes = heap.object(id_of(item.record));
      total += bytes.size();
      if (total > context.file.size() || (item.position != 0 && item.position < end)) {
        corrupt("fractal heap at ", index.heap, ": its object at ", item.position,
                " overlaps the one before, which ends at ", end);
      }
      if (item.position != 0) end = item.position + bytes.size();
      take(View("heap object", item.position, bytes, context.file.sizes()), item.record);
    });
  }
}

void check_hash(const DenseRecord& record, std::string_view name, const View& body) {
  body.expect("the hash of its name in the index", record.hash, lookup3(as_byte_view(name)));
}

}  // namespace ckpt::h5parse
