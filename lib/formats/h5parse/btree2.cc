#include "formats/h5parse/btree2.h"

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

struct Node {
  std::uint32_t level;
  std::uint64_t records;   // that are left
  View record_view;        // at the next record
  View pointer_view;       // at the next child pointer
  Arena::Mark mark;        // before the node
  bool descended = false;  // is the child before the next record done?
};

class Walk {
 public:
  Walk(const Context& context, const Btree2& tree, const std::function<void(View)>& take)
      : context_(context), tree_(tree), take_(take) {
    set_levels();
  }

  void run() {
    if (tree_.records == 0) return;
    context_.attempt([&] { enter(tree_.root, tree_.root_records, tree_.depth, tree_.records); });
    while (!stack_.empty()) step();
    context_.attempt([&] {
      if (seen_ != tree_.records) fail("has ", seen_, " records, but says ", tree_.records);
    });
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
      if (tree_.node_size < kNodeOverhead + level.pointer_width) fail("its nodes hold no record");
      level.capacity = (tree_.node_size - kNodeOverhead - level.pointer_width) /
                       (tree_.record_size + level.pointer_width);
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
  void enter(std::uint64_t address, std::uint64_t records, std::uint32_t depth,
             std::uint64_t total) {
    const Level& level = levels_[depth];
    if (records > level.capacity) {
      fail("its node at ", address, " has ", records, " records, ", level.capacity, " fit");
    }
    if (depth == 0 && total != records) {
      fail("its leaf at ", address, " has ", records, " records, its parent says ", total);
    }
    const auto own = static_cast<std::size_t>(records) * tree_.record_size;
    const std::size_t children = depth == 0 ? 0 : static_cast<std::size_t>(records) + 1;
    const std::uint64_t size = kNodeOverhead + own + children * level.pointer_width;
    bytes_ += size;
    if (bytes_ > context_.file.size()) {
      fail("its nodes have more than the file's ", context_.file.size(), " bytes");
    }
    context_.file.check("B-tree node", address, tree_.node_size);
    const Arena::Mark mark = context_.file.arena().mark();
    View view = context_.file.sealed("B-tree node", depth == 0 ? "BTLF" : "BTIN", address, size);
    view.expect("its type", view.u8(), tree_.type);
    const View record_view = view.part("B-tree record", own);
    stack_.push_back({depth, records, record_view, view, mark});
  }

  void step() {
    Node& node = stack_.back();
    if (node.level > 0 && !node.descended) {
      node.descended = true;
      const std::uint64_t address = node.pointer_view.offset();
      const std::uint64_t records = node.pointer_view.number(count_width_);
      const std::size_t width = levels_[node.level].total_width;
      const std::uint64_t total = width == 0 ? records : node.pointer_view.number(width);
      const std::uint32_t level = node.level - 1;
      context_.attempt([&] { enter(address, records, level, total); });
    } else if (node.records == 0) {
      context_.file.arena().release(node.mark);
      stack_.pop_back();
    } else {
      --node.records;
      ++seen_;
      node.descended = false;
      const View record = node.record_view.part("B-tree record", tree_.record_size);
      context_.attempt([&] { take_(record); });
    }
  }

  template <typename... Args>
  [[noreturn]] void fail(const Args&... sentence) const {
    corrupt("B-tree at ", tree_.address, ": ", sentence...);
  }

  const Context& context_;
  const Btree2& tree_;
  const std::function<void(View)>& take_;
  std::vector<Level> levels_;
  std::size_t count_width_ = 0;
  std::vector<Node> stack_;
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
  View view = context.file.sealed("B-tree header", "BTHD", address,
                                  16 + sizes.offset + 2 + sizes.length + 4);
  Btree2 tree;
  tree.address = address;
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
  if (tree.depth > kMaxTreeDepth) {
    view.fail("has ", tree.depth, " levels; at most ", kMaxTreeDepth, " are possible");
  }
  return tree;
}

void for_each_record(const Context& context, const Btree2& tree,
                     const std::function<void(View)>& take) {
  Walk(context, tree, take).run();
}

}  // namespace ckpt::h5parse
