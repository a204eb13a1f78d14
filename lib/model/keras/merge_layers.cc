#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

void build_merge(const LayerBuild& b) { b.op.kind = cat(snake_case(b.class_name), "_layers"); }

void build_concatenate(const LayerBuild& b) {
  b.op.kind = "concatenate";
  b.op.attributes.set("axis", b.config.integer("axis", -1));
}

void set_dot_axes(const LayerBuild& b, const char* key) {
  b.op.kind = "dot";
  auto axes = b.config.integers(key);
  if (axes.size() == 1) axes.push_back(axes.front());
  ops::require(axes.size() == 2, "needs one axis or two");
  b.op.attributes.set("axes", axes);
}

void build_dot(const LayerBuild& b) {
  set_dot_axes(b, "axes");
  b.op.attributes.set("normalize", b.config.flag("normalize", false));
}

// Keras 1 has one layer for all merges.
void build_keras1_merge(const LayerBuild& b) {
  if (b.config.text("mode_type", "raw") != "raw") {
    throw Error(Errc::kUnsupported, "a merge by a lambda or function is code, which is never run");
  }
  const std::string mode = b.config.text("mode", "sum");
  if (mode == "concat") {
    b.op.kind = "concatenate";
    b.op.attributes.set("axis", b.config.integer("concat_axis", -1));
  } else if (mode == "dot" || mode == "cos") {
    const Json* axes = b.config.find("dot_axes");
    if (axes != nullptr && axes->is_array() && !axes->empty() && axes->front().is_array()) {
      throw Error(Errc::kUnsupported, "a dot product over several axes is not supported");
    }
    set_dot_axes(b, "dot_axes");
    b.op.attributes.set("normalize", mode == "cos");
  } else if (mode == "sum" || mode == "mul" || mode == "ave" || mode == "max") {
    b.op.kind = mode == "sum"   ? "add_layers"
                : mode == "mul" ? "multiply_layers"
                : mode == "ave" ? "average_layers"
                                : "maximum_layers";
  } else {
    throw Error(Errc::kUnsupported, cat("the merge '", mode, "' is not supported"));
  }
}

constexpr LayerClass kMergeLayers[] = {
    {"Add", build_merge, MaskUse::kPasses},
    {"Subtract", build_merge, MaskUse::kPasses},
    {"Multiply", build_merge, MaskUse::kPasses},
    {"Average", build_merge, MaskUse::kPasses},
    {"Maximum", build_merge, MaskUse::kPasses},
    {"Minimum", build_merge, MaskUse::kPasses},
    {"Concatenate", build_concatenate, MaskUse::kPasses},
    {"Dot", build_dot},
    {"Merge", build_keras1_merge},
};

}  // namespace

std::span<const LayerClass> merge_layers() { return kMergeLayers; }

}  // namespace ckpt::keras
