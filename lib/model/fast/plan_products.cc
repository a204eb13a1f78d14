#include <algorithm>

#include "model/fast/float_variables.h"
#include "model/fast/planner.h"
#include "model/fast/sizes.h"
#include "model/ops/op.h"
#include "model/ops/window.h"

namespace ckpt::fast {
namespace {

// Those numbers again and again, `count` in all; none stay none.
std::vector<double> repeated(const std::vector<double>& numbers, std::size_t count) {
  std::vector<double> out;
  while (!numbers.empty() && out.size() < count) {
    out.insert(out.end(), numbers.begin(), numbers.end());
  }
  return out;
}

// An activation without a kernel, by the reference's function.
void activate(float* values, const Shape& shape, const kernels::Activation& activation) {
  Array array = make_array(DType::kF32, shape);
  std::copy_n(values, array.values.size(), array.values.begin());
  kernels::activate(array, activation);
  std::ranges::transform(array.values, values, [](double x) { return static_cast<float>(x); });
}

}  // namespace

bool Planner::is_convolution(const Node& node) const {
  const std::string& kind = node.operation.kind;
  return is_plain(node) &&
         (kind == "conv" || kind == "depthwise_conv" || kind == "separable_conv") &&
         node.operation.attributes.text("activation", "linear") != "glu";
}

// Zeros are what a convolution takes for what is outside, so it does the padding itself.
bool Planner::plan_padding(const Node& node) {
  const std::size_t padded = node.outputs[0];
  const Node* next = only_reader(padded);
  if (next == nullptr || !is_convolution(*next)) return plan_zeros(node);
  paddings_[padded] = &node;
  return true;
}

Planner::Source Planner::source_of(const Node& node) {
  Source source{node.inputs[0].value, {}, {}};
  source.window = ops::forward_window(node.operation, shape(source.value));
  const auto padding = paddings_.find(source.value);
  if (padding != paddings_.end()) {
    const auto& amounts = padding->second->operation.attributes.integers("amounts");
    const std::size_t dimensions = amounts.size() / 2;
    for (std::size_t d = 0; d < dimensions; ++d) {
      source.window.before[3 - dimensions + d] += amounts[2 * d];
    }
    source.value = padding->second->inputs[0].value;
  }
  source.image = image_of(ops::five_dimensions(shape(source.value)));
  return source;
}

void Planner::plan_product(const Node& node, std::size_t in, const Image& image,
                           const kernels::Window& window, std::size_t groups, std::size_t kernel,
                           const Tail& tail, bool is_transposed) {
  const std::int64_t places = image.batch * window.out[0] * window.out[1] * window.out[2];
  const std::size_t filters = elements(tail.output) / to_size(places);
  const std::size_t depth = elements_of(graph_.variables[kernel].shape) / filters;
  PackedKernel packed(depth, filters, groups, kernels_.lanes);
  for_each_float(variables_, kernel, [&](std::size_t first, std::span<const float> values) {
    if (is_transposed) {
      packed.fill_transposed(first, values, tail.factors);
    } else {
      packed.fill(first, values, tail.factors);
    }
  });
  const std::vector<double> shifts = bias_of(node.operation, filters, tail);
  const ProductLayer& layer = plan_.products.emplace_back(
      image, window, groups, std::move(packed), std::vector<float>(shifts.begin(), shifts.end()),
      tail.epilogue, kernels_.rows, threads_);
  plan_.variables += layer.kernel_bytes();
  need_scratch(layer.scratch_floats(), layer.scratch_rows());
  const std::size_t residual = tail.residual ? read_slot(*tail.residual) : Plan::kNone;
  const std::size_t out = slot_for(tail.output);
  add_step(node, tail.name,
           [&layer, in, residual, out, slow = tail.slow, &shape = shape(tail.output)](Frame& f) {
             layer.run(f, f.at(in), residual == Plan::kNone ? nullptr : f.at(residual), f.at(out));
             if (slow) activate(f.at(out), shape, *slow);
           });
}

// The bias, behind the batch normalization where there is one.
std::vector<double> Planner::bias_of(const Operation& op, std::size_t filters, const Tail& tail) {
  std::vector<double> bias = numbers(op, "bias", filters, 0);
  for (std::size_t f = 0; f < filters; ++f) {
    if (!tail.factors.empty()) bias[f] = bias[f] * tail.factors[f] + tail.shifts[f];
  }
  return bias;
}

bool Planner::plan_conv(const Node& node) {
  if (!is_convolution(node)) return false;
  const Source source = source_of(node);
  const std::size_t in = read_slot(source.value);
  const Tail tail = tail_of(node, true, true);
  plan_product(node, in, source.image, source.window,
               to_size(node.operation.attributes.integer("groups", 1)),
               *variable(node.operation, "kernel"), tail);
  return true;
}

bool Planner::plan_dense(const Node& node) {
  const Operation& op = node.operation;
  const auto kernel = variable(op, "kernel");
  const bool is_other = variable(op, "kernel_scale") || variable(op, "lora_kernel_a") ||
                        op.attributes.text("activation", "linear") == "glu";
  if (!kernel || is_other) return false;
  plan_rows(node, *kernel, shape(node.inputs[0].value).back());
  return true;
}

// Each row of the input by a kernel [width, filters], or that transposed. Where the output has more
// axes for the filters, what is meant for the last one is repeated.
void Planner::plan_rows(const Node& node, std::size_t kernel, std::int64_t width,
                        bool is_transposed) {
  const std::size_t in = read_slot(node.inputs[0].value);
  const auto rows = static_cast<std::int64_t>(elements(node.inputs[0].value)) / width;
  const std::size_t filters = elements(node.outputs[0]) / to_size(rows);
  kernels::Window window;
  window.out[2] = rows;
  Tail tail = tail_of(node, true, true);
  tail.factors = repeated(tail.factors, filters);
  tail.shifts = repeated(tail.shifts, filters);
  plan_product(node, in, {1, {1, 1, rows}, width}, window, 1, kernel, tail, is_transposed);
}

void Planner::plan_depthwise_part(const Node& node, const Source& source, std::size_t in,
                                  const Tail& tail, std::size_t out) {
  const std::size_t kernel = *variable(node.operation, "depthwise_kernel");
  WindowLayer layer{.kind = WindowLayer::Kind::kDepthwise,
                    .in = source.image,
                    .window = source.window,
                    .kernel = floats_of(variables_, kernel),
                    .epilogue = tail.epilogue};
  const auto channels = to_size(source.image.channels);
  if (!tail.factors.empty()) {
    for (std::size_t i = 0; i < layer.kernel.size(); ++i) {
      layer.kernel[i] = static_cast<float>(layer.kernel[i] * tail.factors[i % channels]);
    }
  }
  const std::vector<double> bias = node.operation.kind == "separable_conv"
                                       ? std::vector<double>(channels)
                                       : bias_of(node.operation, channels, tail);
  layer.bias.assign(bias.begin(), bias.end());
  need_scratch(0, layer.scratch_rows());
  plan_.variables += layer.kernel.size() * sizeof(float);
  const WindowLayer& planned = plan_.windows.emplace_back(std::move(layer));
  add_step(node, tail.name,
           [&planned, in, out, slow = tail.slow, &shape = shape(tail.output)](Frame& f) {
             planned.run(f, f.at(in), f.at(out));
             if (slow) activate(f.at(out), shape, *slow);
           });
}

bool Planner::plan_depthwise(const Node& node) {
  if (!is_convolution(node)) return false;
  const std::size_t kernel = *variable(node.operation, "depthwise_kernel");
  const Source source = source_of(node);
  const std::size_t in = read_slot(source.value);
  if (graph_.variables[kernel].shape.back() == 1) {
    const Tail tail = tail_of(node, true, false);
    plan_depthwise_part(node, source, in, tail, slot_for(tail.output));
  } else {
    // Several filters a channel: as many groups as channels.
    plan_product(node, in, source.image, source.window, to_size(source.image.channels), kernel,
                 tail_of(node, true, true));
  }
  return true;
}

// A depthwise convolution and one of single places; what lies between them is this layer's own.
bool Planner::plan_separable(const Node& node) {
  const std::size_t kernel = *variable(node.operation, "depthwise_kernel");
  if (!is_convolution(node) || graph_.variables[kernel].shape.back() != 1) return false;
  const Source source = source_of(node);
  const std::size_t in = read_slot(source.value);
  const Image middle{source.image.batch, source.window.out, source.image.channels};
  const std::size_t slot = new_slot(to_size(middle.elements()));
  plan_depthwise_part(node, source, in, {.output = node.outputs[0], .name = node.name}, slot);
  plan_.slots[slot].last = plan_.steps.size();
  kernels::Window point;
  point.out = source.window.out;
  plan_product(node, slot, middle, point, 1, *variable(node.operation, "pointwise_kernel"),
               tail_of(node, true, true));
  return true;
}

// A product that gives all filters of all places of the window, and their sums.
bool Planner::plan_conv_transpose(const Node& node) {
  const std::size_t value = node.inputs[0].value;
  const Operation& op = node.operation;
  if (op.attributes.text("activation", "linear") == "glu") return false;
  const std::size_t kernel = *variable(op, "kernel");
  const Tail tail = tail_of(node, true, false);
  const Image image = image_of(ops::five_dimensions(shape(value)));
  const std::int64_t places = image.batch * image.places();
  const std::int64_t filters = shape(tail.output).back();
  ScatterLayer scatter{
      .in = image, .window = ops::transposed_window(op, shape(value)), .epilogue = tail.epilogue};
  scatter.in.channels = filters;
  const std::vector<double> bias = bias_of(op, to_size(filters), tail);
  scatter.bias.assign(bias.begin(), bias.end());
  const kernels::Extents& size = scatter.window.size;
  const auto width = to_size(size[0] * size[1] * size[2] * filters);
  const std::vector<double> factors = repeated(tail.factors, width);
  PackedKernel packed(to_size(image.channels), width, 1, kernels_.lanes);
  for_each_float(variables_, kernel, [&](std::size_t first, std::span<const float> values) {
    packed.fill_transposed(first, values, factors);
  });
  kernels::Window rows;
  rows.out[2] = places;
  const ProductLayer& product = plan_.products.emplace_back(
      Image{1, {1, 1, places}, image.channels}, rows, 1, std::move(packed),
      std::vector<float>(width), Epilogue{}, kernels_.rows, threads_);
  plan_.variables += product.kernel_bytes();
  need_scratch(product.scratch_floats(), product.scratch_rows());
  const ScatterLayer& planned = plan_.scatters.emplace_back(std::move(scatter));
  const std::size_t in = read_slot(value);
  const std::size_t parts = new_slot(to_size(places) * width);
  const std::size_t out = slot_for(tail.output);
  add_step(node, tail.name,
           [&product, &planned, in, parts, out, slow = tail.slow,
            &shape = shape(tail.output)](Frame& f) {
             product.run(f, f.at(in), nullptr, f.at(parts));
             planned.run(f, f.at(parts), f.at(out));
             if (slow) activate(f.at(out), shape, *slow);
           });
  return true;
}

}  // namespace ckpt::fast
