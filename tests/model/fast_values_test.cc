#include <doctest/doctest.h>

#include <algorithm>

#include "model/fast_graph.h"
#include "support/error_of.h"

// Products of values, variables as values, and tables: the fast engine against the reference.

namespace ckpt {
namespace {

using test::check_engines;
using test::FastGraph;

Attributes integers(const char* name, std::vector<std::int64_t> values) {
  Attributes attributes;
  attributes.set(name, std::move(values));
  return attributes;
}

}  // namespace

TEST_SUITE_BEGIN("model/fast_values");

TEST_CASE("products of matrices of every small size are the reference's") {
  for (const std::int64_t rows : {1, 2, 7, 13, 100}) {
    for (const std::int64_t depth : {1, 3, 20}) {
      for (const std::int64_t columns : {1, 4, 8, 15, 16, 17, 33, 70}) {
        FastGraph graph;
        const auto a = graph.input({rows, depth});
        const auto b = graph.input({depth, columns});
        graph.add("matmul", {}, {a, b});
        graph.output();
        check_engines(graph, static_cast<std::size_t>(depth),
                      cat(rows, " × ", depth, " × ", columns));
      }
    }
  }
}

TEST_CASE("batches of matrices are repeated where an extent is one or missing") {
  const Shape fronts[] = {{}, {1}, {3}, {2, 1}, {1, 3}, {2, 3}};
  for (const Shape& left : fronts) {
    for (const Shape& right : fronts) {
      Shape a = left;
      Shape b = right;
      a.insert(a.end(), {5, 4});
      b.insert(b.end(), {4, 18});
      FastGraph graph;
      const auto x = graph.input(a);
      graph.add("matmul", {}, {x, graph.input(b)});
      graph.output();
      check_engines(graph, 4, cat(to_string(a), " · ", to_string(b)));
    }
  }
}

TEST_CASE("a variable is a value, read by a product or by anything else") {
  for (const std::int64_t filters : {3, 40}) {
    FastGraph graph;
    const auto x = graph.input({6, 5});
    const auto w = graph.add("variable", {}, {}, {{"variable", {1, 5, filters}}});
    const auto kernel = graph.add("reshape", integers("target", {5, filters}), {w});
    const auto product = graph.add("matmul", {}, {x, kernel});  // the variable itself
    graph.output();
    const auto bias = graph.add("variable", {}, {}, {{"variable", {6, filters}}});
    const auto sum = graph.add("add_layers", {}, {product, bias});
    const auto turned = graph.add("permute", integers("axes", {1, 0}), {sum});
    graph.add("matmul", {}, {kernel, turned});  // the variable on the left
    graph.output();
    graph.add("permute", integers("axes", {1, 0}), {kernel});
    graph.output();
    graph.output(kernel);  // asked for as it is
    check_engines(graph, static_cast<std::size_t>(filters) + 5, cat(filters, " filters"));
  }
}

TEST_CASE("rows of every width are normalized as the reference does it") {
  for (const std::int64_t width : {1, 2, 7, 16, 33, 100}) {
    for (const bool has_variables : {true, false}) {
      FastGraph graph;
      Attributes attributes = integers("axes", {-1});
      attributes.set("epsilon", 1e-3);
      std::vector<FastGraph::Role> variables;
      if (has_variables) variables = {{"gamma", {width}}, {"beta", {width}}};
      graph.add("layer_norm", attributes, {graph.input({3, 5, width})}, variables);
      graph.output();
      check_engines(graph, static_cast<std::size_t>(width), cat("width ", width));
    }
  }
}

TEST_CASE("axes in every order are the reference's") {
  std::vector<std::int64_t> axes{0, 1, 2, 3};
  do {
    FastGraph graph;
    graph.add("permute", integers("axes", axes), {graph.input({2, 3, 4, 5})});
    graph.output();
    check_engines(graph, 1, to_string(axes));
  } while (std::next_permutation(axes.begin(), axes.end()));
}

TEST_CASE("rows of a table and products with all of them are the reference's") {
  for (const std::int64_t width : {1, 9, 32}) {
    for (const std::int64_t rows : {5, 16, 50}) {
      FastGraph graph;
      const auto x = graph.input({2, 7}, DType::kI32);
      graph.add("embedding", {}, {x}, {{"embeddings", {rows, width}}});
      graph.output();
      graph.add("reverse_embedding", {}, {graph.input({2, 3, width})},
                {{"embeddings", {rows, width}}});
      graph.output();
      check_engines(graph, static_cast<std::size_t>(width), cat(rows, " rows of ", width));
    }
  }
}

TEST_CASE("an einsum that is a dense layer is one, and others are the reference's") {
  struct Row {
    const char* equation;
    Shape input, kernel, bias;
    std::size_t terms, references;
  };
  const Row rows[] = {
      {"ab,bc->ac", {4, 6}, {6, 7}, {7}, 6, 0},
      {"abc,cde->abde", {2, 3, 6}, {6, 4, 5}, {4, 5}, 6, 0},
      {"abcd,cde->abe", {2, 3, 4, 5}, {4, 5, 18}, {18}, 20, 0},
      {"abc,cde->abde", {2, 3, 6}, {6, 4, 5}, {5}, 6, 1},  // a bias of one axis alone
      {"abc,cd->adb", {2, 3, 6}, {6, 4}, {1}, 6, 1},       // another order
      {"abc,bd->acd", {2, 3, 6}, {3, 4}, {4}, 3, 1},       // not the last axis
      {"abc,bcd->abd", {2, 3, 6}, {3, 6, 4}, {4}, 6, 1},   // b is in all three
  };
  for (const Row& row : rows) {
    FastGraph graph;
    Attributes attributes;
    attributes.set("equation", std::string(row.equation));
    attributes.set("activation", std::string("relu"));
    graph.add("einsum_dense", attributes, {graph.input(row.input)},
              {{"kernel", row.kernel}, {"bias", row.bias}});
    graph.output();
    check_engines(graph, row.terms, row.equation, row.references);
  }
}

TEST_CASE("a normalization behind an einsum goes into the kernel of each of its axes") {
  FastGraph graph;
  Attributes attributes;
  attributes.set("equation", std::string("abc,cde->abde"));
  const auto x = graph.add("einsum_dense", attributes, {graph.input({2, 3, 6})},
                           {{"kernel", {6, 4, 5}}, {"bias", {4, 5}}});
  Attributes norm;
  norm.set("epsilon", 1e-3);
  graph.add("batch_norm", norm, {x},
            {{"gamma", {5}}, {"moving_mean", {5}}, {"moving_variance", {5}}});
  graph.output();
  check_engines(graph, 12, "einsum with a normalization");
}

TEST_CASE("an index outside of a table is refused with the same words by both engines") {
  FastGraph graph;
  const auto x = graph.input({2, 3}, DType::kI32);
  graph.add("embedding", {}, {x}, {{"embeddings", {4, 2}}});
  graph.output();
  for (const Engine engine : {Engine::kReference, Engine::kFast}) {
    CHECK(error_of([&] { (void)graph.run({.engine = engine}); }) ==
          "layer 'embedding0': index 4 is outside of the embeddings, of which there are 4");
  }
}

TEST_CASE("products give the same for any number of threads") {
  FastGraph graph;
  const auto a = graph.input({2, 300, 70});
  graph.add("matmul", {}, {a, graph.input({2, 70, 90})});
  graph.output();
  const RunResult one = graph.run({.engine = Engine::kFast});
  for (const std::size_t threads : {2U, 5U}) {
    CHECK(test::same_bytes(one, graph.run({.engine = Engine::kFast, .threads = threads})));
  }
}

TEST_SUITE_END();

}  // namespace ckpt
