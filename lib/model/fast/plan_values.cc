#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/text.h"
#include "model/fast/float_variables.h"
#include "model/fast/planner.h"
#include "model/fast/sizes.h"

// Variables as values, products of values, and tables.

namespace ckpt::fast {
namespace {

// Which of the matrices in front of a tensor's last two axes is repeated to matrix `i` of `out`.
std::size_t matrix_of(const Shape& shape, const Shape& out, std::size_t i) {
  std::size_t matrix = 0;
  std::size_t stride = 1;
  for (std::size_t axis = out.size() - 2; axis-- > 0;) {
    const auto extent = to_size(out[axis]);
    const std::size_t missing = out.size() - shape.size();
    if (axis >= missing) {
      const auto own = to_size(shape[axis - missing]);
      matrix += (own == 1 ? 0 : i % extent) * stride;
      stride *= own;
    }
    i /= extent;
  }
  return matrix;
}

// How many axes a dense layer in the words of an einsum sums over, the last of the input and the
// first of the kernel: 2 in "abcd,cde->abe". 0 where it is another product.
std::size_t axes_of_dense(std::string_view equation) {
  const auto comma = equation.find(',');
  const auto arrow = equation.find("->");
  if (comma == std::string_view::npos || arrow == std::string_view::npos) return 0;
  const std::string_view a = equation.substr(0, comma);
  const std::string_view b = equation.substr(comma + 1, arrow - comma - 1);
  const auto is_free = [](char letter, std::string_view others) {
    return std::isalpha(static_cast<unsigned char>(letter)) != 0 &&
           others.find(letter) == std::string_view::npos;
  };
  for (std::size_t n = 1; n <= std::min(a.size(), b.size()); ++n) {
    const std::string_view outer = a.substr(0, a.size() - n);
    if (!a.ends_with(b.substr(0, n)) || equation.substr(arrow + 2) != cat(outer, b.substr(n)))
      continue;
    const std::string all = cat(a, b.substr(n));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!is_free(all[i], std::string_view(all).substr(i + 1))) return 0;
    }
    return n;
  }
  return 0;
}

}  // namespace

// It gets a slot when a step reads it; a product takes the variable itself.
bool Planner::plan_variable(const Node& node) {
  const auto found = variable(node.operation, "variable");
  if (!found || shape(node.outputs[0]) != graph_.variables[*found].shape) return false;
  constants_[node.outputs[0]] = *found;
  is_there_[node.outputs[0]] = true;
  return true;
}

bool Planner::plan_matmul(const Node& node) {
  const std::size_t a = node.inputs[0].value;
  const std::size_t b = node.inputs[1].value;
  const auto constant = constants_.find(b);
  if (constant != constants_.end() && shape(b).size() == 2 && !constants_.contains(a)) {
    plan_rows(node, constant->second, shape(a).back());
    return true;
  }
  const Shape& out = shape(node.outputs[0]);
  const Shape& last = shape(b);
  const MatmulLayer::Extents extents{to_size(out[out.size() - 2]), to_size(last[last.size() - 2]),
                                     to_size(out.back())};
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < elements(node.outputs[0]) / (extents.rows * extents.columns); ++i) {
    pairs.emplace_back(matrix_of(shape(a), out, i), matrix_of(last, out, i));
  }
  const MatmulLayer& layer = plan_.matmuls.emplace_back(extents, std::move(pairs), kernels_.lanes);
  need_scratch(0, layer.scratch_rows());
  const std::size_t slot_a = read_slot(a);
  const std::size_t slot_b = read_slot(b);
  const std::size_t packed = new_slot(layer.packed_floats());
  const std::size_t to = slot_for(node.outputs[0]);
  add_step(node, node.name, [&layer, slot_a, slot_b, packed, to](Frame& f) {
    layer.run(f, f.at(slot_a), f.at(slot_b), f.at(packed), f.at(to));
  });
  return true;
}

bool Planner::plan_einsum_dense(const Node& node) {
  const Operation& op = node.operation;
  const auto kernel = variable(op, "kernel");
  const auto bias = variable(op, "bias");
  const std::size_t summed = axes_of_dense(op.attributes.text("equation"));
  if (!kernel || summed == 0 || op.attributes.text("activation", "linear") == "glu") return false;
  const Shape& extents = graph_.variables[*kernel].shape;
  const auto first_free = extents.begin() + static_cast<std::ptrdiff_t>(summed);
  const std::size_t filters = elements_of({first_free, extents.end()});
  if (bias && elements_of(graph_.variables[*bias].shape) != filters) return false;
  const std::size_t width = elements_of({extents.begin(), first_free});
  // An extent of one would be repeated.
  if (elements(node.inputs[0].value) / width != elements(node.outputs[0]) / filters) return false;
  plan_rows(node, *kernel, static_cast<std::int64_t>(width));
  return true;
}

// Rows of a table, which is kept as it is; the indices may be of any type.
bool Planner::plan_embedding(const Node& node) {
  const auto table = variable(node.operation, "embeddings");
  const std::size_t indices = node.inputs[0].value;
  const bool is_other = node.operation.variables.size() != 1 ||
                        class_of(graph_.values[indices].dtype) == DTypeClass::kFloat;
  if (!table || is_other) return false;
  const Shape& extents = graph_.variables[*table].shape;
  plan_.variables += elements_of(extents) * sizeof(float);
  const std::size_t out = slot_for(node.outputs[0]);
  add_step(node, node.name,
           [indices, out, rows = extents[0], width = to_size(extents[1]),
            values = floats_of(variables_, *table)](Frame& frame) {
             float* to = frame.at(out);
             for (const double index : frame.others[indices].values) {
               if (!(index >= 0 && index < static_cast<double>(rows))) {
                 throw Error(Errc::kInvalid, cat("index ", index,
                                                 " is outside of the embeddings, "
                                                 "of which there are ",
                                                 rows));
               }
               to = std::copy_n(values.data() + static_cast<std::size_t>(index) * width, width, to);
             }
           });
  drop_after(node);
  return true;
}

// A dense layer whose kernel is the table of an embedding, transposed.
bool Planner::plan_reverse_embedding(const Node& node) {
  const auto table = variable(node.operation, "embeddings");
  if (!table || node.operation.variables.size() != 1 ||
      node.operation.attributes.number("soft_cap") != 0) {
    return false;
  }
  plan_rows(node, *table, shape(node.inputs[0].value).back(), true);
  return true;
}

}  // namespace ckpt::fast
