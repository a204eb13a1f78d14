#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

void build_rescaling(const LayerBuild& b) {
  b.op.kind = "rescaling";
  b.op.attributes.set("scale", b.config.numbers("scale", 1));
  b.op.attributes.set("offset", b.config.numbers("offset", 0));
}

void build_resizing(const LayerBuild& b) {
  b.op.kind = "resizing";
  b.set_channels_first();
  b.op.attributes.set(
      "target", std::vector<std::int64_t>{b.config.integer("height"), b.config.integer("width")});
  const std::string method = b.config.text("interpolation", "bilinear");
  const bool has_extras = b.config.flag("crop_to_aspect_ratio", false) ||
                          b.config.flag("pad_to_aspect_ratio", false) ||
                          b.config.flag("antialias", false);
  if ((method != "nearest" && method != "bilinear") || has_extras) {
    throw Error(Errc::kUnsupported,
                cat("resizing by '", method, "'",
                    has_extras ? " with cropping, padding or anti-aliasing" : "",
                    " is not supported; plain nearest and bilinear are"));
  }
  b.op.attributes.set("interpolation", method);
}

void build_center_crop(const LayerBuild& b) {
  b.op.kind = "center_crop";
  b.set_channels_first();
  b.op.attributes.set(
      "target", std::vector<std::int64_t>{b.config.integer("height"), b.config.integer("width")});
}

// With a mean in the config, or one that was adapted to data and is a variable.
void build_normalization(const LayerBuild& b) {
  b.op.kind = "normalization";
  b.op.attributes.set("invert", b.config.flag("invert", false));
  const auto axes = b.config.integers("axis", 0, 0);
  const auto last = static_cast<std::int64_t>(b.input(1).size()) - 1;
  ops::require(axes.size() <= 1 && (axes.empty() || axes[0] == -1 || axes[0] == last),
               "an axis other than the last is not supported");
  if (b.config.has("mean") && b.config.has("variance")) {
    b.op.attributes.set("mean", b.config.numbers("mean", 0));
    b.op.attributes.set("variance", b.config.numbers("variance", 1));
    return;
  }
  const Shape shape =
      axes.empty() && b.config.find("axis") == nullptr ? Shape{} : Shape{b.extent(-1)};
  VariableMaker::Options fixed;
  fixed.trainable = false;
  b.make.add(b.op, "mean", shape, {"mean"}, fixed);
  b.make.add(b.op, "variance", shape, {"variance"}, fixed);
}

void build_encoding(const LayerBuild& b) {
  b.op.kind = "category_encoding";
  b.op.attributes.set("tokens", b.config.integer("num_tokens"));
  b.op.attributes.set("mode", b.config.text("output_mode", "multi_hot"));
}

void build_discretization(const LayerBuild& b) {
  const std::string mode = b.config.text("output_mode", "int");
  if (mode != "int") {
    throw Error(Errc::kUnsupported, cat("the output_mode '", mode, "' is not supported; int is"));
  }
  b.op.kind = "discretize";
  b.op.attributes.set("boundaries", b.config.numbers("bin_boundaries", 0));
  b.op.compute = DType::kI64;
}

constexpr LayerClass kPreprocessingLayers[] = {
    {"Rescaling", build_rescaling},       {"Resizing", build_resizing},
    {"CenterCrop", build_center_crop},    {"Normalization", build_normalization},
    {"CategoryEncoding", build_encoding}, {"Discretization", build_discretization},
};

}  // namespace

std::span<const LayerClass> preprocessing_layers() { return kPreprocessingLayers; }

}  // namespace ckpt::keras
