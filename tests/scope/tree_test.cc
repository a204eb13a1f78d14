#include "scope/tree.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/text.h"

using namespace ckpt;

namespace {

ScopeTree make_tree(const std::vector<TreeLeaf>& leaves, char separator) {
  TreeMaker maker(separator);
  for (const TreeLeaf& leaf : leaves) maker.add(leaf);
  return maker.finish();
}

// One line a reachable node: indent, segment, sums.
std::string drawn(const ScopeTree& tree, std::size_t node = 0, std::size_t depth = 0) {
  std::string out;
  for (const std::size_t child : children_of(tree, node)) {
    const TreeNode& n = tree.nodes[child];
    out += cat(std::string(depth, ' '), n.segment, " ", n.variables, " ", n.nbytes, "\n");
    out += drawn(tree, child, depth + 1);
  }
  return out;
}

}  // namespace

TEST_SUITE("scope/tree") {
  TEST_CASE("a scope sums what is below it and a name can be scope and variable at once") {
    const std::vector<TreeLeaf> leaves{{"dense/kernel", 10, 40},
                                       {"dense/kernel/Adam", 10, 40},
                                       {"dense/bias", 2, 8},
                                       {"step", 1, 8}};
    const ScopeTree tree = make_tree(leaves, '/');
    CHECK(drawn(tree) ==
          "dense 3 88\n"
          " kernel 2 80\n"
          "  Adam 1 40\n"
          " bias 1 8\n"
          "step 1 8\n");
    CHECK(tree.nodes[0].parameters == 23);
  }

  TEST_CASE("the separator decides what a segment is") {
    const std::vector<TreeLeaf> leaves{{"h.0.w/x", 1, 1}};
    CHECK(drawn(make_tree(leaves, '.')) == "h 1 1\n 0 1 1\n  w/x 1 1\n");
  }

  TEST_CASE("a second name of a variable is in the tree and not in the sums") {
    const std::vector<TreeLeaf> leaves{{"a/w", 5, 20}, {"b/w", 5, 20, false}};
    CHECK(drawn(make_tree(leaves, '/')) == "a 1 20\n w 1 20\nb 0 0\n w 0 0\n");
  }

  TEST_CASE("like siblings that count up by one collapse, wherever they stand in the order") {
    const std::vector<TreeLeaf> leaves{{"l_0/w", 1, 4},  {"l_1/w", 1, 4}, {"l_10/w", 1, 4},
                                       {"l_11/w", 1, 4}, {"l_2/w", 1, 4}, {"other/w", 1, 4}};
    ScopeTree tree = make_tree(leaves, '/');
    collapse_runs(tree, std::vector<std::uint64_t>(6, 0));
    CHECK(drawn(tree) ==
          "l_{0..2} 3 12\n"
          " w 1 4\n"
          "l_{10..11} 2 8\n"
          " w 1 4\n"
          "other 1 4\n"
          " w 1 4\n");
    CHECK(tree.nodes[tree.nodes[0].first].repeats == 3);
  }

  TEST_CASE("siblings with unlike leaves, other segments or leading zeros do not collapse") {
    const std::vector<TreeLeaf> leaves{{"a1/w", 1, 4}, {"a2/w", 1, 4}, {"b1/w", 1, 4},
                                       {"b2/v", 1, 4}, {"c01", 1, 4},  {"c02", 1, 4}};
    ScopeTree tree = make_tree(leaves, '/');
    const std::string before = drawn(tree);
    collapse_runs(tree, std::vector<std::uint64_t>{0, 1, 0, 0, 0, 0});
    CHECK(drawn(tree) == before);
  }

  TEST_CASE("runs inside a run collapse too") {
    std::vector<std::string> names;
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 3; ++j) names.push_back(cat("stage", i, "/block", j));
    }
    std::vector<TreeLeaf> leaves;
    for (const auto& name : names) leaves.push_back({name, 1, 1});
    ScopeTree tree = make_tree(leaves, '/');
    collapse_runs(tree, std::vector<std::uint64_t>(6, 0));
    CHECK(drawn(tree) == "stage{0..1} 6 6\n block{0..2} 3 3\n");
  }

  TEST_CASE("ten thousand levels make a tree without a recursion") {
    std::string name = "x";
    for (int i = 0; i < 10000; ++i) name += "/x";
    const std::vector<TreeLeaf> leaves{{name, 1, 1}};
    ScopeTree tree = make_tree(leaves, '/');
    CHECK(tree.nodes.size() == 10002);
    collapse_runs(tree, std::vector<std::uint64_t>{0});
    sort_siblings(tree, [](const TreeNode& a, const TreeNode& b) { return a.nbytes < b.nbytes; });
  }

  TEST_CASE("natural order counts numbers as people do and orders every two different names") {
    CHECK(natural_less("dense_2", "dense_10"));
    CHECK_FALSE(natural_less("dense_10", "dense_2"));
    CHECK(natural_less("a2b1", "a2b10"));
    CHECK(natural_less("a", "a1"));
    CHECK(natural_less("a1", "a01") != natural_less("a01", "a1"));
    CHECK_FALSE(natural_less("a", "a"));
    CHECK(natural_less("a9999999999999999999998", "a9999999999999999999999"));
  }
}
