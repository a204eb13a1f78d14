// The layers of a graph file: TensorFlow 1's scoping (scope/layers.h) around one operation.

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/kernels/activation.h"
#include "model/ops/op.h"
#include "model/program/machine.h"

namespace ckpt::program {
namespace {

// A layer on its way: its operation, and the variables that it asks for.
struct Building {
  Site& site;
  std::size_t x;
  Operation op;
  DType dtype = DType::kF32;  // of its variables
  std::vector<std::string> roles = {};
  std::vector<LayerVariable> variables = {};

  [[nodiscard]] Fields& fields() const { return site.fields; }

  // The extent of the input's last axis.
  [[nodiscard]] std::int64_t channels() const {
    const Shape& shape = site.value(x).shape;
    ops::require(!shape.empty() && shape.back() != kUnknown,
                 cat("needs to know the last extent of its input ", describe(shape)));
    return shape.back();
  }

  // A variable; the statement may give its initializer as ROLE_initializer.
  void add(const std::string& role, Shape shape, std::optional<Initializer> initializer,
           bool trainable = true) {
    auto given = fields().initializer(role + "_initializer", dtype);
    roles.push_back(role);
    variables.push_back({.name = role,
                         .shape = std::move(shape),
                         .initializer = given ? std::move(given) : std::move(initializer),
                         .trainable = trainable});
  }

  void add_bias(std::int64_t units) {
    if (fields().flag("use_bias", true)) add("bias", {units}, Initializer::zeros());
  }

  void read_activation() {
    const std::string function = fields().text("activation", "linear");
    if (!kernels::is_activation(function)) {
      throw Error(Errc::kUnsupported, cat("there is no activation '", escape(function), "'"));
    }
    op.attributes.set("activation", function);
    const double usual = kernels::usual_alpha(function);
    if (usual != 0) op.attributes.set("activation_alpha", fields().number("alpha", usual));
  }

  // Gives the window's extents.
  Shape read_window() {
    const Shape window = fields().integers("kernel_size", 2, 1);
    for (const std::int64_t extent : window) {
      ops::require(extent > 0 && extent < (1 << 20),
                   cat("its 'kernel_size' has the extent ", extent));
    }
    std::string padding = fields().text("padding", "valid");
    std::ranges::transform(padding, padding.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    op.attributes.set("window", window);
    op.attributes.set("strides", fields().integers("strides", 2, 1));
    op.attributes.set("dilation", fields().integers("dilation", 2, 1));
    op.attributes.set("padding", padding);
    return window;
  }
};

void build_dense(Building& b) {
  b.op.kind = "dense";
  const std::int64_t units = b.fields().positive("units");
  b.add("kernel", {b.channels(), units}, std::nullopt);
  b.add_bias(units);
  b.read_activation();
}

void build_conv(Building& b) {
  b.op.kind = "conv";
  const std::int64_t filters = b.fields().positive("filters");
  const std::int64_t groups = b.fields().positive("groups", 1);
  const std::int64_t channels = b.channels();
  ops::require(channels % groups == 0,
               cat("its ", channels, " channels do not divide into ", groups, " groups"));
  Shape kernel = b.read_window();
  kernel.insert(kernel.end(), {channels / groups, filters});
  b.op.attributes.set("groups", groups);
  b.add("kernel", std::move(kernel), std::nullopt);
  b.add_bias(filters);
  b.read_activation();
}

void build_conv_transpose(Building& b) {
  b.op.kind = "conv_transpose";
  const std::int64_t filters = b.fields().positive("filters");
  Shape kernel = b.read_window();
  kernel.insert(kernel.end(), {filters, b.channels()});
  b.add("kernel", std::move(kernel), std::nullopt);
  b.add_bias(filters);
  b.read_activation();
}

void build_depthwise(Building& b) {
  b.op.kind = "depthwise_conv";
  const std::int64_t multiplier = b.fields().positive("depth_multiplier", 1);
  const std::int64_t channels = b.channels();
  Shape kernel = b.read_window();
  kernel.insert(kernel.end(), {channels, multiplier});
  b.add("depthwise_kernel", std::move(kernel), std::nullopt);
  b.add_bias(ops::multiply_extents(channels, multiplier));
  b.read_activation();
}

void build_separable(Building& b) {
  b.op.kind = "separable_conv";
  const std::int64_t filters = b.fields().positive("filters");
  const std::int64_t multiplier = b.fields().positive("depth_multiplier", 1);
  const std::int64_t channels = b.channels();
  Shape kernel = b.read_window();
  kernel.insert(kernel.end(), {channels, multiplier});
  b.add("depthwise_kernel", std::move(kernel), std::nullopt);
  b.add("pointwise_kernel", {1, 1, ops::multiply_extents(channels, multiplier), filters},
        std::nullopt);
  b.add_bias(filters);
  b.read_activation();
}

void add_scale_and_offset(Building& b, const Shape& shape) {
  if (b.fields().flag("scale", true)) b.add("gamma", shape, Initializer::ones());
  if (b.fields().flag("center", true)) b.add("beta", shape, Initializer::zeros());
}

void build_batch_norm(Building& b) {
  b.op.kind = "batch_norm";
  const Shape shape{b.channels()};
  b.op.attributes.set("epsilon", b.fields().number("epsilon", 1e-3));
  add_scale_and_offset(b, shape);
  b.add("moving_mean", shape, Initializer::zeros(), false);
  b.add("moving_variance", shape, Initializer::ones(), false);
}

void build_layer_norm(Building& b) {
  b.op.kind = "layer_norm";
  b.op.attributes.set("axes", std::vector<std::int64_t>{-1});
  b.op.attributes.set("epsilon", b.fields().number("epsilon", 1e-3));
  add_scale_and_offset(b, {b.channels()});
}

void build_embedding(Building& b) {
  b.op.kind = "embedding";
  b.op.compute = b.dtype;
  b.add("embeddings", {b.fields().positive("input_dim"), b.fields().positive("output_dim")},
        Initializer::random_uniform());
}

// Of Keras's layer: it has no scale, and its statistics are variables.
void build_normalization(Building& b) {
  b.op.kind = "normalization";
  const Shape shape{b.channels()};
  b.add("mean", shape, Initializer::zeros(), false);
  b.add("variance", shape, Initializer::ones(), false);
}

struct LayerRow {
  std::string_view name;
  std::string_view
      contrib;  // the default name of its scope in tf.contrib.layers; empty: none there
  void (*build)(Building& building);
};

constexpr LayerRow kLayerRows[] = {
    {"batch_normalization", "BatchNorm", build_batch_norm},
    {"conv2d", "Conv", build_conv},
    {"conv2d_transpose", "Conv2d_transpose", build_conv_transpose},
    {"dense", "fully_connected", build_dense},
    {"depthwise_conv2d", "", build_depthwise},
    {"embedding", "", build_embedding},
    {"layer_normalization", "LayerNorm", build_layer_norm},
    {"normalization", "", build_normalization},
    {"separable_conv2d", "SeparableConv2d", build_separable},
};

const LayerRow& need_row(std::string_view name) {
  const auto* it = std::ranges::find(kLayerRows, name, &LayerRow::name);
  if (it != std::end(kLayerRows)) return *it;
  std::vector<std::string> known;
  for (const LayerRow& row : kLayerRows) known.emplace_back(row.name);
  throw Error(Errc::kUnsupported,
              cat("there is no layer '", escape(name), "'", did_you_mean(nearest(name, known, 1)),
                  "; there are ", join(known, ", "),
                  "; with get_variable and op any other can be written"));
}

// The names of tf.contrib.layers.
std::string contrib_name(const std::string& role) {
  if (role == "kernel") return "weights";
  if (role == "bias") return "biases";
  if (role == "depthwise_kernel") return "depthwise_weights";
  if (role == "pointwise_kernel") return "pointwise_weights";
  return role;
}

// "vars": {"kernel": "w"} says what a layer calls its variables.
void rename(Building& b) {
  const auto table = b.fields().find("vars");
  if (!table) return;
  ops::require(table->kind == Datum::Kind::kObject, "its 'vars' are no object");
  for (const auto& [role, name] : table->members) {
    const auto at = std::ranges::find(b.roles, role);
    ops::require(at != b.roles.end() && name.kind == Datum::Kind::kText,
                 cat("its 'vars' name '", escape(role), "'; it has ", join(b.roles, ", ")));
    b.variables[static_cast<std::size_t>(at - b.roles.begin())].name = name.text;
  }
}

// A contrib layer opens its scope itself, once, and its variables lie right in it.
std::vector<Variable*> contrib_variables(VariableStore& store, std::string_view default_name,
                                         const LayerOptions& options, const Building& b) {
  const ScopeOptions reuse{.reuse = options.reuse};
  const ScopeGuard scope =
      options.scope ? store.open(*options.scope, reuse)
      : !options.name.empty()
          ? store.open(options.name, reuse)
          : store.open({.default_name = std::string(default_name), .reuse = options.reuse});
  std::vector<Variable*> made;
  for (const LayerVariable& each : b.variables) {
    made.push_back(&store.get_variable(each.name, {.shape = each.shape,
                                                   .dtype = b.dtype,
                                                   .initializer = each.initializer,
                                                   .trainable = each.trainable,
                                                   .origin = options.origin}));
  }
  return made;
}

}  // namespace

std::vector<std::size_t> apply_layer(
    Site& site, VariableStore& store, LayerOptions options,
    const std::function<std::size_t(const Variable&)>& position_of,
    const std::function<std::size_t(const std::string&)>& call_of) {
  const LayerRow& row = need_row(site.kind);
  site.need_inputs(1, 1);
  const std::size_t x = site.input(0);
  Building b{site, x, site.operation("", x)};
  b.dtype = store.current_scope().defaults().dtype;
  row.build(b);
  Fields& f = site.fields;
  const std::string style = f.text("style", "layers");
  const bool is_contrib = style == "contrib";
  ops::require(is_contrib || style == "layers",
               cat("its 'style' is '", escape(style), "', and neither 'layers' nor 'contrib'"));
  if (is_contrib) {
    for (LayerVariable& variable : b.variables) variable.name = contrib_name(variable.name);
  }
  rename(b);
  const bool is_object = f.flag("object", false);
  const std::string default_name(is_contrib && !row.contrib.empty() ? row.contrib : row.name);
  f.finish();
  std::vector<Variable*> made;
  if (is_contrib) {
    made = contrib_variables(store, default_name, options, b);
  } else {
    Layer layer = is_object ? Layer::object(store, default_name, options)
                            : Layer::functional(store, default_name, options);
    made = layer.apply(b.variables);
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    b.op.variables.push_back({b.roles[i], position_of(*made[i])});
  }
  // The scope is what its variables' names have in front.
  const std::string& key = made.front()->key();
  const std::size_t tail = b.variables.front().name.size() + 1;
  site.name = key.size() > tail ? key.substr(0, key.size() - tail) : std::string(site.kind);
  site.call = call_of(site.name);
  return site.add(std::move(b.op), {x});
}

}  // namespace ckpt::program
