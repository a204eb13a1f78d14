#include "formats/h5parse/btree2.h"

#include <algorithm>
#include <vector>

#include "core/checked.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint64_t kNodeOverhead = 10;  // signature, version, type, checksum

// How much fits into a node of a level, and how wide the counts of its child pointers are. Neither
// is in the file (a count up to n takes log2(n) / 8 + 1 bytes); both follow from the sizes in the
// header (section III.A.2, "Version 2 B-tree internal node").
struct Level {
  std::uint64_t capacity = 0;     // records of a node
  std::uint64_t total = 0;        // records of a node and all below it
  std::size_t total_width = 0;    // bytes of a child's total, 0 where children are leaves
  std::size_t pointer_width = 0;  // address, count and total of a child
};

// What comes next in the tree's order: a node, or a record between two of them.
struct Item {
  View record;  // of none of its bytes: a node
  std::uint64_t address = 0;
  std::uint64_t records = 0;
  std::uint64_t total = 0;
  std::uint64_t level = 0;
};

struct Walk {
  const Context& context;
  const Btree2& tree;
  const std::function<void(View)>& take;
  std::vector<Level> levels{};
  std::size_t count_width = 0;
  std::vector<Item> items{};  // the next one is the last
  std::uint64_t seen = 0;     // records
  std::uint64_t bytes = 0;    // of the nodes: no more than the file has, so that none pays twice

  void run() {
    if (tree.records == 0) return;
    set_levels();
    items.push_back({{}, tree.root, tree.root_records, tree.records, tree.depth});
    while (!items.empty()) {
      const Item item = items.back();
      items.pop_back();
      if (item.record.whole().empty()) {
        context.attempt([&] { read_node(item); });
      } else {
        take_record(item.record);
      }
    }
    context.attempt([&] { tree.head.expect("the number of its records", seen, tree.records); });
  }

  void set_levels() {
    levels.resize(tree.depth + 1);
    levels[0].capacity = (tree.node_size - kNodeOverhead) / tree.record_size;
    levels[0].total = levels[0].capacity;
    count_width = log2_of(levels[0].capacity) / 8 + 1;
    for (std::size_t i = 1; i < levels.size(); ++i) {
      Level& level = levels[i];
      const Level& below = levels[i - 1];
      level.total_width = i == 1 ? 0 : log2_of(below.total) / 8 + 1;
      level.pointer_width = context.file.sizes().offset + count_width + level.total_width;
      const std::uint64_t fixed = kNodeOverhead + level.pointer_width;
      tree.head.require(tree.node_size >= fixed, "its nodes hold no record");
      level.capacity = (tree.node_size - fixed) / (tree.record_size + level.pointer_width);
      const auto children = checked_mul(level.capacity + 1, below.total);
      const auto total = children ? checked_add(*children, level.capacity) : std::nullopt;
      level.total = total.value_or(UINT64_MAX);
    }
  }

  // Section III.A.2. A leaf is "BTLF", version 0, type, records, checksum; an internal node
  //
  //      0  "BTIN", version 0, type
  //      6  records
  //         for each child, one more than records: address, its records, with leaves below its
  //         children not: records in it and below
  //         checksum (4)
  void read_node(const Item& node) {
    const Level& level = levels[node.level];
    tree.head.within("the number of a node's records", node.records, 0, level.capacity);
    const std::uint64_t own = node.records * tree.record_size;
    const std::uint64_t children = node.level == 0 ? 0 : node.records + 1;
    const std::uint64_t size = kNodeOverhead + own + children * level.pointer_width;
    bytes += size;
    tree.head.require(bytes <= context.file.size(), "has more nodes than fit the file");
    context.file.check("B-tree node", node.address, tree.node_size);
    const Arena::Mark mark = context.file.arena().mark();
    View view =
        context.file.sealed("B-tree node", node.level == 0 ? "BTLF" : "BTIN", node.address, size);
    view.expect("its type", view.u8(), tree.type);
    View records = view.part("B-tree record", own);
    if (node.level == 0) {
      view.expect("the number of its records", node.records, node.total);
      while (records.left() > 0) take_record(records.part("B-tree record", tree.record_size));
      return context.file.arena().release(mark);
    }
    const auto first = static_cast<std::ptrdiff_t>(items.size());
    for (std::uint64_t i = 0; i < children; ++i) {
      if (i > 0) items.push_back({records.part("B-tree record", tree.record_size)});
      const std::uint64_t address = view.offset();
      const std::uint64_t count = view.number(count_width);
      const std::uint64_t total = level.total_width == 0 ? count : view.number(level.total_width);
      items.push_back({{}, address, count, total, node.level - 1});
    }
    std::reverse(items.begin() + first, items.end());
  }

  void take_record(const View& record) {
    ++seen;
    context.attempt([&] { take(record); });
  }
};

}  // namespace

// Section III.A.2, the header.
//
//      0  "BTHD", version 0, type
//      6  node size (4), record size (2), depth (2), split and merge percent (1, 1)
//     16  address of the root, its records (2), all records (length), checksum (4)
Btree2 read_btree2(const Context& context, std::uint64_t address, std::uint64_t type) {
  const Sizes sizes = context.file.sizes();
  View view = context.file.sealed("B-tree", "BTHD", address, 22 + sizes.offset + sizes.length);
  const auto [own_type, node_size, record_size, depth, percents, root, root_records, records] =
      view.fields<1, 4, 2, 2, 2, kAddress, 2, kLength>();
  view.expect("its type", own_type, type);
  view.require(record_size > 0 && node_size >= kNodeOverhead + record_size, "has nodes of ",
               node_size, " bytes for records of ", record_size);
  view.within("its depth", depth, 0, kMaxTreeDepth);
  return {view, type, node_size, record_size, depth, root, root_records, records};
}

void for_each_record(const Context& context, const Btree2& tree,
                     const std::function<void(View)>& take) {
  const Arena::Mark mark = context.file.arena().mark();
  Walk{context, tree, take}.run();
  context.file.arena().release(mark);
}

}  // namespace ckpt::h5parse
