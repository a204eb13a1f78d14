#include <doctest/doctest.h>

#include "model/fast/cut.h"
#include "model/fast_graph.h"
#include "support/sanitized.h"

// Layers large enough for threads to share them, in each of the ways that they are cut.

namespace ckpt::fast {
namespace {

using test::FastGraph;

Attributes window_of(std::int64_t size, std::int64_t stride, const char* activation = "linear") {
  Attributes attributes;
  attributes.set("window", std::vector<std::int64_t>{size, size});
  attributes.set("strides", std::vector<std::int64_t>{stride, stride});
  attributes.set("padding", std::string("same"));
  attributes.set("activation", std::string(activation));
  return attributes;
}

void check_threads(FastGraph& graph, const std::string& what) {
  graph.output();
  for (const InstructionSet set : available_instruction_sets()) {
    const RunResult one = graph.run({.engine = Engine::kFast, .instructions = set});
    for (const std::size_t threads : {2U, 3U, 7U}) {
      const RunResult many =
          graph.run({.engine = Engine::kFast, .threads = threads, .instructions = set});
      CHECK_MESSAGE(test::same_bytes(one, many),
                    what << ": " << threads << " threads on " << name_of(set));
    }
  }
}

}  // namespace

TEST_SUITE_BEGIN("model/fast_threads");

TEST_CASE("convolutions give the same for any number of threads") {
  for (const std::int64_t size : {1, 3}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t extent : {1, 7, 24}) {
        for (const std::int64_t filters : {24, 200}) {
          FastGraph graph;
          const auto x = graph.input({2, extent, extent, 70});
          const auto branch = graph.add("conv", window_of(size, stride), {x},
                                        {{"kernel", {size, size, 70, filters}}});
          const auto y = graph.add("conv", window_of(size, stride), {x},
                                   {{"kernel", {size, size, 70, filters}}, {"bias", {filters}}});
          const auto sum = graph.add("add_layers", {}, {branch, y});
          Attributes silu;
          silu.set("activation", std::string("silu"));
          graph.add("activation", silu, {sum});
          check_threads(graph,
                        cat(size, " × ", size, " / ", stride, " on ", extent, ", ", filters));
        }
      }
    }
  }
}

TEST_CASE("convolutions of groups give the same for any number of threads") {
  FastGraph graph;
  Attributes attributes = window_of(3, 1);
  attributes.set("groups", std::int64_t{4});
  graph.add("conv", attributes, {graph.input({1, 30, 30, 64})}, {{"kernel", {3, 3, 16, 128}}});
  check_threads(graph, "groups");
}

TEST_CASE("transposed convolutions give the same for any number of threads") {
  FastGraph graph;
  graph.add("conv_transpose", window_of(3, 2, "relu"), {graph.input({2, 24, 24, 30})},
            {{"kernel", {3, 3, 40, 30}}, {"bias", {40}}});
  check_threads(graph, "transposed");
}

TEST_CASE("windows of each channel give the same for any number of threads") {
  for (const std::int64_t extent : {1, 2, 7, 33}) {
    for (const std::int64_t channels : {8, 83, 1000}) {
      if (kSanitized && extent * extent * channels > 100'000) continue;
      for (const char* kind : {"depthwise_conv", "max_pool", "average_pool", "global_max_pool",
                               "global_average_pool"}) {
        FastGraph graph;
        const auto x = graph.input({2, extent, extent, channels});
        if (std::string_view(kind) == "depthwise_conv") {
          graph.add(kind, window_of(3, 1, "silu"), {x},
                    {{"depthwise_kernel", {3, 3, channels, 1}}, {"bias", {channels}}});
        } else {
          graph.add(kind, window_of(3, 1), {x});
        }
        check_threads(graph, cat(kind, " on ", extent, ", ", channels, " channels"));
      }
    }
  }
}

TEST_CASE("one thread has the fewest blocks that fit, and all filters in each") {
  const Cut cut = cut_product({.units = 100, .most = 40, .panels = 9, .depth = 1000, .tile = 6}, 1);
  CHECK(cut.block == 34);
  CHECK(cut.parts == 1);
}

TEST_CASE("what takes no longer than to call a thread is one chunk") {
  const Cut cut = cut_product({.units = 4, .most = 4, .panels = 2, .depth = 50, .tile = 6}, 2);
  CHECK(cut.block == 4);
  CHECK(cut.parts == 1);
}

TEST_CASE("one row with many filters is cut into parts of them") {
  const Cut cut = cut_product({.panels = 100, .depth = 1000, .tile = 6}, 2);
  CHECK(cut.block == 1);
  CHECK(cut.parts >= 2);
  CHECK(cut.parts % 2 == 0);
}

TEST_CASE("many places with few filters are cut into blocks") {
  const Cut cut =
      cut_product({.units = 10'000, .most = 10'000, .panels = 1, .depth = 100, .tile = 6}, 4);
  CHECK(cut.block <= 2500);
  CHECK(cut.parts == 1);
}

TEST_SUITE_END();

}  // namespace ckpt::fast
