#include "formats/h5parse/btree2.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "core/checked.h"
#include "formats/h5parse/limits.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kNodeOverhead = 10;  // signature, version, type, checksum

// Bytes that a number up to `most` takes.
std::size_t width_of(std::uint64_t most) {
  return most == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(most)) + 7) / 8;
}

// How much fits into a node of a level, and how wide the counts of its child pointers are. Neither
// is in the file; both follow from the sizes in the header (section III.A.2, "Version 2 B-tree
// internal node").
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
  std::uint32_t level = 0;
};

class Walk {
 public:
  Walk(const Context& context, const Btree2& tree, const std::function<void(View)>& take)
      : context_(context), tree_(tree), take_(take) {
    set_levels();
  }

  void run() {
    if (tree_.records == 0) return;
    items_.push_back({{}, tree_.root, tree_.root_records, tree_.records, tree_.depth});
    while (!items_.empty()) {
      const Item item = items_.back();
      items_.pop_back();
      if (item.record.whole().empty()) {
        context_.attempt([&] { read_node(item); });
      } else {
        take(item.record);
      }
    }
    context_.attempt([&] { tree_.head.expect("the number of its records", seen_, tree_.records); });
  }

 private:
  void set_levels() {
    levels_.resize(tree_.depth + 1);
    levels_[0].capacity = (tree_.node_size - kNodeOverhead) / tree_.record_size;
    levels_[0].total = levels_[0].capacity;
    count_width_ = width_of(levels_[0].capacity);
    for (std::size_t i = 1; i < levels_.size(); ++i) {
      Level& level = levels_[i];
      const Level& below = levels_[i - 1];
      level.total_width = i == 1 ? 0 : width_of(below.total);
      level.pointer_width = context_.file.sizes().offset + count_width_ + level.total_width;
      const std::size_t fixed = kNodeOverhead + level.pointer_width;
      if (tree_.node_size < fixed) tree_.head.fail("its nodes hold no record");
      level.capacity = (tree_.node_size - fixed) / (tree_.record_size + level.pointer_width);
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
    const Level& level = levels_[node.level];
    tree_.head.within("the number of a node's records", node.records, 0, level.capacity);
    const std::uint64_t own = node.records * tree_.record_size;
    const std::uint64_t children = node.level == 0 ? 0 : node.records + 1;
    const std::uint64_t size = kNodeOverhead + own + children * level.pointer_width;
    bytes_ += size;
    if (bytes_ > context_.file.size()) {
      tree_.head.fail("its nodes have more than the file's ", context_.file.size(), " bytes");
    }
    context_.file.check("B-tree node", node.address, tree_.node_size);
    const Arena::Mark mark = context_.file.arena().mark();
    View view =
        context_.file.sealed("B-tree node", node.level == 0 ? "BTLF" : "BTIN", node.address, size);
    view.expect("its type", view.u8(), tree_.type);
    View records = view.part("B-tree record", own);
    if (node.level == 0) {
      view.expect("the number of its records", node.records, node.total);
      while (records.left() > 0) take(records.part("B-tree record", tree_.record_size));
      return context_.file.arena().release(mark);
    }
    const auto first = static_cast<std::ptrdiff_t>(items_.size());
    for (std::uint64_t i = 0; i < children; ++i) {
      if (i > 0) items_.push_back({records.part("B-tree record", tree_.record_size)});
      Item child{{}, view.offset(), view.number(count_width_), 0, node.level - 1};
      child.total = level.total_width == 0 ? child.records : view.number(level.total_width);
      items_.push_back(child);
    }
    std::reverse(items_.begin() + first, items_.end());
  }

  void take(const View& record) {
    ++seen_;
    context_.attempt([&] { take_(record); });
  }

  const Context& context_;
  const Btree2& tree_;
  const std::function<void(View)>& take_;
  std::vector<Level> levels_;
  std::size_t count_width_ = 0;
  std::vector<Item> items_;  // the next one is the last
  std::uint64_t seen_ = 0;   // records
  std::uint64_t bytes_ = 0;  // of the nodes: no more than the file has, so that none pays twice
};

}  // namespace

// Section III.A.2, the header.
//
//      0  "BTHD", version 0, type
//      6  node size (4), record size (2), depth (2), split and merge percent (1, 1)
//     16  address of the root, its records (2), all records (length), checksum (4)
Btree2 read_btree2(const Context& context, std::uint64_t address, std::uint32_t type) {
  const Sizes sizes = context.file.sizes();
  View view = context.file.sealed("B-tree", "BTHD", address, 22 + sizes.offset + sizes.length);
  Btree2 tree;
  tree.head = view;
  tree.type = type;
  view.expect("its type", view.u8(), type);
  tree.node_size = view.u32();
  tree.record_size = view.u16();
  tree.depth = view.u16();
  view.skip(2);
  tree.root = view.offset();
  tree.root_records = view.u16();
  tree.records = view.length();
  if (tree.record_size == 0 || tree.node_size < kNodeOverhead + tree.record_size) {
    view.fail("has nodes of ", tree.node_size, " bytes for records of ", tree.record_size);
  }
  view.within("its depth", tree.depth, 0, kMaxTreeDepth);
  return tree;
}

void for_each_record(const Context& context, const Btree2& tree,
                     const std::function<void(View)>& take) {
  const Arena::Mark mark = context.file.arena().mark();
  Walk(context, tree, take).run();
  context.file.arena().release(mark);
}

}  // namespace ckpt::h5parse
