#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

void build_attention(const LayerBuild& b) {
  b.op.kind = "attention";
  const bool use_scale = b.config.flag("use_scale", false);
  const std::string mode = b.config.text("score_mode", "dot");
  ops::require(mode == "dot" || mode == "concat", cat("its score_mode '", mode, "' is not known"));
  b.op.attributes.set("score", mode);
  if (use_scale) b.make.add(b.op, "scale", {}, {"scale"});
  if (mode == "concat") {
    b.make.add(b.op, "concat_score_weight", {}, {"concat_score_weight"});
  }
  if (b.config.flag("causal", false)) b.op.attributes.set("causal", true);  // Keras 2
}

void build_additive(const LayerBuild& b) {
  b.op.kind = "attention";
  b.op.attributes.set("score", std::string("additive"));
  if (b.config.flag("use_scale", true)) {
    VariableMaker::Options options;
    options.initializer = Initializer::glorot_uniform();
    b.make.add(b.op, "scale", {b.extent(-1)}, {"scale"}, options);
  }
  if (b.config.flag("causal", false)) b.op.attributes.set("causal", true);
}

// The heads of query, and of key and value; their features; the output's extent.
struct Heads {
  std::int64_t queries, keys, key_width, value_width, output;
};

void add_projections(const LayerBuild& b, const Heads& h, const char* prefix) {
  const bool use_bias = b.config.flag("use_bias", true);
  if (b.config.flag("use_gate", false)) {
    throw Error(Errc::kUnsupported, "gated attention (use_gate) is not supported");
  }
  if (b.config.has("sliding_window")) {
    throw Error(Errc::kUnsupported, "attention in a sliding window is not supported");
  }
  const auto width = [&](std::size_t i) {
    const std::size_t from = i < b.inputs.size() ? i : 1;
    ops::require(from < b.inputs.size() && !b.inputs[from].shape.empty() &&
                     b.inputs[from].shape.back() != kUnknown,
                 "needs the features of its query, value and key");
    return b.inputs[from].shape.back();
  };
  const auto add = [&](const std::string& role, const std::string& scope, const Shape& kernel,
                       const Shape& bias) {
    VariableMaker make = b.make.inside(cat(prefix, role, "_dense"), scope);
    make.add(b.op, role + "_kernel", kernel, {"kernel"});
    if (use_bias) make.add(b.op, role + "_bias", bias, {"bias"});
  };
  add("query", "query", {width(0), h.queries, h.key_width}, {h.queries, h.key_width});
  add("key", "key", {width(2), h.keys, h.key_width}, {h.keys, h.key_width});
  add("value", "value", {width(1), h.keys, h.value_width}, {h.keys, h.value_width});
  add("output", "attention_output", {h.queries, h.value_width, h.output}, {h.output});
}

std::int64_t positive(const LayerBuild& b, const char* key) {
  const std::int64_t value = b.config.integer(key);
  ops::require(value > 0, cat("its ", key, " is not positive"));
  return value;
}

void build_multi_head(const LayerBuild& b) {
  b.op.kind = "multi_head_attention";
  const std::size_t rank = b.input(3).size();
  const std::int64_t time = static_cast<std::int64_t>(rank) - 2;
  const auto axes = b.config.integers("attention_axes", 0, 0);
  if (!axes.empty() && (axes.size() > 1 || (axes[0] != time && axes[0] != -2))) {
    throw Error(Errc::kUnsupported,
                "attention over other axes than the last but one is not supported");
  }
  if (axes.empty() && rank > 3) {
    throw Error(Errc::kUnsupported, "attention over several axes is not supported");
  }
  Heads h{};
  h.queries = h.keys = positive(b, "num_heads");
  h.key_width = positive(b, "key_dim");
  h.value_width = b.config.has("value_dim") ? positive(b, "value_dim") : h.key_width;
  const auto output = b.config.integers("output_shape", 0, 0);
  if (output.size() > 1)
    throw Error(Errc::kUnsupported, "an output_shape of several axes is not supported");
  h.output = output.empty() ? b.extent(-1) : output.front();
  add_projections(b, h, "");
}

void build_grouped_query(const LayerBuild& b) {
  b.op.kind = "multi_head_attention";
  ops::require(b.input(3).size() == 3, "takes [batch, time, features]");
  Heads h{};
  h.queries = positive(b, "num_query_heads");
  h.keys = positive(b, "num_key_value_heads");
  h.key_width = h.value_width = positive(b, "head_dim");
  h.output = b.extent(-1);
  add_projections(b, h, "_");
}

constexpr LayerClass kAttentionLayers[] = {
    {"Attention", build_attention, MaskUse::kAttends},
    {"AdditiveAttention", build_additive, MaskUse::kAttends},
    {"MultiHeadAttention", build_multi_head, MaskUse::kAttends},
    {"GroupQueryAttention", build_grouped_query, MaskUse::kAttends},
    {"GroupedQueryAttention", build_grouped_query, MaskUse::kAttends},
};

}  // namespace

std::span<const LayerClass> attention_layers() { return kAttentionLayers; }

}  // namespace ckpt::keras
