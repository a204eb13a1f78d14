// The operations of a graph file, made of the kinds that model/ops has.

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/nearest.h"
#include "core/text.h"
#include "model/kernels/activation.h"
#include "model/ops/op.h"
#include "model/program/site.h"

namespace ckpt::program {
namespace {

using Outputs = std::vector<std::size_t>;
using Integers = std::vector<std::int64_t>;

Integers one_or_more(Fields& f, std::string_view key, std::int64_t otherwise) {
  return f.has(key) ? f.integers(key) : Integers{otherwise};
}

Outputs with_attribute(Site& s, std::string_view kind, const std::string& name, Attribute value) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation(kind, x);
  op.attributes.set(name, std::move(value));
  return s.add(std::move(op), {x});
}

// Two tensors, or a tensor and a number in either place.
Outputs binary(Site& s) {
  s.need_inputs(2, 2);
  const bool first = s.inputs[0].kind == Operand::Kind::kNumber;
  const bool second = s.inputs[1].kind == Operand::Kind::kNumber;
  const std::size_t x = s.input(first ? 1 : 0);
  Operation op = s.operation("binary", x);
  op.attributes.set("function", std::string(s.kind));
  if (!first && !second) return s.add(std::move(op), {x, s.input(1)});
  op.attributes.set("number", s.inputs[first ? 0 : 1].number);
  op.attributes.set("number_first", first);
  return s.add(std::move(op), {x});
}

Outputs unary(Site& s) { return with_attribute(s, "unary", "function", std::string(s.kind)); }

Outputs activation(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation("activation", x);
  const std::string function(s.kind);
  op.attributes.set("activation", function);
  const double usual = kernels::usual_alpha(function);
  if (usual != 0) op.attributes.set("activation_alpha", s.fields.number("alpha", usual));
  return s.add(std::move(op), {x});
}

Outputs softmax(Site& s) {
  return with_attribute(s, "softmax", "axes", one_or_more(s.fields, "axis", -1));
}

Outputs identity(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  return s.add(s.operation("identity", x), {x});
}

Outputs dropout(Site& s) {
  s.fields.number("rate", 0);  // nothing is dropped when nothing is trained
  return identity(s);
}

Outputs reduce(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation("reduce", x);
  op.attributes.set("function", std::string(s.kind.substr(s.kind.find('_') + 1)));
  if (s.fields.has("axes")) op.attributes.set("axes", s.fields.integers("axes"));
  op.attributes.set("keepdims", s.fields.flag("keepdims", false));
  return s.add(std::move(op), {x});
}

std::size_t transposed(Site& s, std::size_t x) {
  Integers axes;
  for (std::size_t a = 0; a < s.value(x).shape.size(); ++a) {
    axes.push_back(static_cast<std::int64_t>(a));
  }
  ops::require(axes.size() >= 2, "cannot transpose a tensor of less than two dimensions");
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  Operation op = s.operation("permute", x);
  op.attributes.set("axes", axes);
  return s.add(std::move(op), {x}).front();
}

// a·b, where b is a variable of two axes as the kernel of a dense layer or the table of an
// embedding, else as two values.
Outputs matmul(Site& s) {
  s.need_inputs(2, 2);
  std::size_t a = s.input(0);
  if (s.fields.flag("transpose_a", false)) a = transposed(s, a);
  const bool transpose = s.fields.flag("transpose_b", false);
  if (const auto kernel = s.variable(1, 2)) {
    Operation op = s.operation(transpose ? "reverse_embedding" : "dense", a);
    op.variables.push_back({transpose ? "embeddings" : "kernel", *kernel});
    return s.add(std::move(op), {a});
  }
  std::size_t b = s.input(1);
  if (transpose) b = transposed(s, b);
  return s.add(s.operation("matmul", a), {a, b});
}

Outputs bias_add(Site& s) {
  s.need_inputs(2, 2);
  const std::size_t x = s.input(0);
  const std::size_t bias = s.input(1);
  ops::require(s.value(bias).shape.size() == 1 && !s.value(x).shape.empty() &&
                   ops::may_equal(s.value(x).shape.back(), s.value(bias).shape[0]),
               cat("the bias ", describe(s.value(bias).shape), " does not fit ",
                   describe(s.value(x).shape)));
  Operation op = s.operation("binary", x);
  op.attributes.set("function", std::string("add"));
  return s.add(std::move(op), {x, bias});
}

Outputs einsum(Site& s) {
  s.need_inputs(2, 2);
  const std::size_t a = s.input(0);
  const std::string equation = s.fields.text("equation");
  if (s.inputs[1].kind == Operand::Kind::kVariable) {
    Operation op = s.operation("einsum_dense", a);
    op.attributes.set("equation", equation);
    op.variables.push_back({"kernel", s.inputs[1].position});
    return s.add(std::move(op), {a});
  }
  Operation op = s.operation("einsum", a);
  op.attributes.set("equation", equation);
  return s.add(std::move(op), {a, s.input(1)});
}

// Rows of a table: inputs are the table, a variable of two axes, and the indices.
Outputs gather(Site& s) {
  s.need_inputs(2, 2);
  const auto table = s.variable(0, 2);
  ops::require(table.has_value(), "gathers rows of a variable of two dimensions alone");
  const std::size_t indices = s.input(1);
  Operation op = s.operation("embedding", indices);
  op.compute = s.emitter.graph().variables[*table].dtype;
  op.variables.push_back({"embeddings", *table});
  return s.add(std::move(op), {indices});
}

Outputs reshape(Site& s) {
  return with_attribute(s, "reshape", "target", s.fields.integers("shape"));
}
Outputs transpose(Site& s) {
  return with_attribute(s, "permute", "axes", s.fields.integers("perm"));
}
Outputs expand_dims(Site& s) {
  return with_attribute(s, "expand_dims", "axes", s.fields.integers("axis"));
}

Outputs squeeze(Site& s) {
  if (s.fields.has("axes")) {
    return with_attribute(s, "squeeze", "axes", s.fields.integers("axes"));
  }
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  return s.add(s.operation("squeeze", x), {x});
}

Outputs flatten(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  return s.add(s.operation("flatten", x), {x});
}

Outputs concat(Site& s) {
  s.need_inputs(1, kMaxRank * 64);
  std::vector<std::size_t> values;
  for (std::size_t i = 0; i < s.inputs.size(); ++i) values.push_back(s.input(i));
  Operation op = s.operation("concatenate", values.front());
  op.attributes.set("axis", s.fields.integer("axis", -1));
  return s.add(std::move(op), values);
}

Operation slice_of(Site& s, std::size_t x, Integers axes, Integers starts, Integers stops) {
  Operation op = s.operation("slice", x);
  op.attributes.set("steps", Integers(axes.size(), 1));
  op.attributes.set("axes", std::move(axes));
  op.attributes.set("starts", std::move(starts));
  op.attributes.set("stops", std::move(stops));
  return op;
}

// Equal parts along an axis.
Outputs split(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  const Shape shape = s.value(x).shape;
  const std::int64_t axis = s.fields.integer("axis", -1);
  const std::int64_t parts = s.fields.positive("parts");
  const std::int64_t extent = shape[ops::axis_of(axis, shape.size())];
  ops::require(extent != kUnknown && extent % parts == 0 && parts <= 1024,
               cat("cannot split axis ", axis, " of ", describe(shape), " into ", parts,
                   " equal parts, 1,024 at the most"));
  Outputs out;
  const std::int64_t width = extent / parts;
  for (std::int64_t i = 0; i < parts; ++i) {
    Operation op = slice_of(s, x, {axis}, {i * width}, {(i + 1) * width});
    out.push_back(s.add(std::move(op), {x}).front());
  }
  return out;
}

// From "begin", "size" elements along each axis; a size of -1 is all that are left.
Outputs slice(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  const Shape shape = s.value(x).shape;
  const Integers begin = s.fields.integers("begin");
  const Integers size = s.fields.integers("size");
  ops::require(begin.size() == shape.size() && size.size() == shape.size(),
               cat("needs a begin and a size for each axis of ", describe(shape)));
  Integers axes;
  Integers stops;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    axes.push_back(static_cast<std::int64_t>(a));
    const bool rest = size[a] == -1;
    stops.push_back(rest ? ops::kSliceEnd : ops::add_extents(begin[a], size[a]));
    ops::require(begin[a] >= 0 && size[a] >= -1 &&
                     (shape[a] == kUnknown || (rest ? begin[a] : stops[a]) <= shape[a]),
                 cat("slice [", begin[a], ", ", rest ? "…" : cat(stops[a]), ") of axis ", a,
                     " is not inside ", describe(shape)));
  }
  return s.add(slice_of(s, x, std::move(axes), begin, std::move(stops)), {x});
}

Outputs cast_to(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation("cast", x);
  (void)s.fields.need("dtype");
  op.compute = s.fields.dtype("dtype", DType::kF32);
  return s.add(std::move(op), {x});
}

Outputs where(Site& s) {
  s.need_inputs(3, 3);
  const std::size_t condition = s.input(0);
  const std::size_t a = s.input(1);
  return s.add(s.operation("where", a), {condition, a, s.input(2)});
}

Outputs clip(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation("clip", x);
  op.attributes.set("low", s.fields.number("low", 0));
  op.attributes.set("high", s.fields.number("high", 1));
  return s.add(std::move(op), {x});
}

Outputs constant(Site& s) {
  s.need_inputs(0, 0);
  Operation op;
  op.kind = "constant";
  (void)s.fields.need("value");
  op.attributes.set("number", s.fields.number("value", 0));
  op.compute = s.fields.dtype("dtype", DType::kF32);
  return s.add(std::move(op), {});
}

// 0, 1, … n - 1.
Outputs range(Site& s) {
  s.need_inputs(0, 0);
  Operation op;
  op.kind = "range";
  op.attributes.set("n", s.fields.positive("n"));
  op.compute = s.fields.dtype("dtype", DType::kI32);
  return s.add(std::move(op), {});
}

// Zeros before and after each spatial axis: [[1, 1], [1, 1]].
Outputs pad(Site& s) {
  const Datum paddings = s.fields.need("paddings");
  Integers amounts;
  for (const Datum& pair : paddings.items) {
    for (const Datum& amount : pair.items) amounts.push_back(amount.integer);
    ops::require(pair.items.size() == 2 && pair.items[0].kind == Datum::Kind::kInteger &&
                     pair.items[1].kind == Datum::Kind::kInteger,
                 "needs paddings [before, after] for each spatial axis");
  }
  return with_attribute(s, "zero_padding", "amounts", std::move(amounts));
}

std::string padding_of(Fields& f) {
  std::string padding = f.text("padding", "valid");
  std::ranges::transform(padding, padding.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return padding;
}

// A convolution with a kernel that is a variable [h, w, in, out]; [h, w, in, multiplier] of a
// depthwise one, [h, w, out, in] of a transposed one.
Outputs conv(Site& s) {
  s.need_inputs(2, 2);
  const std::size_t x = s.input(0);
  const auto kernel = s.variable(1, 4);
  ops::require(kernel.has_value(), "needs a kernel that is a variable of four dimensions");
  const bool is_depthwise = s.kind == "depthwise_conv2d";
  Operation op = s.operation(is_depthwise                   ? "depthwise_conv"
                             : s.kind == "conv2d_transpose" ? "conv_transpose"
                                                            : "conv",
                             x);
  const Shape& shape = s.emitter.graph().variables[*kernel].shape;
  op.attributes.set("window", Integers{shape[0], shape[1]});
  op.attributes.set("strides", s.fields.integers("strides", 2, 1));
  op.attributes.set("dilation", s.fields.integers("dilation", 2, 1));
  op.attributes.set("padding", padding_of(s.fields));
  op.variables.push_back({is_depthwise ? "depthwise_kernel" : "kernel", *kernel});
  return s.add(std::move(op), {x});
}

Outputs pool(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation(s.kind, x);
  const Integers size = s.fields.integers("size", 2, 2);
  op.attributes.set("window", size);
  op.attributes.set("strides", s.fields.has("strides") ? s.fields.integers("strides", 2, 1) : size);
  op.attributes.set("padding", padding_of(s.fields));
  return s.add(std::move(op), {x});
}

Outputs global_pool(Site& s) {
  return with_attribute(s, s.kind, "keepdims", s.fields.flag("keepdims", false));
}

Outputs up_sampling(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation("up_sampling", x);
  op.attributes.set("size", s.fields.integers("size", 2, 2));
  return s.add(std::move(op), {x});
}

Outputs rescale(Site& s) {
  s.need_inputs(1, 1);
  const std::size_t x = s.input(0);
  Operation op = s.operation("rescaling", x);
  op.attributes.set("scale", std::vector<double>{s.fields.number("scale", 1)});
  op.attributes.set("offset", std::vector<double>{s.fields.number("offset", 0)});
  return s.add(std::move(op), {x});
}

struct OperationRow {
  std::string_view name;
  std::string_view default_name;  // as TensorFlow names the operation
  Outputs (*apply)(Site& site);
};

constexpr OperationRow kOperationRows[] = {
    {"abs", "Abs", unary},
    {"add", "add", binary},
    {"average_pool", "AvgPool", pool},
    {"bias_add", "BiasAdd", bias_add},
    {"cast", "Cast", cast_to},
    {"ceil", "Ceil", unary},
    {"clip", "clip_by_value", clip},
    {"concat", "concat", concat},
    {"constant", "Const", constant},
    {"conv2d", "Conv2D", conv},
    {"conv2d_transpose", "conv2d_transpose", conv},
    {"cos", "Cos", unary},
    {"depthwise_conv2d", "depthwise", conv},
    {"divide", "truediv", binary},
    {"dropout", "dropout", dropout},
    {"einsum", "einsum", einsum},
    {"elu", "Elu", activation},
    {"equal", "Equal", binary},
    {"erf", "Erf", unary},
    {"exp", "Exp", unary},
    {"expand_dims", "ExpandDims", expand_dims},
    {"flatten", "Flatten", flatten},
    {"floor", "Floor", unary},
    {"gather", "GatherV2", gather},
    {"gelu", "Gelu", activation},
    {"gelu_tanh", "Gelu", activation},
    {"global_average_pool", "Mean", global_pool},
    {"global_max_pool", "Max", global_pool},
    {"greater", "Greater", binary},
    {"greater_equal", "GreaterEqual", binary},
    {"hard_sigmoid", "HardSigmoid", activation},
    {"hard_silu", "HardSwish", activation},
    {"identity", "Identity", identity},
    {"leaky_relu", "LeakyRelu", activation},
    {"less", "Less", binary},
    {"less_equal", "LessEqual", binary},
    {"log", "Log", unary},
    {"log_softmax", "LogSoftmax", activation},
    {"logical_and", "LogicalAnd", binary},
    {"logical_not", "LogicalNot", unary},
    {"logical_or", "LogicalOr", binary},
    {"matmul", "MatMul", matmul},
    {"max_pool", "MaxPool", pool},
    {"maximum", "Maximum", binary},
    {"minimum", "Minimum", binary},
    {"multiply", "mul", binary},
    {"negative", "Neg", unary},
    {"not_equal", "NotEqual", binary},
    {"pad", "Pad", pad},
    {"power", "pow", binary},
    {"range", "range", range},
    {"reciprocal", "Reciprocal", unary},
    {"reduce_max", "Max", reduce},
    {"reduce_mean", "Mean", reduce},
    {"reduce_min", "Min", reduce},
    {"reduce_prod", "Prod", reduce},
    {"reduce_sum", "Sum", reduce},
    {"relu", "Relu", activation},
    {"relu6", "Relu6", activation},
    {"rescale", "Rescale", rescale},
    {"reshape", "Reshape", reshape},
    {"round", "Round", unary},
    {"rsqrt", "Rsqrt", unary},
    {"selu", "Selu", activation},
    {"sigmoid", "Sigmoid", activation},
    {"sign", "Sign", unary},
    {"silu", "Silu", activation},
    {"sin", "Sin", unary},
    {"slice", "Slice", slice},
    {"softmax", "Softmax", softmax},
    {"softplus", "Softplus", activation},
    {"softsign", "Softsign", activation},
    {"split", "split", split},
    {"sqrt", "Sqrt", unary},
    {"square", "Square", unary},
    {"squeeze", "Squeeze", squeeze},
    {"subtract", "sub", binary},
    {"tanh", "Tanh", activation},
    {"transpose", "transpose", transpose},
    {"up_sampling", "UpSampling", up_sampling},
    {"where", "SelectV2", where},
};

const OperationRow* find_row(std::string_view name) {
  const auto* it = std::ranges::find(kOperationRows, name, &OperationRow::name);
  return it == std::end(kOperationRows) ? nullptr : it;
}

}  // namespace

std::string_view default_name_of(std::string_view operation) {
  const OperationRow* row = find_row(operation);
  return row == nullptr ? "" : row->default_name;
}

std::vector<std::size_t> apply_operation(Site& site) {
  const OperationRow* row = find_row(site.kind);
  if (row != nullptr) return row->apply(site);
  std::vector<std::string> known;
  for (const OperationRow& each : kOperationRows) known.emplace_back(each.name);
  throw Error(Errc::kUnsupported,
              cat("there is no operation '", escape(site.kind), "'",
                  did_you_mean(nearest(site.kind, known, 1)), "; there are ", join(known, ", ")));
}

}  // namespace ckpt::program
