#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

void build_dense(const LayerBuild& b) {
  b.op.kind = "dense";
  const std::int64_t units = b.config.integer("units");
  ops::require(units > 0, "its units are not positive");
  b.set_activation();
  b.make.add(b.op, "kernel", {b.extent(-1), units}, {"kernel", "W"});
  if (b.config.flag("use_bias", true)) b.make.add(b.op, "bias", {units}, {"bias", "b"});
  if (b.config.has("lora_rank")) {
    // A `.weights.h5` has the kernel with the two factors in it, a legacy file has them apart.
    const std::int64_t rank = b.config.integer("lora_rank");
    ops::require(rank > 0, "its lora_rank is not positive");
    VariableMaker::Options factor;
    factor.optional = true;
    factor.initializer = Initializer::he_uniform();
    b.op.attributes.set("lora_scale", b.config.number("lora_alpha", static_cast<double>(rank)) /
                                          static_cast<double>(rank));
    b.make.add(b.op, "lora_kernel_a", {b.extent(-1), rank}, {"lora_kernel_a"}, factor);
    factor.initializer = Initializer::zeros();
    b.make.add(b.op, "lora_kernel_b", {rank, units}, {"lora_kernel_b"}, factor);
  }
  if (read_policy(b.config).quantized) {
    b.make.add(b.op, "kernel_scale", {units}, {"kernel_scale"});
  }
}

// "..." stands for the axes in front, which get letters of their own.
std::string full_equation(std::string equation, std::size_t rank) {
  std::erase(equation, ' ');
  const auto dots = equation.find("...");
  if (dots == std::string::npos) return equation;
  const auto comma = equation.find(',');
  ops::require(comma != std::string::npos && comma >= 3 && comma - 3 <= rank,
               cat("its equation '", equation, "' does not fit its input"));
  std::string front;
  for (std::size_t i = 0; i < rank - (comma - 3); ++i) front += static_cast<char>('A' + i);
  for (auto at = dots; at != std::string::npos; at = equation.find("...")) {
    equation.replace(at, 3, front);
  }
  return equation;
}

// The kernel has an extent for each letter of the second operand: that of the input, or that of
// "output_shape", which has all of the output's axes but the batch.
void build_einsum_dense(const LayerBuild& b) {
  b.op.kind = "einsum_dense";
  const Shape& x = b.input(1);
  const std::string equation = full_equation(b.config.text("equation", ""), x.size());
  const auto comma = equation.find(',');
  const auto arrow = equation.find("->");
  ops::require(comma != std::string::npos && arrow != std::string::npos && comma < arrow,
               cat("its equation '", equation, "' is none"));
  const std::string in = equation.substr(0, comma);
  const std::string weights = equation.substr(comma + 1, arrow - comma - 1);
  const std::string out = equation.substr(arrow + 2);
  ops::require(in.size() == x.size(),
               cat("its equation '", equation, "' does not fit ", describe(x)));
  const Json* given = b.config.find("output_shape");
  ops::require(given != nullptr, "has no output_shape");
  Shape shape = given->is_array() ? read_shape(*given) : Shape{b.config.integer("output_shape")};
  ops::require(shape.size() < out.size() + 1 && !out.empty(), "its output_shape does not fit");
  shape.insert(shape.begin(), out.size() - shape.size(), kUnknown);
  const auto extent_of = [&](char letter) {
    std::int64_t extent = kUnknown;
    if (const auto at = out.find(letter); at != std::string::npos) extent = shape[at];
    if (const auto at = in.find(letter); extent == kUnknown && at != std::string::npos) {
      extent = x[at];
    }
    ops::require(extent != kUnknown, cat("the extent of '", letter, "' is unknown"));
    return extent;
  };
  Shape kernel;
  for (const char letter : weights) kernel.push_back(extent_of(letter));
  b.op.attributes.set("equation", equation);
  b.set_activation();
  b.make.add(b.op, "kernel", kernel, {"kernel"});
  if (!b.config.has("bias_axes")) return;
  const std::string axes = b.config.text("bias_axes", "");
  std::size_t first = out.size();
  for (const char letter : axes) {
    ops::require(out.find(letter) != std::string::npos, "its bias_axes are none of the output");
    first = std::min(first, out.find(letter));
  }
  Shape bias;
  for (std::size_t i = first; i < out.size(); ++i) {
    bias.push_back(axes.find(out[i]) == std::string::npos ? 1 : extent_of(out[i]));
  }
  b.make.add(b.op, "bias", bias, {"bias"});
}

void build_activation(const LayerBuild& b) {
  b.op.kind = "activation";
  b.set_activation();
}

void build_identity(const LayerBuild& b) { b.op.kind = "identity"; }

void build_relu(const LayerBuild& b) {
  b.op.kind = "relu";
  if (b.config.has("max_value")) b.op.attributes.set("max_value", b.config.number("max_value", 0));
  b.op.attributes.set("slope", b.config.number("negative_slope", 0));
  b.op.attributes.set("threshold", b.config.number("threshold", 0));
}

void build_leaky_relu(const LayerBuild& b) {
  b.op.kind = "relu";
  b.op.attributes.set("slope", b.config.number("negative_slope", b.config.number("alpha", 0.3)));
}

void build_elu(const LayerBuild& b) {
  b.op.kind = "activation";
  b.op.attributes.set("activation", std::string("elu"));
  b.op.attributes.set("activation_alpha", b.config.number("alpha", 1));
}

void build_thresholded_relu(const LayerBuild& b) {
  b.op.kind = "activation";
  b.op.attributes.set("activation", std::string("threshold"));
  b.op.attributes.set("activation_alpha", b.config.number("theta", 1));
}

void build_prelu(const LayerBuild& b) {
  b.op.kind = "prelu";
  Shape alpha = b.input(2);
  alpha.erase(alpha.begin());
  for (const std::int64_t axis : b.config.integers("shared_axes", 0, 0)) {
    ops::require(axis >= 1 && axis <= static_cast<std::int64_t>(alpha.size()),
                 "its shared_axes are none of its input");
    alpha[static_cast<std::size_t>(axis - 1)] = 1;
  }
  ops::require(std::ranges::find(alpha, kUnknown) == alpha.end(),
               "needs to know all extents that it does not share");
  b.make.add(b.op, "alpha", alpha, {"alpha", "alphas"});
}

void build_softmax(const LayerBuild& b) {
  b.op.kind = "softmax";
  b.op.attributes.set("axes", b.config.integers("axis", 0, 0).empty()
                                  ? std::vector<std::int64_t>{-1}
                                  : b.config.integers("axis"));
}

void build_embedding(const LayerBuild& b) {
  b.op.kind = "embedding";
  const std::int64_t rows = b.config.integer("input_dim");
  const std::int64_t width = b.config.integer("output_dim");
  ops::require(rows > 0 && width > 0, "its input_dim or output_dim is not positive");
  b.make.add(b.op, "embeddings", {rows, width}, {"embeddings", "W"});
  if (b.class_name == "ReversibleEmbedding" && !b.config.flag("tie_weights", true)) {
    b.make.add(b.op, "reverse_embeddings", {width, rows}, {"reverse_embeddings"});
  }
}

void build_masking(const LayerBuild& b) {
  b.op.kind = "masking";
  b.op.attributes.set("mask_value", b.config.number("mask_value", 0));
}

constexpr LayerClass kCoreLayers[] = {
    {"Dense", build_dense, MaskUse::kPasses},
    {"EinsumDense", build_einsum_dense, MaskUse::kPasses},
    {"Activation", build_activation, MaskUse::kPasses},
    {"Dropout", build_identity, MaskUse::kPasses},
    {"AlphaDropout", build_identity, MaskUse::kPasses},
    {"GaussianDropout", build_identity, MaskUse::kPasses},
    {"GaussianNoise", build_identity, MaskUse::kPasses},
    {"SpatialDropout1D", build_identity, MaskUse::kPasses},
    {"SpatialDropout2D", build_identity, MaskUse::kPasses},
    {"SpatialDropout3D", build_identity, MaskUse::kPasses},
    // What an image loses or gains in training alone.
    {"RandomBrightness", build_identity, MaskUse::kPasses},
    {"RandomContrast", build_identity, MaskUse::kPasses},
    {"RandomFlip", build_identity, MaskUse::kPasses},
    {"RandomRotation", build_identity, MaskUse::kPasses},
    {"RandomTranslation", build_identity, MaskUse::kPasses},
    {"RandomZoom", build_identity, MaskUse::kPasses},
    {"ActivityRegularization", build_identity, MaskUse::kPasses},
    {"Identity", build_identity, MaskUse::kPasses},
    {"ReLU", build_relu, MaskUse::kPasses},
    {"LeakyReLU", build_leaky_relu, MaskUse::kPasses},
    {"ELU", build_elu, MaskUse::kPasses},
    {"ThresholdedReLU", build_thresholded_relu, MaskUse::kPasses},
    {"PReLU", build_prelu, MaskUse::kPasses},
    {"Softmax", build_softmax, MaskUse::kPasses},
    {"Embedding", build_embedding},
    {"ReversibleEmbedding", build_embedding},
    {"Masking", build_masking},
};

}  // namespace

std::span<const LayerClass> core_layers() { return kCoreLayers; }

}  // namespace ckpt::keras
