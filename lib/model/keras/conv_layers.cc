#include <string>

#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

// Sizes, strides, padding and data format; gives the input's channels.
std::int64_t set_window(const LayerBuild& b, std::size_t dimensions) {
  const bool first = b.set_channels_first();
  ops::require(b.input(1).size() == dimensions + 2, cat("takes a tensor of ", dimensions + 2,
                                                        " dimensions, not ", describe(b.input(1))));
  const auto window = b.config.integers("kernel_size", dimensions, 1);
  for (const std::int64_t size : window) {
    ops::require(size > 0 && size < (1 << 20), cat("its kernel_size has the extent ", size));
  }
  b.op.attributes.set("window", window);
  b.op.attributes.set("strides", b.config.integers("strides", dimensions, 1));
  b.op.attributes.set("dilation", b.config.integers("dilation_rate", dimensions, 1));
  b.op.attributes.set("padding", b.config.text("padding", "valid"));
  b.set_activation();
  return b.extent(first ? 1 : -1);
}

std::int64_t positive(const LayerBuild& b, const char* key, std::int64_t otherwise) {
  const std::int64_t value = b.config.integer(key, otherwise);
  ops::require(value > 0, cat("its ", key, " is not positive"));
  return value;
}

Shape kernel_shape(const LayerBuild& b, std::int64_t a, std::int64_t c) {
  Shape shape = b.op.attributes.integers("window");
  shape.push_back(a);
  shape.push_back(c);
  return shape;
}

// Theano convolves where others correlate: its kernels are turned round in all spatial axes. Those
// of its depthwise and separable layers are not (k231_mobile of Keras 2.3.1 shows both).
VariableMaker::Options kernel_options(const LayerBuild& b, std::size_t dimensions) {
  VariableMaker::Options options;
  if (b.flips()) {
    for (std::size_t axis = 0; axis < dimensions; ++axis) {
      options.reversed.push_back(static_cast<std::int64_t>(axis));
    }
  }
  return options;
}

void add_bias(const LayerBuild& b, std::int64_t filters) {
  if (b.config.flag("use_bias", true)) b.make.add(b.op, "bias", {filters}, {"bias", "b"});
}

void build_conv(const LayerBuild& b) {
  b.op.kind = "conv";
  const std::size_t dimensions = b.spatial_dimensions();
  const std::int64_t channels = set_window(b, dimensions);
  const std::int64_t filters = positive(b, "filters", 0);
  const std::int64_t groups = positive(b, "groups", 1);
  ops::require(channels % groups == 0,
               cat("its ", channels, " channels do not divide into ", groups, " groups"));
  b.op.attributes.set("groups", groups);
  b.make.add(b.op, "kernel", kernel_shape(b, channels / groups, filters), {"kernel", "W"},
             kernel_options(b, dimensions));
  if (b.dialect == Dialect::kOne && b.config.text("data_format", "") == "channels_first") {
    throw Error(Errc::kUnsupported, "kernels of Keras 1 with Theano's ordering are not supported");
  }
  add_bias(b, filters);
}

void build_depthwise(const LayerBuild& b) {
  b.op.kind = "depthwise_conv";
  const std::size_t dimensions = b.spatial_dimensions();
  const std::int64_t channels = set_window(b, dimensions);
  const std::int64_t multiplier = positive(b, "depth_multiplier", 1);
  b.make.add(b.op, "depthwise_kernel", kernel_shape(b, channels, multiplier),
             {"depthwise_kernel", "kernel"});
  add_bias(b, ops::multiply_extents(channels, multiplier));
}

void build_separable(const LayerBuild& b) {
  b.op.kind = "separable_conv";
  const std::size_t dimensions = b.spatial_dimensions();
  const std::int64_t channels = set_window(b, dimensions);
  const std::int64_t multiplier = positive(b, "depth_multiplier", 1);
  const std::int64_t filters = positive(b, "filters", 0);
  b.make.add(b.op, "depthwise_kernel", kernel_shape(b, channels, multiplier), {"depthwise_kernel"});
  Shape pointwise(dimensions, 1);
  pointwise.push_back(ops::multiply_extents(channels, multiplier));
  pointwise.push_back(filters);
  b.make.add(b.op, "pointwise_kernel", pointwise, {"pointwise_kernel"});
  add_bias(b, filters);
}

void build_transpose(const LayerBuild& b) {
  b.op.kind = "conv_transpose";
  const std::size_t dimensions = b.spatial_dimensions();
  const std::int64_t channels = set_window(b, dimensions);
  const std::int64_t filters = positive(b, "filters", 0);
  if (b.config.has("output_padding")) {
    b.op.attributes.set("output_padding", b.config.integers("output_padding", dimensions, 0));
  }
  if (b.backend == "theano") b.op.attributes.set("alignment", std::string("theano"));
  b.make.add(b.op, "kernel", kernel_shape(b, filters, channels), {"kernel", "W"},
             kernel_options(b, dimensions));
  add_bias(b, filters);
}

constexpr LayerClass kConvLayers[] = {
    {"Conv1D", build_conv},
    {"Conv2D", build_conv},
    {"Conv3D", build_conv},
    {"Convolution1D", build_conv},
    {"Convolution2D", build_conv},
    {"Convolution3D", build_conv},
    {"AtrousConvolution2D", build_conv},
    {"DepthwiseConv1D", build_depthwise},
    {"DepthwiseConv2D", build_depthwise},
    {"SeparableConv1D", build_separable},
    {"SeparableConv2D", build_separable},
    {"SeparableConvolution2D", build_separable},
    {"Conv1DTranspose", build_transpose},
    {"Conv2DTranspose", build_transpose},
    {"Conv3DTranspose", build_transpose},
};

}  // namespace

std::span<const LayerClass> conv_layers() { return kConvLayers; }

}  // namespace ckpt::keras
