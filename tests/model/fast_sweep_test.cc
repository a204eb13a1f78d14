#include <doctest/doctest.h>

#include "core/error.h"
#include "model/fast_graph.h"
#include "support/sanitized.h"

// The fast engine against the reference: all small shapes, strides, paddings, dilations and groups.

namespace ckpt {
namespace {

using test::check_engines;
using test::FastGraph;
using Extents = std::vector<std::int64_t>;

struct Conv {
  Extents in;  // spatial
  Extents window;
  Extents strides;
  Extents dilation;
  std::string padding;
  std::int64_t channels = 1;
  std::int64_t filters = 1;
  std::int64_t groups = 1;
  std::int64_t batch = 1;
  std::string activation = "linear";

  [[nodiscard]] std::string words() const {
    return cat("in ", to_string(in), " window ", to_string(window), " strides ", to_string(strides),
               " dilation ", to_string(dilation), " ", padding, " channels ", channels, " filters ",
               filters, " groups ", groups, " batch ", batch);
  }

  [[nodiscard]] std::size_t taps() const {
    std::size_t taps = 1;
    for (const std::int64_t extent : window) taps *= static_cast<std::size_t>(extent);
    return taps;
  }

  [[nodiscard]] Attributes attributes() const {
    Attributes attributes;
    attributes.set("window", window);
    attributes.set("strides", strides);
    attributes.set("dilation", dilation);
    attributes.set("padding", padding);
    attributes.set("groups", groups);
    attributes.set("activation", activation);
    return attributes;
  }

  [[nodiscard]] Shape shape() const {
    Shape shape{batch};
    shape.insert(shape.end(), in.begin(), in.end());
    shape.push_back(channels);
    return shape;
  }

  [[nodiscard]] Shape kernel(std::int64_t depth, std::int64_t width) const {
    Shape shape = window;
    shape.push_back(depth);
    shape.push_back(width);
    return shape;
  }
};

void check_conv(const Conv& c) {
  FastGraph graph;
  const auto x = graph.input(c.shape());
  graph.add("conv", c.attributes(), {x},
            {{"kernel", c.kernel(c.channels / c.groups, c.filters)}, {"bias", {c.filters}}});
  graph.output();
  check_engines(graph, c.taps() * static_cast<std::size_t>(c.channels / c.groups), c.words());
}

void check_depthwise(const Conv& c, std::int64_t multiplier) {
  FastGraph graph;
  const auto x = graph.input(c.shape());
  graph.add("depthwise_conv", c.attributes(), {x},
            {{"depthwise_kernel", c.kernel(c.channels, multiplier)},
             {"bias", {c.channels * multiplier}}});
  graph.output();
  check_engines(graph, c.taps(), cat("depthwise × ", multiplier, " ", c.words()));
}

void check_transposed(const Conv& c) {
  FastGraph graph;
  const auto x = graph.input(c.shape());
  graph.add("conv_transpose", c.attributes(), {x},
            {{"kernel", c.kernel(c.filters, c.channels)}, {"bias", {c.filters}}});
  graph.output();
  check_engines(graph, c.taps() * static_cast<std::size_t>(c.channels),
                cat("transposed ", c.words()));
}

void check_pool(const Conv& c) {
  for (const char* kind : {"max_pool", "average_pool"}) {
    FastGraph graph;
    graph.add(kind, c.attributes(), {graph.input(c.shape())});
    graph.output();
    check_engines(graph, c.taps(), cat(kind, " ", c.words()));
  }
}

// Calls f for all geometries of a window over [h, w] that make sense.
template <typename F>
void for_each_geometry(F f) {
  int number = 0;
  for (const std::int64_t h : {1, 2, 3, 6}) {
    for (const std::int64_t w : {1, 2, 5, 9}) {
      for (const std::int64_t kh : {1, 2, 3}) {
        for (const std::int64_t kw : {1, 2, 3, 5}) {
          for (const std::int64_t stride : {1, 2, 3}) {
            for (const std::int64_t dilation : {1, 2}) {
              for (const char* padding : {"valid", "same"}) {
                const bool fits = (kh - 1) * dilation < h && (kw - 1) * dilation < w;
                if (std::string_view(padding) == "valid" && !fits) continue;
                if (++number % kStride<5> != 0) continue;
                f(Conv{{h, w}, {kh, kw}, {stride, 4 - stride}, {dilation, 3 - dilation}, padding});
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace

TEST_SUITE_BEGIN("model/fast_sweep");

TEST_CASE("convolutions of every small geometry are the reference's") {
  for_each_geometry([](Conv c) {
    const bool fits = c.padding == "same" || (c.window[1] - 1) * c.dilation[1] < c.in[1];
    if (!fits || (c.padding == "valid" && (c.window[0] - 1) * c.dilation[0] >= c.in[0])) return;
    c.channels = 3;
    c.filters = 5;
    check_conv(c);
  });
}

TEST_CASE("depthwise convolutions and poolings of every small geometry are the reference's") {
  for_each_geometry([](Conv c) {
    if (c.padding == "valid" && (c.window[1] - 1) * c.dilation[1] >= c.in[1]) return;
    c.channels = 19;
    check_depthwise(c, 1);
    check_pool(c);
  });
}

TEST_CASE("transposed convolutions of every small geometry are the reference's") {
  for_each_geometry([](Conv c) {
    c.channels = 3;
    c.filters = 5;
    check_transposed(c);
  });
  check_transposed({{5}, {4}, {2}, {1}, "same", 6, 10, 1, 2});
  check_transposed({{3, 2, 4}, {2, 3, 2}, {2, 1, 3}, {1, 1, 1}, "valid", 4, 18, 1, 2});
}

TEST_CASE("a transposed convolution takes its normalization and activation with it") {
  FastGraph graph;
  Conv c{{4, 5}, {3, 3}, {2, 2}, {1, 1}, "same", 6, 21, 1, 2, "linear"};
  const auto x = graph.input(c.shape());
  const auto y = graph.add("conv_transpose", c.attributes(), {x},
                           {{"kernel", c.kernel(c.filters, c.channels)}});
  Attributes norm;
  norm.set("epsilon", 1e-3);
  const auto z = graph.add("batch_norm", norm, {y},
                           {{"gamma", {21}}, {"moving_mean", {21}}, {"moving_variance", {21}}});
  Attributes relu;
  relu.set("activation", std::string("silu"));
  graph.add("activation", relu, {z});
  graph.output();
  check_engines(graph, 54, "transposed with its tail");
  for (const char* activation : {"relu", "tanh", "softmax"}) {
    c.activation = activation;
    check_transposed(c);
  }
}

TEST_CASE("convolutions of every number of channels, filters and groups are the reference's") {
  for (const std::int64_t groups : {1, 2, 3}) {
    for (const std::int64_t depth : {1, 2, 7, 16}) {
      for (const std::int64_t width : {1, 3, 4, 8, 9, 15, 16, 17, 31, 33, 50}) {
        for (const std::int64_t batch : {1, 3}) {
          for (const std::int64_t window : {1, 3}) {
            check_conv({{4, 5},
                        {window, window},
                        {1, 2},
                        {1, 1},
                        batch == 1 ? "same" : "valid",
                        depth * groups,
                        width * groups,
                        groups,
                        batch});
          }
        }
      }
    }
  }
}

TEST_CASE("depthwise convolutions of every number of channels and filters are the reference's") {
  for (std::int64_t channels = 1; channels <= 40; ++channels) {
    for (const std::int64_t multiplier : {1, 2, 3}) {
      check_depthwise({{5, 11}, {3, 3}, {1, 1}, {1, 1}, "same", channels}, multiplier);
    }
  }
}

TEST_CASE("convolutions and poolings in one and three dimensions are the reference's") {
  for (const std::int64_t stride : {1, 2}) {
    for (const std::int64_t dilation : {1, 2}) {
      for (const char* padding : {"valid", "same", "causal"}) {
        const Conv line{{9}, {3}, {stride}, {dilation}, padding, 6, 10, 2, 2};
        check_conv(line);
        check_depthwise(line, 1);
        if (std::string_view(padding) == "causal") continue;
        check_pool(line);
        const Conv cube{{5, 6, 7}, {2, 3, 2}, {stride, 1, 2}, {1, dilation, 1}, padding, 4, 6,
                        2,         2};
        check_conv(cube);
        check_pool(cube);
      }
    }
  }
}

TEST_CASE("dense layers of every number of rows and units are the reference's") {
  for (std::int64_t rows = 1; rows <= 27; ++rows) {
    for (const std::int64_t units : {1, 7, 8, 16, 33, 40}) {
      FastGraph graph;
      graph.add("dense", {}, {graph.input({rows, 9})}, {{"kernel", {9, units}}, {"bias", {units}}});
      graph.output();
      check_engines(graph, 9, cat(rows, " rows, ", units, " units"));
    }
  }
}

TEST_CASE("blocks larger than the cache and rows of many tiles are the reference's") {
  check_conv({{40, 31}, {3, 3}, {1, 1}, {1, 1}, "same", 65, 40});
  check_conv({{33, 47}, {1, 1}, {1, 1}, {1, 1}, "valid", 130, 24});
  check_conv({{61, 9}, {1, 1}, {2, 2}, {1, 1}, "valid", 400, 33});
  check_conv({{20, 20}, {5, 5}, {1, 1}, {1, 1}, "same", 40, 34, 2, 2});
}

TEST_CASE("activations behind a convolution are the reference's") {
  for (const char* activation :
       {"relu", "relu6", "hard_tanh", "sigmoid", "silu", "hard_sigmoid", "hard_silu", "tanh",
        "gelu", "elu", "hard_sigmoid_2", "softmax", "leaky_relu"}) {
    check_conv({{4, 5}, {3, 3}, {1, 1}, {1, 1}, "same", 6, 21, 1, 2, activation});
    check_depthwise({{4, 5}, {3, 3}, {1, 1}, {1, 1}, "same", 21, 21, 1, 2, activation}, 1);
  }
}

TEST_SUITE_END();

}  // namespace ckpt
