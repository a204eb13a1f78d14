// Part K of the scope rules: layers and recurrent cells.

#include "scope/layers.h"

#include <doctest/doctest.h>

#include "core/text.h"
#include "scope/rnn_cells.h"
#include "support/error_of.h"
#include "support/scope_code_of.h"

using ckpt::cat;
using ckpt::ContribLayer;
using ckpt::dense;
using ckpt::Layer;
using ckpt::Reuse;
using ckpt::ScopeErrc;
using ckpt::Shape;
using ckpt::Variable;
using ckpt::VariableScope;
using ckpt::VariableStore;

TEST_SUITE("scope/layers") {
  TEST_CASE("K189: unnamed dense layers are numbered") {
    VariableStore store;
    const auto first = dense(store, 2, 3);
    const auto second = dense(store, 2, 3);
    CHECK(first.kernel->name() == "dense/kernel");
    CHECK(first.bias->name() == "dense/bias");
    CHECK(first.kernel->shape() == Shape{2, 3});
    CHECK(first.bias->shape() == Shape{3});
    CHECK(second.kernel->name() == "dense_1/kernel");
    CHECK(second.bias->name() == "dense_1/bias");
  }

  TEST_CASE("K191: a named dense layer is shared where the second call reuses") {
    VariableStore store;
    const auto first = dense(store, 2, 3, {.name = "fc"});
    const auto second = dense(store, 2, 3, {.name = "fc", .reuse = Reuse::kTrue});
    CHECK(second.kernel == first.kernel);
    CHECK(second.bias == first.bias);
    CHECK(error_of([&] { dense(store, 2, 3, {.name = "fc"}); })
              .starts_with("fc/kernel: this variable already exists, first made at "
                           "layers_test.cc:"));
  }

  TEST_CASE("K192: two layer objects of one name are two sets of variables, silently") {
    VariableStore store;
    Layer first = Layer::object(store, "dense", {.name = "fc"});
    Layer second = Layer::object(store, "dense", {.name = "fc"});
    Variable* w = first.apply({{.name = "kernel", .shape = {2, 3}}})[0];
    CHECK(w->name() == "fc/kernel");
    CHECK(second.apply({{.name = "kernel", .shape = {2, 3}}})[0]->name() == "fc_1/kernel");
    CHECK(first.apply({{.name = "kernel", .shape = {2, 3}}})[0] == w);
  }

  TEST_CASE("K195: dense with reuse and a name that is not there is an error") {
    VariableStore store;
    CHECK(error_of([&] {
            dense(store, 2, 3, {.name = "fc", .reuse = Reuse::kTrue});
          }).starts_with("fc/kernel: this variable does not exist"));
  }

  TEST_CASE("K196: a named dense layer with AUTO is shared") {
    VariableStore store;
    const auto first = dense(store, 2, 3, {.name = "fc", .reuse = Reuse::kAuto});
    CHECK(dense(store, 2, 3, {.name = "fc", .reuse = Reuse::kAuto}).kernel == first.kernel);
  }

  TEST_CASE("K197: a scope that is reused shares its unnamed layers pairwise") {
    VariableStore store;
    const auto model = [&](Reuse reuse) {
      const auto m = store.open("m", {.reuse = reuse});
      return std::vector{dense(store, 2, 3).kernel, dense(store, 2, 3).kernel};
    };
    const auto first = model(Reuse::kFalse);
    CHECK(first[0]->name() == "m/dense/kernel");
    CHECK(first[1]->name() == "m/dense_1/kernel");
    CHECK(model(Reuse::kTrue) == first);
  }

  TEST_CASE("K198: without reuse the second visit is an error") {
    VariableStore store;
    const auto model = [&] {
      const auto m = store.open("m");
      dense(store, 2, 3);
    };
    model();
    CHECK(scope_code_of(model) == ScopeErrc::kExists);
  }

  TEST_CASE("K201: towers by name scopes under the reused root share one set") {
    VariableStore store;
    const VariableScope root = store.current_scope();
    std::vector<Variable*> kernels;
    for (int i = 0; i < 3; ++i) {
      const auto scope = store.open(root, {.reuse = i > 0 ? Reuse::kTrue : Reuse::kFalse});
      const auto tower = store.name_scope(cat("tower_", i));
      kernels.push_back(dense(store, 2, 3).kernel);
    }
    CHECK(kernels[0]->name() == "dense/kernel");
    CHECK(kernels[1] == kernels[0]);
    CHECK(kernels[2] == kernels[0]);
    CHECK(store.variables().size() == 2);
  }

  TEST_CASE("K202: towers by variable scopes are a full copy each") {
    VariableStore store;
    std::vector<std::string> names;
    for (int i = 0; i < 2; ++i) {
      const auto tower = store.open(cat("tower_", i));
      names.push_back(dense(store, 2, 3, {.name = "fc"}).kernel->name());
    }
    CHECK(names == std::vector<std::string>{"tower_0/fc/kernel", "tower_1/fc/kernel"});
  }

  TEST_CASE("K203: a dense layer with a scope object has its variables right in it") {
    VariableStore store;
    const VariableScope t1 = store.open("t1").scope();
    CHECK(dense(store, 2, 3, {.scope = t1}).kernel->name() == "t1/kernel");
  }

  TEST_CASE("K204: a name scope alone is not in the names of a layer's variables") {
    VariableStore store;
    const auto n = store.name_scope("n");
    CHECK(dense(store, 2, 3).kernel->name() == "dense/kernel");
  }

  TEST_CASE("K205: a function that opens its own scope inside that scope makes a second set") {
    VariableStore store;
    const auto discriminator = [&] {
      const auto scope = store.open("discriminator", {.reuse = Reuse::kAuto});
      return dense(store, 2, 3, {.name = "fc"}).kernel->name();
    };
    CHECK(discriminator() == "discriminator/fc/kernel");
    const auto outer = store.open("discriminator");
    CHECK(discriminator() == "discriminator/discriminator/fc/kernel");
  }

  TEST_CASE("K206: contrib layers have their own default names and variables") {
    VariableStore store;
    const auto names_of = [&](ContribLayer layer, const Shape& kernel) {
      std::vector<std::string> names;
      for (const Variable* v : ckpt::contrib_layer(store, layer, kernel, 4)) {
        names.push_back(v->name());
      }
      return names;
    };
    using Names = std::vector<std::string>;
    CHECK(names_of(ContribLayer::kFullyConnected, {3, 4}) ==
          Names{"fully_connected/weights", "fully_connected/biases"});
    CHECK(names_of(ContribLayer::kFullyConnected, {3, 4}) ==
          Names{"fully_connected_1/weights", "fully_connected_1/biases"});
    CHECK(names_of(ContribLayer::kConv2d, {3, 3, 1, 4}) == Names{"Conv/weights", "Conv/biases"});
    CHECK(names_of(ContribLayer::kConv2dTranspose, {3, 3, 4, 1}) ==
          Names{"Conv2d_transpose/weights", "Conv2d_transpose/biases"});
    CHECK(names_of(ContribLayer::kSeparableConv2d, {3, 3, 2, 1}) ==
          Names{"SeparableConv2d/depthwise_weights", "SeparableConv2d/pointwise_weights",
                "SeparableConv2d/biases"});
    CHECK(names_of(ContribLayer::kBatchNorm, {}) == Names{"BatchNorm/beta", "BatchNorm/gamma",
                                                          "BatchNorm/moving_mean",
                                                          "BatchNorm/moving_variance"});
    CHECK(names_of(ContribLayer::kLayerNorm, {}) == Names{"LayerNorm/beta", "LayerNorm/gamma"});
    CHECK(store.find("BatchNorm/moving_mean")->trainable() == false);
    CHECK(store.find("SeparableConv2d/pointwise_weights")->shape() == Shape{1, 1, 2, 4});
  }

  TEST_CASE("conv2d and batch_normalization are numbered as dense is") {
    VariableStore store;
    CHECK(ckpt::conv2d(store, {3, 3, 1, 8}).kernel->name() == "conv2d/kernel");
    CHECK(ckpt::conv2d(store, {3, 3, 1, 8}).bias->shape() == Shape{8});
    CHECK(store.find("conv2d_1/bias") != nullptr);
    CHECK(ckpt::batch_normalization(store, 8)[3]->name() == "batch_normalization/moving_variance");
    CHECK(ckpt::batch_normalization(store, 8)[0]->name() == "batch_normalization_1/gamma");
    CHECK(store.trainable_variables().size() == 8);
  }

  TEST_CASE("K208: a stack of cells numbers its cells") {
    VariableStore store;
    const auto cells = ckpt::dynamic_rnn(store, 8, {16, 4});
    CHECK(cells[0].kernel->name() == "rnn/multi_rnn_cell/cell_0/lstm_cell/kernel");
    CHECK(cells[0].kernel->shape() == Shape{24, 64});
    CHECK(cells[1].bias->name() == "rnn/multi_rnn_cell/cell_1/lstm_cell/bias");
    CHECK(cells[1].kernel->shape() == Shape{20, 16});
    VariableStore old;
    CHECK(ckpt::dynamic_rnn(old, 8, {4}, ckpt::RnnNames::kWeightsAndBiases)[0].kernel->name() ==
          "rnn/multi_rnn_cell/cell_0/lstm_cell/weights");
  }

  TEST_CASE("K209: two cells of one class in one scope are numbered") {
    VariableStore store;
    CHECK(ckpt::lstm_cell(store, 2, 2).kernel->name() == "lstm_cell/kernel");
    CHECK(ckpt::lstm_cell(store, 2, 2).kernel->name() == "lstm_cell_1/kernel");
  }

  TEST_CASE("L228: named layers share in one visit of an AUTO scope") {
    VariableStore store;
    const auto scope = store.open("s", {.reuse = Reuse::kAuto});
    CHECK(dense(store, 2, 3, {.name = "fc"}).kernel == dense(store, 2, 3, {.name = "fc"}).kernel);
  }

  TEST_CASE("L230: a reusing unnamed layer uses up no number") {
    VariableStore store;
    const auto first = dense(store, 2, 3);
    CHECK(dense(store, 2, 3, {.reuse = Reuse::kTrue}).kernel == first.kernel);
    CHECK(dense(store, 2, 3).kernel->name() == "dense_1/kernel");
  }
}
