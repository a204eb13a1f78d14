#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

// A layer inside of a layer, written as {"class_name": …, "config": {…}}.
struct Inner {
  std::string class_name;
  Json config;
  std::string name;
};

Inner inner_of(const Json* json, const char* key, Dialect dialect) {
  ops::require(json != nullptr && json->is_object() && json->contains("class_name") &&
                   json->contains("config") && (*json)["class_name"].is_string(),
               cat("has no ", key));
  Inner inner{(*json)["class_name"].get<std::string>(), (*json)["config"], ""};
  if (dialect == Dialect::kOne) inner.config = modernized(inner.config, inner.class_name);
  inner.name = Config(inner.config).text("name", "");
  return inner;
}

std::vector<std::string> gates(std::initializer_list<const char*> letters, const char* prefix) {
  std::vector<std::string> out;
  for (const char* letter : letters) out.push_back(cat(prefix, "_", letter));
  return out;
}

// One cell as an operation; gives its units. `kind` is "simple_rnn_cell", "lstm_cell", "gru_cell".
std::int64_t add_cell(const LayerBuild& b, const std::string& kind, const Config& config,
                      std::int64_t width, const VariableMaker& outer, Operation& op) {
  op.kind = kind;
  op.compute = b.op.compute;
  VariableMaker make = outer.with(config);
  const LayerBuild cell{b.class_name, config, b.dialect, b.backend, b.inputs, op, make};
  const std::int64_t units = config.integer("units");
  ops::require(units > 0, "its units are not positive");
  cell.set_activation("activation", "tanh");
  // Keras 2 began with the hard sigmoid and changed it to the true one in 2.3; a config says which
  // unless it is older than either.
  if (kind != "simple_rnn_cell") {
    cell.set_activation("recurrent_activation",
                        b.dialect == Dialect::kThree ? "sigmoid" : "hard_sigmoid");
  }
  const bool reset_after =
      kind == "gru_cell" && config.flag("reset_after", b.dialect == Dialect::kThree);
  if (reset_after) op.attributes.set("reset_after", true);
  const std::int64_t count = kind == "simple_rnn_cell" ? 1 : kind == "gru_cell" ? 3 : 4;
  const std::int64_t all = ops::multiply_extents(units, count);
  const auto named = [&](const char* prefix) {
    VariableMaker::Options options;
    if (b.dialect == Dialect::kOne && kind == "lstm_cell") {
      options.gates = gates({"i", "f", "c", "o"}, prefix);
    }
    if (b.dialect == Dialect::kOne && kind == "gru_cell") {
      options.gates = gates({"z", "r", "h"}, prefix);
    }
    return options;
  };
  make.add(op, "kernel", {width, all}, {"kernel", "W"}, named("W"));
  make.add(op, "recurrent_kernel", {units, all}, {"recurrent_kernel", "U"}, named("U"));
  if (config.flag("use_bias", true)) {
    make.add(op, "bias", reset_after ? Shape{2, all} : Shape{all}, {"bias", "b"}, named("b"));
  }
  return units;
}

std::string cell_kind(const std::string& class_name) {
  if (class_name == "SimpleRNN" || class_name == "SimpleRNNCell") return "simple_rnn_cell";
  if (class_name == "LSTM" || class_name == "LSTMCell") {
    return "lstm_cell";
  }
  if (class_name == "GRU" || class_name == "GRUCell") return "gru_cell";
  throw Error(Errc::kUnsupported, cat("the recurrent cell '", class_name,
                                      "' is not supported; SimpleRNNCell, LSTMCell, GRUCell and "
                                      "StackedRNNCells are"));
}

void set_sweep(const LayerBuild& b) {
  for (const char* key :
       {"go_backwards", "return_sequences", "return_state", "zero_output_for_mask"}) {
    b.op.attributes.set(key, b.config.flag(key, false));
  }
  if (b.config.flag("time_major", false)) {
    throw Error(Errc::kUnsupported, "a recurrent layer with the time in front is not supported");
  }
}

void build_recurrent(const LayerBuild& b) {
  b.op.kind = "rnn";
  set_sweep(b);
  ops::require(b.input(3).size() == 3,
               cat("takes [batch, time, features], not ", describe(b.input(3))));
  Operation cell;
  const std::string kind = cell_kind(b.class_name);
  add_cell(b, kind, b.config, b.extent(-1), b.make.inside("cell", ""), cell);
  b.op.parts.push_back(std::move(cell));
}

// A layer that takes its cell, or a stack of cells.
void build_rnn(const LayerBuild& b) {
  b.op.kind = "rnn";
  set_sweep(b);
  ops::require(b.input(3).size() == 3,
               cat("takes [batch, time, features], not ", describe(b.input(3))));
  const Json* json = b.config.find("cell");
  const Inner inner = inner_of(json, "cell", b.dialect);
  VariableMaker make = b.make.inside("cell", inner.name);
  std::int64_t width = b.extent(-1);
  if (inner.class_name != "StackedRNNCells") {
    Operation cell;
    add_cell(b, cell_kind(inner.class_name), Config(inner.config), width, make, cell);
    b.op.parts.push_back(std::move(cell));
    return;
  }
  const Config stack(inner.config);
  if (stack.flag("reverse_state_order", false)) {
    throw Error(Errc::kUnsupported, "stacked cells in reversed order of states are not supported");
  }
  const Json* cells = stack.find("cells");
  ops::require(cells != nullptr && cells->is_array() && !cells->empty() && cells->size() <= 64,
               "its StackedRNNCells have no cells, or more than 64");
  std::map<std::string, int> counts;
  for (const Json& item : *cells) {
    const Inner each = inner_of(&item, "cell", b.dialect);
    const std::string counter = snake_case(each.class_name);
    const int number = counts[counter]++;
    Operation cell;
    width = add_cell(
        b, cell_kind(each.class_name), Config(each.config), width,
        make.inside(cat("cells/", counter, number == 0 ? "" : cat("_", number)), each.name), cell);
    b.op.parts.push_back(std::move(cell));
  }
}

void build_conv_lstm(const LayerBuild& b) {
  b.op.kind = "conv_lstm";
  set_sweep(b);
  const bool first = b.set_channels_first();
  const auto dimensions = static_cast<std::size_t>(
      b.class_name.back() == 'D' ? b.class_name[b.class_name.size() - 2] - '0' : 2);
  ops::require(b.input(1).size() == dimensions + 3, cat("does not take ", describe(b.input(1))));
  const auto window = b.config.integers("kernel_size", dimensions, 1);
  b.op.attributes.set("window", window);
  b.op.attributes.set("strides", b.config.integers("strides", dimensions, 1));
  b.op.attributes.set("dilation", b.config.integers("dilation_rate", dimensions, 1));
  b.op.attributes.set("padding", b.config.text("padding", "valid"));
  b.set_activation("activation", "tanh");
  b.set_activation("recurrent_activation",
                   b.dialect == Dialect::kThree ? "sigmoid" : "hard_sigmoid");
  const std::int64_t filters = b.config.integer("filters");
  ops::require(filters > 0, "its filters are not positive");
  const std::int64_t all = ops::multiply_extents(filters, 4);
  VariableMaker::Options options;
  for (std::size_t axis = 0; b.flips() && axis < dimensions; ++axis) {
    options.reversed.push_back(static_cast<std::int64_t>(axis));
  }
  VariableMaker make = b.make.inside("cell", "");
  Shape kernel = window;
  kernel.push_back(b.extent(first ? 2 : -1));
  kernel.push_back(all);
  make.add(b.op, "kernel", kernel, {"kernel"}, options);
  kernel[dimensions] = filters;
  make.add(b.op, "recurrent_kernel", kernel, {"recurrent_kernel"}, options);
  if (b.config.flag("use_bias", true)) make.add(b.op, "bias", {all}, {"bias"});
}

void build_bidirectional(const LayerBuild& b) {
  b.op.kind = "bidirectional";
  const Json* merge = b.config.find("merge_mode");
  b.op.attributes.set(
      "merge", merge == nullptr ? std::string("none") : b.config.text("merge_mode", "concat"));
  const Json* forward_json = b.config.find("layer");
  const Json* backward_json = b.config.find("backward_layer");
  for (int direction = 0; direction < 2; ++direction) {
    const bool is_forward = direction == 0;
    const bool is_copy = !is_forward && backward_json == nullptr;
    Inner inner =
        inner_of(is_forward || is_copy ? forward_json : backward_json, "layer", b.dialect);
    const LayerClass* found = find_layer_class(inner.class_name);
    const bool is_recurrent =
        found != nullptr && (found->build == build_recurrent || found->build == build_rnn ||
                             found->build == build_conv_lstm);
    if (!is_recurrent) {
      throw Error(Errc::kUnsupported, cat("a bidirectional '", inner.class_name,
                                          "' is not supported; recurrent layers are"));
    }
    if (is_copy) {
      inner.config["go_backwards"] = !Config(inner.config).flag("go_backwards", false);
    }
    // Legacy files call the directions forward_NAME and backward_NAME.
    const std::string prefix = is_forward ? "forward_" : "backward_";
    const bool has_own_name = inner.name.starts_with(prefix) || (!is_forward && !is_copy);
    const Config config(inner.config);
    VariableMaker make = b.make
                             .inside(is_forward ? "forward_layer" : "backward_layer",
                                     has_own_name ? inner.name : prefix + inner.name)
                             .with(config);
    Operation part;
    part.compute = b.op.compute;
    found->build({inner.class_name, config, b.dialect, b.backend, b.inputs, part, make});
    b.op.parts.push_back(std::move(part));
  }
  const auto& forward = b.op.parts[0].attributes;
  const auto& backward = b.op.parts[1].attributes;
  ops::require(forward.flag("return_sequences") == backward.flag("return_sequences"),
               "its directions differ in return_sequences");
}

constexpr LayerClass kRecurrentLayers[] = {
    {"SimpleRNN", build_recurrent, MaskUse::kSequence},
    {"LSTM", build_recurrent, MaskUse::kSequence},
    {"GRU", build_recurrent, MaskUse::kSequence},
    {"RNN", build_rnn, MaskUse::kSequence},
    {"ConvLSTM1D", build_conv_lstm, MaskUse::kSequence},
    {"ConvLSTM2D", build_conv_lstm, MaskUse::kSequence},
    {"ConvLSTM3D", build_conv_lstm, MaskUse::kSequence},
    {"Bidirectional", build_bidirectional, MaskUse::kSequence},
};

}  // namespace

std::span<const LayerClass> recurrent_layers() { return kRecurrentLayers; }

}  // namespace ckpt::keras
