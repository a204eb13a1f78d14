#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "model/tiny_model.h"
#include "support/error_of.h"

// Layers one by one, against values worked out by hand.

namespace ckpt {
namespace {

using namespace test;
using Values = std::vector<double>;

bool near(const Values& got, const Values& expected) {
  if (got.size() != expected.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!(std::abs(got[i] - expected[i]) <= 1e-6 * std::max(1.0, std::abs(expected[i]))))
      return false;
  }
  return true;
}

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_SUITE_BEGIN("model/layers");

TEST_CASE("a dense layer multiplies, adds its bias and applies its activation") {
  const auto y = run_layer(
      layer("Dense", {{"units", 2}, {"activation", "relu"}}),
      {{"layers/dense/vars/0", {3, 2}, {1, 2, 3, 4, 5, 6}}, {"layers/dense/vars/1", {2}, {-30, 1}}},
      floats({2, 3}, {1, 2, 3, -1, 0, 1}));
  CHECK(y == Values{0, 29, 0, 5});
}

TEST_CASE("a convolution correlates; its padding is nothing, even or causal") {
  const auto conv = [](const json& extra) {
    json config{{"filters", 1}, {"kernel_size", {3}}, {"use_bias", false}};
    config.update(extra);
    return run_layer(layer("Conv1D", config), {{"layers/conv1d/vars/0", {3, 1, 1}, {1, 10, 100}}},
                     floats({1, 4, 1}, {1, 2, 3, 4}));
  };
  CHECK(conv(json::object()) == Values{321, 432});
  CHECK(conv({{"padding", "same"}}) == Values{210, 321, 432, 43});
  CHECK(conv({{"padding", "causal"}}) == Values{100, 210, 321, 432});
  CHECK(conv({{"padding", "same"}, {"strides", {2}}}) == Values{321, 43});
  CHECK(conv({{"padding", "same"}, {"dilation_rate", {2}}}) == Values{310, 420, 31, 42});
}

TEST_CASE("groups of a convolution see their own channels alone") {
  const auto y = run_layer(
      layer("Conv1D", {{"filters", 2}, {"kernel_size", {1}}, {"groups", 2}, {"use_bias", false}}),
      {{"layers/conv1d/vars/0", {1, 1, 2}, {10, 100}}}, floats({1, 2, 2}, {1, 2, 3, 4}));
  CHECK(y == Values{10, 200, 30, 400});
}

TEST_CASE("channels first is the same convolution of transposed images") {
  const auto y = run_layer(layer("Conv1D", {{"filters", 1},
                                            {"kernel_size", {2}},
                                            {"use_bias", false},
                                            {"data_format", "channels_first"}}),
                           {{"layers/conv1d/vars/0", {2, 2, 1}, {1, 10, 100, 1000}}},
                           floats({1, 2, 3}, {1, 2, 3, 4, 5, 6}));
  CHECK(y == Values{1 + 40 + 200 + 5000, 2 + 50 + 300 + 6000});
}

TEST_CASE("a transposed convolution spreads each element over the kernel") {
  const std::vector<Given> kernel{{"layers/conv1d_transpose/vars/0", {3, 1, 1}, {1, 10, 100}}};
  json config{{"filters", 1}, {"kernel_size", {3}}, {"strides", {2}}, {"use_bias", false}};
  const Tensor x = floats({1, 2, 1}, {1, 2});
  CHECK(run_layer(layer("Conv1DTranspose", config), kernel, x) == Values{1, 10, 102, 20, 200});
  config["padding"] = "same";
  CHECK(run_layer(layer("Conv1DTranspose", config), kernel, x) == Values{1, 10, 102, 20});
  // Theano begins one later, and its kernel is turned round.
  CHECK(run_layer(layer("Conv1DTranspose", config), kernel, x, {"", "theano"}) ==
        Values{10, 201, 20, 2});
}

TEST_CASE("kernels that Theano wrote are turned round, those of depthwise layers are not") {
  const Tensor x = floats({1, 3, 1}, {1, 2, 3});
  CHECK(run_layer(layer("Conv1D", {{"filters", 1}, {"kernel_size", {3}}, {"use_bias", false}}),
                  {{"layers/conv1d/vars/0", {3, 1, 1}, {1, 10, 100}}}, x,
                  {"", "theano"}) == Values{123});
  CHECK(run_layer(layer("DepthwiseConv1D", {{"kernel_size", {3}}, {"use_bias", false}}),
                  {{"layers/depthwise_conv1d/vars/0", {3, 1, 1}, {1, 10, 100}}}, x,
                  {"", "theano"}) == Values{321});
}

TEST_CASE("a depthwise layer gives each channel its own filters") {
  CHECK(run_layer(layer("DepthwiseConv1D",
                        {{"kernel_size", {1}}, {"depth_multiplier", 2}, {"use_bias", false}}),
                  {{"layers/depthwise_conv1d/vars/0", {1, 2, 2}, {1, 10, 100, 1000}}},
                  floats({1, 1, 2}, {3, 4})) == Values{3, 30, 400, 4000});
}

TEST_CASE("pooling leaves padding out of the mean and the maximum") {
  const Tensor x = floats({1, 3, 1}, {-1, -2, -4});
  const json config{{"pool_size", {2}}, {"padding", "same"}};
  CHECK(run_layer(layer("MaxPooling1D", config), {}, x) == Values{-1, -4});
  CHECK(run_layer(layer("AveragePooling1D", config), {}, x) == Values{-1.5, -4});
  CHECK(near(run_layer(layer("GlobalAveragePooling1D", json::object()), {}, x), {-7.0 / 3}));
}

TEST_CASE("normalisations") {
  const std::vector<Given> of_batch{{"layers/batch_normalization/vars/0", {2}, {2, 3}},
                                    {"layers/batch_normalization/vars/1", {2}, {10, 20}},
                                    {"layers/batch_normalization/vars/2", {2}, {1, 2}},
                                    {"layers/batch_normalization/vars/3", {2}, {4, 9}}};
  CHECK(run_layer(layer("BatchNormalization", {{"epsilon", 0}}), of_batch,
                  floats({1, 2}, {5, 8})) == Values{14, 26});
  const json plain{{"epsilon", 0}, {"center", false}, {"scale", false}};
  CHECK(run_layer(layer("LayerNormalization", plain), {}, floats({1, 2}, {1, 5})) == Values{-1, 1});
  CHECK(near(run_layer(layer("UnitNormalization", json::object()), {}, floats({1, 2}, {3, 4})),
             {0.6, 0.8}));
  json groups = plain;
  groups["groups"] = 2;
  CHECK(run_layer(layer("GroupNormalization", groups), {}, floats({1, 4}, {1, 3, 5, 5.5})) ==
        Values{-1, 1, -1, 1});
  CHECK(near(run_layer(layer("RMSNormalization", {{"epsilon", 0}, {"scale", true}}),
                       {{"layers/rms_normalization/vars/0", {2}, {1, 2}}}, floats({1, 2}, {1, 7})),
             {0.2, 2.8}));
}

TEST_CASE("recurrent layers keep a state, and masked steps leave it alone") {
  const std::vector<Given> simple{{"layers/simple_rnn/cell/vars/0", {1, 1}, {1}},
                                  {"layers/simple_rnn/cell/vars/1", {1, 1}, {10}}};
  json config{{"units", 1}, {"activation", "linear"}, {"use_bias", false}};
  const Tensor x = floats({1, 3, 1}, {1, 2, 3});
  CHECK(run_layer(layer("SimpleRNN", config), simple, x) == Values{123});
  config["go_backwards"] = true;
  config["return_sequences"] = true;
  CHECK(run_layer(layer("SimpleRNN", config), simple, x) == Values{3, 32, 321});

  config["go_backwards"] = false;
  const auto masked = run_config(
      sequential({3, 1}, {layer("Masking", {{"mask_value", 2}}), layer("SimpleRNN", config)}),
      simple, {x});
  CHECK(values_of(masked.outputs.at(0).tensor) == Values{1, 1, 13});
}

TEST_CASE("an LSTM's gates stand in the order input, forget, candidate, output") {
  const auto y = run_layer(layer("LSTM", {{"units", 1}}),
                           {{"layers/lstm/cell/vars/0", {1, 4}, {1, 2, 3, 4}},
                            {"layers/lstm/cell/vars/1", {1, 4}, {0.5, 0.25, -0.5, 1}},
                            {"layers/lstm/cell/vars/2", {4}, {0.1F, 0.2F, 0.3F, 0.4F}}},
                           floats({1, 2, 1}, {0.5, -0.25}));
  double h = 0;
  double c = 0;
  for (const double x : {0.5, -0.25}) {
    const double i = sigma(x + 0.5 * h + 0.1);
    const double f = sigma(2 * x + 0.25 * h + 0.2);
    const double g = std::tanh(3 * x - 0.5 * h + 0.3);
    const double o = sigma(4 * x + h + 0.4);
    c = f * c + i * g;
    h = o * std::tanh(c);
  }
  CHECK(near(y, {h}));
}

TEST_CASE("a GRU resets its state before or after the product") {
  for (const bool after : {false, true}) {
    CAPTURE(after);
    const std::vector<float> bias = after ? std::vector<float>{0.5F, 0.25F, 0.125F, 1, 2, 3}
                                          : std::vector<float>{0.5F, 0.25F, 0.125F};
    const auto y = run_layer(layer("GRU", {{"units", 1}, {"reset_after", after}}),
                             {{"layers/gru/cell/vars/0", {1, 3}, {1, 2, 3}},
                              {"layers/gru/cell/vars/1", {1, 3}, {4, 5, 6}},
                              {"layers/gru/cell/vars/2", after ? Shape{2, 3} : Shape{3}, bias}},
                             floats({1, 2, 1}, {0.5, -0.25}));
    double h = 0;
    for (const double x : {0.5, -0.25}) {
      const double z = sigma(x + 0.5 + 4 * h + (after ? 1 : 0));
      const double r = sigma(2 * x + 0.25 + 5 * h + (after ? 2 : 0));
      const double inner = after ? r * (6 * h + 3) : 6 * (r * h);
      h = z * h + (1 - z) * std::tanh(3 * x + 0.125 + inner);
    }
    CHECK(near(y, {h}));
  }
}

TEST_CASE("the hard sigmoid of Keras 2 is another one than that of Keras 3") {
  const json one = layer("Activation", {{"activation", "hard_sigmoid"}});
  const Tensor x = floats({1, 2}, {1, 2.75});
  CHECK(near(run_layer(one, {}, x), {1.0 / 6 + 0.5, 2.75 / 6 + 0.5}));
  CHECK(near(run_layer(one, {}, x, {"2.3.1", ""}), {0.7, 1}));
}

TEST_CASE("an embedding's mask reaches the mean") {
  const auto result = run_config(
      sequential({3},
                 {layer("Embedding", {{"input_dim", 3}, {"output_dim", 1}, {"mask_zero", true}}),
                  layer("GlobalAveragePooling1D", json::object())}),
      {{"layers/embedding/vars/0", {3, 1}, {100, 1, 2}}}, {floats({1, 3}, {1, 0, 2})});
  CHECK(values_of(result.outputs.at(0).tensor) == Values{1.5});
}

TEST_CASE("padding, cropping and up-sampling") {
  const Tensor x = floats({1, 3, 1}, {1, 2, 3});
  CHECK(run_layer(layer("ZeroPadding1D", {{"padding", {1, 2}}}), {}, x) ==
        Values{0, 1, 2, 3, 0, 0});
  CHECK(run_layer(layer("Cropping1D", {{"cropping", {1, 1}}}), {}, x) == Values{2});
  CHECK(run_layer(layer("UpSampling1D", {{"size", 2}}), {}, x) == Values{1, 1, 2, 2, 3, 3});
  CHECK(error_of([&] {
          run_layer(layer("Cropping1D", {{"cropping", {2, 2}}}, "c"), {}, x);
        }) == "layer 'c' (Cropping1D): it crops more than there is");
}

TEST_CASE("categories become rows of ones, and numbers bins") {
  CHECK(run_layer(layer("CategoryEncoding", {{"num_tokens", 3}, {"output_mode", "multi_hot"}}), {},
                  floats({1, 2}, {2, 0})) == Values{1, 0, 1});
  CHECK(run_layer(layer("Discretization", {{"bin_boundaries", {0, 10}}}), {},
                  floats({1, 4}, {-1, 0, 9, 10})) == Values{0, 1, 1, 2});
  CHECK(run_layer(layer("Rescaling", {{"scale", 2}, {"offset", -1}}), {}, floats({1, 2}, {1, 3})) ==
        Values{1, 5});
  CHECK(run_layer(layer("Normalization", {{"axis", -1}, {"mean", {1, 2}}, {"variance", {4, 9}}}),
                  {}, floats({1, 2}, {3, 8})) == Values{1, 2});
}

TEST_CASE("activations that are layers have their parameters") {
  const Tensor x = floats({1, 2}, {-2, 3});
  CHECK(run_layer(layer("LeakyReLU", {{"negative_slope", 0.5}}), {}, x) == Values{-1, 3});
  CHECK(near(run_layer(layer("ELU", {{"alpha", 2}}), {}, x), {2 * std::expm1(-2), 3}));
  CHECK(run_layer(layer("PReLU", json::object()), {{"layers/p_re_lu/vars/0", {2}, {0.25, 9}}}, x) ==
        Values{-0.5, 3});
  CHECK(run_layer(layer("ReLU", {{"max_value", 2}, {"negative_slope", 0.5}, {"threshold", 1}}), {},
                  x) == Values{-1.5, 2});
}

TEST_CASE("what works in training alone passes its input on") {
  const Tensor x = floats({1, 2, 2, 1}, {1, -2, 3, 4});
  for (const char* name : {"Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout",
                           "AlphaDropout", "ActivityRegularization", "Identity", "RandomFlip",
                           "RandomRotation", "RandomZoom", "RandomContrast"}) {
    CAPTURE(name);
    CHECK(run_layer(layer(name, {{"rate", 0.5}}), {}, x) == Values{1, -2, 3, 4});
  }
}

TEST_CASE("images are cropped and resized") {
  const Tensor x = floats({1, 3, 4, 1}, {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23});
  CHECK(run_layer(layer("Cropping2D", {{"cropping", {{1, 1}, {0, 2}}}}), {}, x) == Values{10, 11});
  CHECK(run_layer(layer("CenterCrop", {{"height", 1}, {"width", 2}}), {}, x) == Values{11, 12});
  const Tensor row = floats({1, 1, 2, 1}, {0, 1});
  CHECK(run_layer(layer("Resizing", {{"height", 1}, {"width", 4}}), {}, row) ==
        Values{0, 0.25, 0.75, 1});
  CHECK(run_layer(layer("Resizing", {{"height", 1}, {"width", 4}, {"interpolation", "nearest"}}),
                  {}, row) == Values{0, 0, 1, 1});
}

TEST_CASE("half precision is rounded after each operation") {
  // 2048 + 1 is no f16: the bias is lost.
  const auto y =
      run_layer(layer("Dense", {{"units", 1}, {"dtype", "mixed_float16"}}),
                {{"layers/dense/vars/0", {1, 1}, {2048}}, {"layers/dense/vars/1", {1}, {1}}},
                floats({1, 1}, {1}));
  CHECK(y == Values{2048});
}

TEST_CASE("eight-bit weights are multiplied with an input of eight bits") {
  const auto y =
      run_layer(layer("Dense", {{"units", 1}, {"dtype", "int8_from_float32"}, {"use_bias", false}}),
                {{"layers/dense/vars/0", {2, 1}, {100, -50}}, {"layers/dense/vars/1", {1}, {50}}},
                floats({1, 2}, {1, 0.25}));
  // 127 and 32 (31.75) times 100 and -50, over 127 and 50.
  CHECK(near(y, {(127.0 * 100 - 32 * 50) / 127 / 50}));
}

TEST_SUITE_END();

}  // namespace ckpt
