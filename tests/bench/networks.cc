#include "networks.h"

#include <cmath>
#include <random>

#include "core/text.h"

namespace {

using namespace ckpt;
using Value = std::size_t;

// Puts layers one behind the other; each gives the value that it computes.
class Builder {
 public:
  explicit Builder(std::string name) {
    network_.name = std::move(name);
    network_.graph.inputs = {{"image", 0}};
    network_.graph.values = {{DType::kF32, {1, 224, 224, 3}}};
    channels_ = {3};
  }

  Network finish(Value output) {
    network_.graph.outputs = {{"output_0", output}};
    check(network_.graph);
    return std::move(network_);
  }

  [[nodiscard]] std::int64_t channels(Value x) const { return channels_[x]; }

  Value conv(Value x, std::int64_t filters, std::int64_t window, std::int64_t stride = 1,
             bool bias = false, const std::string& padding = "same",
             const std::string& activation = "linear") {
    const std::int64_t in = channels(x);
    Node& node = start("conv", {x}, filters);
    set_window(node, window, stride, padding);
    node.operation.attributes.set("activation", activation);
    variable(node, "kernel", {window, window, in, filters}, window * window * in);
    if (bias) variable(node, "bias", {filters}, 100);
    return node.outputs[0];
  }

  Value depthwise(Value x, std::int64_t window, std::int64_t stride, const std::string& padding) {
    Node& node = start("depthwise_conv", {x}, channels(x));
    set_window(node, window, stride, padding);
    variable(node, "depthwise_kernel", {window, window, channels(x), 1}, window * window);
    return node.outputs[0];
  }

  Value dense(Value x, std::int64_t units, std::int64_t in, const std::string& activation) {
    Node& node = start("dense", {x}, units);
    node.operation.attributes.set("activation", activation);
    variable(node, "kernel", {in, units}, in);
    variable(node, "bias", {units}, 100);
    return node.outputs[0];
  }

  Value norm(Value x) {
    Node& node = start("batch_norm", {x}, channels(x));
    node.operation.attributes.set("epsilon", 1e-3);
    for (const char* role : {"gamma", "beta", "moving_mean", "moving_variance"}) {
      variable(node, role, {channels(x)}, 0);
    }
    return node.outputs[0];
  }

  Value activation(Value x, const std::string& function) {
    Node& node = start("activation", {x}, channels(x));
    node.operation.attributes.set("activation", function);
    return node.outputs[0];
  }

  Value pad(Value x, std::int64_t before, std::int64_t after) {
    Node& node = start("zero_padding", {x}, channels(x));
    node.operation.attributes.set("amounts",
                                  std::vector<std::int64_t>{before, after, before, after});
    return node.outputs[0];
  }

  Value pool(const std::string& kind, Value x, std::int64_t window, std::int64_t stride) {
    Node& node = start(kind, {x}, channels(x));
    set_window(node, window, stride, "valid");
    return node.outputs[0];
  }

  Value mean(Value x, bool keepdims = false) {
    Node& node = start("global_average_pool", {x}, channels(x));
    node.operation.attributes.set("keepdims", keepdims);
    return node.outputs[0];
  }

  Value join(const std::string& kind, Value a, Value b) {
    const bool adds = kind == "concatenate";
    return start(kind, {a, b}, channels(a) + (adds ? channels(b) : 0)).outputs[0];
  }

  Value flatten(Value x) { return start("flatten", {x}, 0).outputs[0]; }

  Value rescale(Value x, double factor) {
    Node& node = start("rescaling", {x}, channels(x));
    node.operation.attributes.set("scale", std::vector<double>{factor});
    node.operation.attributes.set("offset", std::vector<double>{0});
    return node.outputs[0];
  }

 private:
  Node& start(const std::string& kind, const std::vector<Value>& inputs, std::int64_t channels) {
    Graph& graph = network_.graph;
    Node& node = graph.nodes.emplace_back();
    node.name = cat(kind, "_", graph.nodes.size());
    node.operation.kind = kind;
    for (const Value input : inputs) node.inputs.push_back({"", input});
    node.outputs = {graph.values.size()};
    graph.values.push_back({});
    channels_.push_back(channels);
    return node;
  }

  static void set_window(Node& node, std::int64_t window, std::int64_t stride,
                         const std::string& padding) {
    node.operation.attributes.set("window", std::vector<std::int64_t>{window, window});
    node.operation.attributes.set("strides", std::vector<std::int64_t>{stride, stride});
    node.operation.attributes.set("padding", padding);
  }

  // Around 0, so large that sums of `terms` of them times 1 are about 1; around 1 for no terms.
  void variable(Node& node, const std::string& role, Shape shape, std::int64_t terms) {
    const std::string name = cat(node.name, "/", role);
    std::vector<float> values(static_cast<std::size_t>(num_elements(shape).value()));
    const float size = terms == 0 ? 0.2F : std::sqrt(3.0F * 1.5F / static_cast<float>(terms));
    for (float& x : values) {
      x = (terms == 0 ? 1.0F : 0.0F) +
          size * (static_cast<float>(random_() >> 8) * 0x1p-23F - 1.0F);
    }
    node.operation.variables.push_back({role, network_.graph.variables.size()});
    network_.graph.variables.push_back({.name = name, .shape = shape, .names = {name}});
    network_.variables.add(name, make_tensor(std::move(shape), values));
  }

  Network network_;
  std::vector<std::int64_t> channels_;
  std::minstd_rand random_{1};
};

Network mobilenet_v2() {
  Builder b("MobileNetV2");
  Value x = b.activation(b.norm(b.conv(b.pad(0, 0, 1), 32, 3, 2, false, "valid")), "relu6");
  const auto block = [&](std::int64_t expansion, std::int64_t filters, std::int64_t stride) {
    const Value in = x;
    if (expansion > 1) {
      x = b.activation(b.norm(b.conv(x, expansion * b.channels(x), 1)), "relu6");
    }
    if (stride == 2) x = b.pad(x, 0, 1);
    x = b.depthwise(x, 3, stride, stride == 2 ? "valid" : "same");
    x = b.norm(b.conv(b.activation(b.norm(x), "relu6"), filters, 1));
    if (stride == 1 && b.channels(in) == filters) x = b.join("add_layers", in, x);
  };
  const std::int64_t stages[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                    {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  for (const auto& [expansion, filters, count, stride] : stages) {
    for (std::int64_t i = 0; i < count; ++i) block(expansion, filters, i == 0 ? stride : 1);
  }
  x = b.mean(b.activation(b.norm(b.conv(x, 1280, 1)), "relu6"));
  return b.finish(b.dense(x, 1000, 1280, "softmax"));
}

Network resnet50() {
  Builder b("ResNet50");
  Value x = b.activation(b.norm(b.conv(b.pad(0, 3, 3), 64, 7, 2, true, "valid")), "relu");
  x = b.pool("max_pool", b.pad(x, 1, 1), 3, 2);
  const std::int64_t stages[][3] = {{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}};
  for (const auto& [filters, count, first] : stages) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t stride = i == 0 ? first : 1;
      const Value in = i == 0 ? b.norm(b.conv(x, 4 * filters, 1, stride, true)) : x;
      x = b.activation(b.norm(b.conv(x, filters, 1, stride, true)), "relu");
      x = b.activation(b.norm(b.conv(x, filters, 3, 1, true)), "relu");
      x = b.norm(b.conv(x, 4 * filters, 1, 1, true));
      x = b.activation(b.join("add_layers", in, x), "relu");
    }
  }
  return b.finish(b.dense(b.mean(x), 1000, 2048, "softmax"));
}

Network vgg16() {
  Builder b("VGG16");
  Value x = 0;
  const std::int64_t stages[][2] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};
  for (const auto& [filters, count] : stages) {
    for (std::int64_t i = 0; i < count; ++i) x = b.conv(x, filters, 3, 1, true, "same", "relu");
    x = b.pool("max_pool", x, 2, 2);
  }
  x = b.dense(b.flatten(x), 4096, 25088, "relu");
  return b.finish(b.dense(b.dense(x, 4096, 4096, "relu"), 1000, 4096, "softmax"));
}

Network densenet121() {
  Builder b("DenseNet121");
  Value x = b.activation(b.norm(b.conv(b.pad(0, 3, 3), 64, 7, 2, false, "valid")), "relu");
  x = b.pool("max_pool", b.pad(x, 1, 1), 3, 2);
  for (const int count : {6, 12, 24, 16}) {
    for (int i = 0; i < count; ++i) {
      Value y = b.conv(b.activation(b.norm(x), "relu"), 128, 1);
      y = b.conv(b.activation(b.norm(y), "relu"), 32, 3);
      x = b.join("concatenate", x, y);
    }
    x = b.activation(b.norm(x), "relu");
    if (count == 16) break;
    x = b.pool("average_pool", b.conv(x, b.channels(x) / 2, 1), 2, 2);
  }
  return b.finish(b.dense(b.mean(x), 1000, 1024, "softmax"));
}

Network efficientnet_b0() {
  Builder b("EfficientNetB0");
  Value x = b.pad(b.rescale(0, 1.0 / 255), 0, 1);
  x = b.activation(b.norm(b.conv(x, 32, 3, 2, false, "valid")), "silu");
  // Expansion, filters, blocks, stride, window.
  const std::int64_t stages[][5] = {{1, 16, 1, 1, 3}, {6, 24, 2, 2, 3},  {6, 40, 2, 2, 5},
                                    {6, 80, 3, 2, 3}, {6, 112, 3, 1, 5}, {6, 192, 4, 2, 5},
                                    {6, 320, 1, 1, 3}};
  for (const auto& [expansion, filters, count, first, window] : stages) {
    for (std::int64_t i = 0; i < count; ++i) {
      const Value in = x;
      const std::int64_t stride = i == 0 ? first : 1;
      if (expansion > 1) {
        x = b.activation(b.norm(b.conv(x, expansion * b.channels(x), 1)), "silu");
      }
      const bool pads = stride == 2;
      if (pads) x = b.pad(x, window / 2 - 1, window / 2);
      x = b.activation(b.norm(b.depthwise(x, window, stride, pads ? "valid" : "same")), "silu");
      const std::int64_t squeezed = std::max<std::int64_t>(1, b.channels(in) / 4);
      Value gate = b.conv(b.mean(x, true), squeezed, 1, 1, true, "same", "silu");
      gate = b.conv(gate, b.channels(x), 1, 1, true, "same", "sigmoid");
      x = b.norm(b.conv(b.join("multiply_layers", x, gate), filters, 1));
      if (stride == 1 && b.channels(in) == filters) x = b.join("add_layers", x, in);
    }
  }
  x = b.mean(b.activation(b.norm(b.conv(x, 1280, 1)), "silu"));
  return b.finish(b.dense(x, 1000, 1280, "softmax"));
}

}  // namespace

Network make_network(const std::string& name) {
  if (name == "MobileNetV2") return mobilenet_v2();
  if (name == "ResNet50") return resnet50();
  if (name == "VGG16") return vgg16();
  if (name == "DenseNet121") return densenet121();
  return efficientnet_b0();
}
