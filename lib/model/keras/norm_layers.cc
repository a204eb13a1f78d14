#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

// Some configs keep the axis as a list of one.
std::int64_t one_axis(const LayerBuild& b) {
  const auto axes = b.config.integers("axis", 0, 0);
  ops::require(axes.size() <= 1, "several axes are not supported");
  return axes.empty() ? -1 : axes.front();
}

void build_batch_norm(const LayerBuild& b) {
  if (b.dialect == Dialect::kOne && b.config.integer("mode", 0) == 1) {
    throw Error(Errc::kUnsupported, "normalisation by sample (mode 1) is not supported");
  }
  if (b.config.flag("renorm", false)) {
    throw Error(Errc::kUnsupported, "batch renormalisation is not supported");
  }
  b.op.kind = "batch_norm";
  const std::int64_t axis = one_axis(b);
  b.op.attributes.set("axis", axis);
  b.op.attributes.set("epsilon", b.config.number("epsilon", 1e-3));
  const Shape shape{b.extent(axis)};
  if (b.config.flag("scale", true)) b.make.add(b.op, "gamma", shape, {"gamma"});
  if (b.config.flag("center", true)) b.make.add(b.op, "beta", shape, {"beta"});
  VariableMaker::Options fixed;
  fixed.trainable = false;
  b.make.add(b.op, "moving_mean", shape, {"moving_mean", "running_mean"}, fixed);
  // Keras 1 says "std" and means the variance.
  b.make.add(b.op, "moving_variance", shape, {"moving_variance", "running_std"}, fixed);
}

void build_over_axes(const LayerBuild& b, const char* kind, double epsilon, bool centers) {
  b.op.kind = kind;
  auto axes = b.config.integers("axis", 0, 0);
  if (axes.empty()) axes = {-1};
  b.op.attributes.set("axes", axes);
  b.op.attributes.set("epsilon", b.config.number("epsilon", epsilon));
  // Variables have the axes' extents in the order of the axes.
  const std::size_t rank = b.input(1).size();
  std::ranges::sort(axes, {}, [&](std::int64_t axis) { return ops::axis_of(axis, rank); });
  Shape shape;
  for (const std::int64_t axis : axes) shape.push_back(b.extent(axis));
  if (b.config.flag("scale", true)) b.make.add(b.op, "gamma", shape, {"gamma", "scale"});
  if (centers && b.config.flag("center", true)) b.make.add(b.op, "beta", shape, {"beta"});
}

void build_layer_norm(const LayerBuild& b) {
  const bool rms_scaling = b.config.flag("rms_scaling", false);
  b.op.attributes.set("rms_scaling", rms_scaling);
  build_over_axes(b, "layer_norm", 1e-3, !rms_scaling);
}

void build_rms_norm(const LayerBuild& b) { build_over_axes(b, "rms_norm", 1e-6, false); }

void build_unit_norm(const LayerBuild& b) {
  b.op.kind = "unit_norm";
  auto axes = b.config.integers("axis", 0, 0);
  b.op.attributes.set("axes", axes.empty() ? std::vector<std::int64_t>{-1} : axes);
  b.op.attributes.set("epsilon", 1e-12);
}

void build_group_norm(const LayerBuild& b) {
  b.op.kind = "group_norm";
  const std::int64_t axis = one_axis(b);
  const std::int64_t channels = b.extent(axis);
  const std::int64_t groups = b.config.integer("groups", 32);
  b.op.attributes.set("axis", axis);
  b.op.attributes.set("groups", groups == -1 ? channels : groups);
  b.op.attributes.set("epsilon", b.config.number("epsilon", 1e-3));
  if (b.config.flag("scale", true)) b.make.add(b.op, "gamma", {channels}, {"gamma"});
  if (b.config.flag("center", true)) b.make.add(b.op, "beta", {channels}, {"beta"});
}

constexpr LayerClass kNormLayers[] = {
    {"BatchNormalization", build_batch_norm, MaskUse::kPasses},
    {"BatchNormalizationV1", build_batch_norm, MaskUse::kPasses},
    {"BatchNormalizationV2", build_batch_norm, MaskUse::kPasses},
    {"SyncBatchNormalization", build_batch_norm, MaskUse::kPasses},
    {"LayerNormalization", build_layer_norm, MaskUse::kPasses},
    {"RMSNormalization", build_rms_norm, MaskUse::kPasses},
    {"UnitNormalization", build_unit_norm, MaskUse::kPasses},
    {"GroupNormalization", build_group_norm, MaskUse::kPasses},
};

}  // namespace

std::span<const LayerClass> norm_layers() { return kNormLayers; }

}  // namespace ckpt::keras
