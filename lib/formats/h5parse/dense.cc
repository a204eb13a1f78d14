#include "formats/h5parse/dense.h"

#include <algorithm>
#include <array>

#include "formats/h5parse/btree2.h"
#include "formats/h5parse/fractal_heap.h"
#include "formats/h5parse/lookup3.h"
#include "formats/h5parse/object_header.h"

namespace ckpt::h5parse {
namespace {

struct Record {
  std::array<std::byte, 8> id{};  // in the heap; of links one byte less
  std::uint64_t position = 0;     // in the heap
  std::uint32_t hash = 0;
  bool is_shared = false;
};

// Section III.A.2, records of types 5 and 8.
//
//     5, links by name:       hash (4), heap ID (7)
//     8, attributes by name:  heap ID (8), message flags, order of creation (4), hash (4)
Record read_record(View view, std::uint32_t type) {
  Record record;
  const bool is_link = type == kLinksByName;
  if (is_link) record.hash = view.u32();
  std::ranges::copy(view.take(is_link ? 7 : 8), record.id.begin());
  if (is_link) return record;
  const auto [flags, order, hash] = view.fields<1, 4, 4>();
  record.is_shared = (flags & kSharedMessage) != 0;
  record.hash = static_cast<std::uint32_t>(hash);
  return record;
}

}  // namespace

void for_each_dense(const Context& context, const DenseIndex& index, std::uint32_t by_name,
                    std::uint64_t owner, const TakeDense& take) {
  context.claims.add({"fractal heap", index.heap, owner});
  FractalHeap heap(context, index.heap);
  const Btree2 tree = read_btree2(context, index.by_name, by_name);
  context.attempt([&] { heap.check_count(tree.records); });
  context.attempt([&] {
    if (index.by_order == kUndefined) return;
    const Btree2 order = read_btree2(context, index.by_order, by_name + 1);
    order.head.expect("the number of its records by order", order.records, tree.records);
  });
  // In the order of the heap, so that each of its blocks is read once.
  std::vector<Record> records;
  records.reserve(std::min(tree.records, context.file.size() / tree.record_size));
  for_each_record(context, tree, [&](View view) {
    Record record = read_record(view, by_name);
    const std::uint32_t last = records.empty() ? 0 : records.back().hash;
    view.require(record.hash >= last, "its hash ", record.hash, " stands behind ", last);
    record.position = heap.position(record.id);
    records.push_back(record);
  });
  std::ranges::sort(records, {}, &Record::position);
  std::uint64_t total = 0;
  std::uint64_t end = 0;  // of the managed object before
  for (std::size_t left = records.size(); const Record& record : records) {
    context.attempt([&] {
      const ByteView bytes = heap.object(record.id);
      total += bytes.size();
      const View body("heap object", record.position, bytes, context.file.sizes());
      body.require(total <= context.file.size() && (record.position == 0 || record.position >= end),
                   "overlaps the one before, which ends at ", end);
      if (record.position != 0) end = record.position + bytes.size();
      const std::string_view name = take(body, record.is_shared, left--);
      body.expect("the hash of its name in the index", record.hash, lookup3(as_byte_view(name)));
    });
  }
}

}  // namespace ckpt::h5parse
