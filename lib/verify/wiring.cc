#include "verify/wiring.h"

#include <algorithm>
#include <functional>

#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

bool same_operation(const Operation& a, const Operation& b) {
  return a.kind == b.kind &&
         std::ranges::equal(a.variables, b.variables,
                            [](const VariableUse& x, const VariableUse& y) {
                              return x.role == y.role && x.variable == y.variable;
                            }) &&
         std::ranges::equal(a.parts, b.parts, same_operation);
}

bool same_node(const Node& a, const Node& b) {
  return same_operation(a.operation, b.operation) && a.outputs == b.outputs &&
         std::ranges::equal(a.inputs, b.inputs, [](const Input& x, const Input& y) {
           return x.role == y.role && x.value == y.value;
         });
}

// A number as people write it: attributes are doubles that were often floats.
template <typename T>
std::string list_text(const std::vector<T>& items) {
  std::vector<std::string> texts;
  for (const T& item : items) texts.push_back(cat(item));
  return cat("[", join(texts, ", "), "]");
}

std::string text_of(const Attribute& attribute) {
  struct Printer {
    std::string operator()(bool x) const { return x ? "true" : "false"; }
    std::string operator()(std::int64_t x) const { return cat(x); }
    std::string operator()(double x) const { return cat(x); }
    std::string operator()(const std::string& x) const { return in_quotes(x); }
    std::string operator()(const std::vector<std::int64_t>& x) const { return list_text(x); }
    std::string operator()(const std::vector<double>& x) const { return list_text(x); }
  };
  return std::visit(Printer{}, attribute);
}

std::string text_of(const Operation& op, const std::string& name) {
  const auto it = op.attributes.all().find(name);
  return it == op.attributes.all().end() ? "not set" : text_of(it->second);
}

void compare_attributes(const Operation& was, const Operation& is, const std::string& layer,
                        std::vector<AttributeDifference>& out) {
  std::vector<std::string> names;
  for (const auto& [name, value] : was.attributes.all()) names.push_back(name);
  for (const auto& [name, value] : is.attributes.all()) {
    if (!was.attributes.has(name)) names.push_back(name);
  }
  for (const std::string& name : names) {
    const std::string before = text_of(was, name);
    const std::string after = text_of(is, name);
    if (before != after) out.push_back({layer, name, before, after});
  }
  for (std::size_t i = 0; i < was.parts.size(); ++i) {
    compare_attributes(was.parts[i], is.parts[i], layer, out);
  }
}

void copy_attributes(const Operation& from, Operation& to) {
  to.attributes = from.attributes;
  for (std::size_t i = 0; i < from.parts.size(); ++i) copy_attributes(from.parts[i], to.parts[i]);
}

void for_each_use(const Operation& op, bool recurrent,
                  const std::function<void(const VariableUse&, bool)>& f) {
  const bool is_recurrent =
      recurrent || op.kind == "rnn" || op.kind == "bidirectional" || op.kind == "conv_lstm";
  for (const VariableUse& use : op.variables) f(use, is_recurrent);
  for (const Operation& part : op.parts) for_each_use(part, is_recurrent, f);
}

}  // namespace

bool same_wiring(const Graph& a, const Graph& b) {
  const auto same_port = [](const Port& x, const Port& y) { return x.value == y.value; };
  const auto same_shape = [](const GraphVariable& x, const GraphVariable& y) {
    return x.shape == y.shape;
  };
  return a.values.size() == b.values.size() && std::ranges::equal(a.nodes, b.nodes, same_node) &&
         std::ranges::equal(a.inputs, b.inputs, same_port) &&
         std::ranges::equal(a.outputs, b.outputs, same_port) &&
         std::ranges::equal(a.variables, b.variables, same_shape);
}

std::vector<AttributeDifference> attribute_differences(const Graph& was, const Graph& is) {
  std::vector<AttributeDifference> out;
  for (std::size_t i = 0; i < was.nodes.size(); ++i) {
    compare_attributes(was.nodes[i].operation, is.nodes[i].operation, is.nodes[i].name, out);
  }
  return out;
}

Graph with_attributes_of(const Graph& was, const Graph& is) {
  Graph graph = is;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    copy_attributes(was.nodes[i].operation, graph.nodes[i].operation);
  }
  return graph;
}

std::vector<Counterparts> counterparts(const Graph& was, const Graph& is) {
  std::vector<bool> recurrent(is.variables.size(), false);
  for (const Node& node : is.nodes) {
    for_each_use(node.operation, false, [&](const VariableUse& use, bool is_recurrent) {
      if (is_recurrent) recurrent[use.variable] = true;
    });
  }
  std::vector<Counterparts> out;
  for (std::size_t i = 0; i < is.variables.size(); ++i) {
    const auto& before = was.variables[i].names;
    const auto& after = is.variables[i].names;
    // Parts that are joined in the one graph and lie together in the other have no counterparts.
    if (before.size() != after.size()) continue;
    for (std::size_t part = 0; part < after.size(); ++part) {
      out.push_back({before[part], after[part], recurrent[i] ? "gate" : "block"});
    }
  }
  return out;
}

std::vector<Shape> flattened_shapes(const Graph& graph) {
  std::vector<Shape> shapes;
  for (const Node& node : graph.nodes) {
    for (const Input& input : node.inputs) {
      const Shape& in = graph.values[input.value].shape;
      if (in.size() < 3) continue;
      for (const std::size_t output : node.outputs) {
        const Shape& out = graph.values[output].shape;
        const Shape image(in.begin() + 1, in.end());
        if (out.size() != 2 || num_elements(image) != num_elements({out[1]})) continue;
        if (std::ranges::find(shapes, image) == shapes.end()) shapes.push_back(image);
      }
    }
  }
  return shapes;
}

}  // namespace ckpt
