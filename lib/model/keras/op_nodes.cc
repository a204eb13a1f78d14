#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/keras/op_nodes.h"
#include "model/kernels/activation.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

// The classes whose name in snake case, or the second word, is the function of an operation.
struct OpClass {
  std::string_view name;
  std::string_view kind;
  std::string_view function;
};

constexpr OpClass kClasses[] = {
    {"Add", "binary", "add"},
    {"Subtract", "binary", "subtract"},
    {"Multiply", "binary", "multiply"},
    {"Divide", "binary", "divide"},
    {"TrueDivide", "binary", "divide"},
    {"FloorDivide", "binary", "floor_divide"},
    {"Mod", "binary", "mod"},
    {"Power", "binary", "power"},
    {"Maximum", "binary", "maximum"},
    {"Minimum", "binary", "minimum"},
    {"Equal", "binary", "equal"},
    {"NotEqual", "binary", "not_equal"},
    {"Greater", "binary", "greater"},
    {"GreaterEqual", "binary", "greater_equal"},
    {"Less", "binary", "less"},
    {"LessEqual", "binary", "less_equal"},
    {"LogicalAnd", "binary", "logical_and"},
    {"LogicalOr", "binary", "logical_or"},
    {"LogicalNot", "unary", "logical_not"},
    {"Absolute", "unary", "abs"},
    {"Abs", "unary", "abs"},
    {"Negative", "unary", "negative"},
    {"Sqrt", "unary", "sqrt"},
    {"Rsqrt", "unary", "rsqrt"},
    {"Square", "unary", "square"},
    {"Exp", "unary", "exp"},
    {"Expm1", "unary", "expm1"},
    {"Log", "unary", "log"},
    {"Log1p", "unary", "log1p"},
    {"Sin", "unary", "sin"},
    {"Cos", "unary", "cos"},
    {"Erf", "unary", "erf"},
    {"Floor", "unary", "floor"},
    {"Ceil", "unary", "ceil"},
    {"Round", "unary", "round"},
    {"Sign", "unary", "sign"},
    {"Reciprocal", "unary", "reciprocal"},
    {"Mean", "reduce", "mean"},
    {"Sum", "reduce", "sum"},
    {"Max", "reduce", "max"},
    {"Min", "reduce", "min"},
    {"Prod", "reduce", "prod"},
    {"Any", "reduce", "any"},
    {"All", "reduce", "all"},
    {"Relu", "activation", "relu"},
    {"Relu6", "activation", "relu6"},
    {"Sigmoid", "activation", "sigmoid"},
    {"HardSigmoid", "activation", "hard_sigmoid"},
    {"Tanh", "activation", "tanh"},
    {"Silu", "activation", "silu"},
    {"HardSilu", "activation", "hard_silu"},
    {"Softplus", "activation", "softplus"},
    {"Softsign", "activation", "softsign"},
    {"Selu", "activation", "selu"},
    {"Elu", "activation", "elu"},
    {"LeakyRelu", "activation", "leaky_relu"},
    {"LogSigmoid", "activation", "log_sigmoid"},
    {"Gelu", "activation", "gelu"},
    {"Softmax", "softmax", ""},
    {"Concatenate", "concatenate", ""},
    {"Transpose", "permute", ""},
    {"Reshape", "reshape", ""},
    {"ExpandDims", "expand_dims", ""},
    {"Squeeze", "squeeze", ""},
    {"GetItem", "slice", ""},
    {"Matmul", "matmul", ""},
    {"Einsum", "einsum", ""},
    {"Where", "where", ""},
    {"Clip", "clip", ""},
    {"Cast", "cast", ""},
};

// One item of x[…] as "axes", "starts", "stops", "steps" of the operation.
struct SliceLists {
  std::vector<std::int64_t> axes, starts, stops, steps;

  void add(std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
    axes.push_back(axis);
    starts.push_back(start);
    stops.push_back(stop);
    steps.push_back(step);
  }
};

void add_item(SliceLists& lists, const Argument& item, std::int64_t axis) {
  ops::require(item.constant != nullptr, "an index that is computed is not supported");
  const Json& json = *item.constant;
  if (json.is_number_integer()) {
    lists.add(axis, json.get<std::int64_t>(), 0, 0);
    return;
  }
  ops::require(json.is_object() && json.contains("config") && json["config"].is_object() &&
                   json.value("class_name", Json()) == Json("__slice__"),
               "an index is neither an integer nor a slice");
  const Config slice(json["config"]);
  lists.add(axis, slice.integer("start", 0),
            slice.has("stop") ? slice.integer("stop") : ops::kSliceEnd, slice.integer("step", 1));
}

void set_slices(Operation& op, const Argument& key) {
  SliceLists lists;
  const bool is_list = key.is_list();
  const std::size_t count = is_list ? key.items.size() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const Argument& item = is_list ? key.items[i] : key;
    if (item.constant != nullptr && item.constant->is_null()) {
      throw Error(Errc::kUnsupported, "new axes in an index are not supported");
    }
    add_item(lists, item, static_cast<std::int64_t>(i));
  }
  op.attributes.set("axes", lists.axes);
  op.attributes.set("starts", lists.starts);
  op.attributes.set("stops", lists.stops);
  op.attributes.set("steps", lists.steps);
}

// A list of integers from an argument of the call.
std::vector<std::int64_t> integers_of(const Argument& argument) {
  std::vector<std::int64_t> out;
  const auto add = [&](const Argument& item) {
    ops::require(item.constant != nullptr && item.constant->is_number_integer(),
                 "a list of integers has something else");
    out.push_back(item.constant->get<std::int64_t>());
  };
  if (argument.is_list()) {
    for (const Argument& item : argument.items) add(item);
  } else {
    add(argument);
  }
  return out;
}

// The parameter `key`: of the operation's own config, or of the call.
std::optional<std::vector<std::int64_t>> integers_of(const Config& config,
                                                     const Arguments& arguments, const char* key) {
  if (config.has(key)) return config.integers(key);
  if (const Argument* argument = arguments.find(key)) return integers_of(*argument);
  return std::nullopt;
}

// Reads the two operands, of which one may be a number, and takes them off the plain inputs.
void set_operands(Operation& op, const Arguments& arguments, std::vector<Input>& inputs) {
  std::vector<const Argument*> operands;
  for (const Argument& argument : arguments.positional) operands.push_back(&argument);
  for (const char* key : {"x1", "x2"}) {
    if (const Argument* argument = arguments.find(key)) operands.push_back(argument);
  }
  ops::require(operands.size() == 2, "takes exactly two operands");
  for (std::size_t i = 0; i < 2; ++i) {
    if (operands[i]->flow) {
      inputs.push_back({"", operands[i]->flow->value});
      continue;
    }
    ops::require(operands[i]->constant != nullptr && !op.attributes.has("number") &&
                     (operands[i]->constant->is_number() || operands[i]->constant->is_boolean()),
                 "an operand is neither a tensor nor a number");
    const Json& number = *operands[i]->constant;
    op.attributes.set(
        "number", number.is_boolean() ? (number.get<bool>() ? 1.0 : 0.0) : number.get<double>());
    if (i == 0) op.attributes.set("number_first", true);
  }
}

void set_parameters(Operation& op, const Config& config, const Arguments& arguments,
                    std::size_t rank) {
  const auto axis = integers_of(config, arguments, "axis");
  const auto second = [&]() -> const Argument* {
    return arguments.positional.size() > 1 ? &arguments.positional[1] : nullptr;
  };
  if (op.kind == "reduce") {
    if (axis) op.attributes.set("axes", *axis);
    op.attributes.set("keepdims", config.flag("keepdims", false));
  } else if (op.kind == "softmax") {
    op.attributes.set("axes", axis.value_or(std::vector<std::int64_t>{-1}));
  } else if (op.kind == "concatenate") {
    const auto axes = axis.value_or(std::vector<std::int64_t>{-1});
    ops::require(axes.size() == 1, "joins along one axis");
    op.attributes.set("axis", axes.front());
  } else if (op.kind == "expand_dims" || op.kind == "squeeze") {
    auto axes = axis;
    if (!axes && second() != nullptr) axes = integers_of(*second());
    if (axes) op.attributes.set("axes", *axes);
    ops::require(axes || op.kind == "squeeze", "has no axis");
  } else if (op.kind == "permute") {
    auto axes = integers_of(config, arguments, "axes");
    if (!axes) {  // all of them turned round
      axes.emplace();
      for (std::size_t a = rank; a-- > 0;) axes->push_back(static_cast<std::int64_t>(a));
    }
    for (std::int64_t& a : *axes) a = static_cast<std::int64_t>(ops::axis_of(a, rank));
    op.attributes.set("axes", *axes);
  } else if (op.kind == "reshape") {
    auto target = integers_of(config, arguments, "newshape");
    if (!target && second() != nullptr) target = integers_of(*second());
    ops::require(target.has_value(), "has no shape to take");
    op.attributes.set("target", *target);
  } else if (op.kind == "slice") {
    const Argument* key = second() != nullptr ? second() : arguments.find("key");
    ops::require(key != nullptr, "has no index");
    set_slices(op, *key);
  } else if (op.kind == "clip") {
    op.attributes.set("low", config.number("x_min", 0));
    op.attributes.set("high", config.number("x_max", 0));
    ops::require(config.has("x_min") && config.has("x_max"), "has no bounds");
  } else if (op.kind == "einsum") {
    op.attributes.set("equation", config.text("subscripts", ""));
  }
}

}  // namespace

std::vector<std::string> op_node_classes() {
  std::vector<std::string> names;
  for (const OpClass& each : kClasses) names.emplace_back(each.name);
  return names;
}

std::vector<std::size_t> emit_op_node(ops::Emitter& emitter, const std::string& class_name,
                                      const std::string& name, std::size_t call,
                                      const Config& config, const Arguments& arguments,
                                      Dialect dialect) {
  const auto* it = std::ranges::find(kClasses, class_name, &OpClass::name);
  if (it == std::end(kClasses)) {
    auto known = op_node_classes();
    std::ranges::sort(known);
    throw Error(Errc::kUnsupported, cat("the operation '", class_name,
                                        "' is not supported; supported are ", join(known, ", ")));
  }
  Operation op;
  op.kind = it->kind;
  std::vector<Input> inputs;
  if (op.kind == "binary") {
    op.attributes.set("function", std::string(it->function));
    set_operands(op, arguments, inputs);
  } else {
    for (const Argument& argument : arguments.positional) {
      for (const Flow& flow : flows_of(argument)) inputs.push_back({"", flow.value});
    }
    for (const char* key : {"x", "xs", "inputs", "condition", "x1", "x2"}) {
      if (const Argument* argument = arguments.find(key)) {
        for (const Flow& flow : flows_of(*argument)) inputs.push_back({"", flow.value});
      }
    }
  }
  ops::require(!inputs.empty(), "has no tensor to work on");
  const Value& first = emitter.value(inputs.front().value);
  op.compute = first.dtype;
  if (op.kind == "cast") {
    const auto dtype = parse_dtype(config.text("dtype", ""));
    ops::require(dtype.has_value(), "casts to a type that is not known");
    op.compute = *dtype;
  } else if (op.kind == "activation") {
    std::string function(it->function);
    if (class_name == "Gelu" && config.flag("approximate", true)) function = "gelu_tanh";
    if (class_name == "HardSigmoid" && dialect != Dialect::kThree) function = "hard_sigmoid_2";
    op.attributes.set("activation", function);
    const double alpha =
        config.number("negative_slope", config.number("alpha", kernels::usual_alpha(function)));
    op.attributes.set("activation_alpha", alpha);
  } else if (!it->function.empty()) {
    op.attributes.set("function", std::string(it->function));
  }
  set_parameters(op, config, arguments, first.shape.size());
  return emitter.add(name, call, std::move(op), std::move(inputs));
}

}  // namespace ckpt::keras
