#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

void build_pool(const LayerBuild& b) {
  const std::size_t dimensions = b.spatial_dimensions();
  b.op.kind = b.class_name.starts_with("Max") ? "max_pool" : "average_pool";
  b.set_channels_first();
  ops::require(b.input(1).size() == dimensions + 2, cat("takes a tensor of ", dimensions + 2,
                                                        " dimensions, not ", describe(b.input(1))));
  const auto window = b.config.integers("pool_size", dimensions, 2);
  b.op.attributes.set("window", window);
  b.op.attributes.set(
      "strides", b.config.has("strides") ? b.config.integers("strides", dimensions, 1) : window);
  b.op.attributes.set("padding", b.config.text("padding", "valid"));
}

void build_global(const LayerBuild& b) {
  b.op.kind =
      b.class_name.find("Max") != std::string::npos ? "global_max_pool" : "global_average_pool";
  b.set_channels_first();
  ops::require(b.input(1).size() == b.spatial_dimensions() + 2,
               cat("does not take ", describe(b.input(1))));
  b.op.attributes.set("keepdims", b.config.flag("keepdims", false));
}

void build_adaptive(const LayerBuild& b) {
  b.op.kind =
      b.class_name.find("Max") != std::string::npos ? "adaptive_max_pool" : "adaptive_average_pool";
  b.set_channels_first();
  b.op.attributes.set("output_size", b.config.integers("output_size", b.spatial_dimensions(), 1));
}

constexpr LayerClass kPoolLayers[] = {
    {"MaxPooling1D", build_pool},
    {"MaxPooling2D", build_pool},
    {"MaxPooling3D", build_pool},
    {"AveragePooling1D", build_pool},
    {"AveragePooling2D", build_pool},
    {"AveragePooling3D", build_pool},
    {"GlobalMaxPooling1D", build_global},
    {"GlobalMaxPooling2D", build_global},
    {"GlobalMaxPooling3D", build_global},
    {"GlobalAveragePooling1D", build_global, MaskUse::kReads},
    {"GlobalAveragePooling2D", build_global},
    {"GlobalAveragePooling3D", build_global},
    {"AdaptiveMaxPooling1D", build_adaptive},
    {"AdaptiveMaxPooling2D", build_adaptive},
    {"AdaptiveMaxPooling3D", build_adaptive},
    {"AdaptiveAveragePooling1D", build_adaptive},
    {"AdaptiveAveragePooling2D", build_adaptive},
    {"AdaptiveAveragePooling3D", build_adaptive},
};

}  // namespace

std::span<const LayerClass> pool_layers() { return kPoolLayers; }

}  // namespace ckpt::keras
