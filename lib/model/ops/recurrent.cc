#include "model/ops/recurrent.h"

#include <algorithm>

#include "core/text.h"
#include "model/kernels/dense.h"
#include "model/kernels/recurrent.h"

namespace ckpt::ops {
namespace {

// The gates of a cell: how often its units are in its kernel's last axis.
std::int64_t gates_of(const Operation& cell) {
  if (cell.kind == "simple_rnn_cell") return 1;
  if (cell.kind == "gru_cell") return 3;
  require(cell.kind == "lstm_cell", cat("'", cell.kind, "' is no recurrent cell"));
  return 4;
}

std::size_t states_of(const Operation& cell) { return cell.kind == "lstm_cell" ? 2 : 1; }

kernels::Activation activation_of(const Operation& cell, const std::string& name) {
  return {cell.attributes.text(name), cell.attributes.number(name + "_alpha")};
}

// Checks the cell against inputs of that width; gives its units.
std::int64_t check_cell(const Signature& s, std::int64_t width) {
  const std::int64_t gates = gates_of(s.op);
  const Shape* recurrent = s.find_variable("recurrent_kernel");
  require(recurrent != nullptr && recurrent->size() == 2 && s.find_variable("kernel") != nullptr,
          "its cell needs a kernel and a recurrent_kernel");
  const std::int64_t units = recurrent->at(0);
  require_variable(s, "kernel", {width, multiply_extents(units, gates)});
  require_variable(s, "recurrent_kernel", {units, multiply_extents(units, gates)});
  if (s.op.attributes.flag("reset_after")) {
    require_variable(s, "bias", {2, multiply_extents(units, gates)});
  } else {
    require_variable(s, "bias", {multiply_extents(units, gates)});
  }
  for (const char* name : {"activation", "recurrent_activation"}) {
    if (s.op.kind == "simple_rnn_cell" && name == std::string_view("recurrent_activation"))
      continue;
    const std::string function = s.op.attributes.text(name);
    require(kernels::is_activation(function) && function != "glu",
            cat("'", function, "' is no activation of a cell"));
  }
  return units;
}

// x·W + b of one step, rounded.
Array input_part(const Call& cell, const Array& x, const Array* bias) {
  Array z = kernels::dense(x, cell.need("kernel"));
  add_bias(z, bias, cell.op.compute);
  return z;
}

// One step of one cell, whose states are states[0] and perhaps states[1].
Array step_cell(const Call& cell, const Array& x, std::span<Array> states) {
  const DType dtype = cell.op.compute;
  const Array& recurrent = cell.need("recurrent_kernel");
  const Array* bias = cell.variable("bias");
  const auto phi = activation_of(cell.op, "activation");
  if (cell.op.kind == "simple_rnn_cell") {
    kernels::simple_rnn_step(input_part(cell, x, bias), recurrent, phi, dtype, states[0]);
    return states[0];
  }
  const auto sigma = activation_of(cell.op, "recurrent_activation");
  if (cell.op.kind == "lstm_cell") {
    kernels::lstm_step(input_part(cell, x, bias), recurrent, sigma, phi, dtype, states[0],
                       states[1]);
    return states[0];
  }
  const bool reset_after = cell.op.attributes.flag("reset_after");
  if (!reset_after || bias == nullptr) {
    kernels::gru_step(input_part(cell, x, bias), recurrent, nullptr, reset_after, sigma, phi, dtype,
                      states[0]);
    return states[0];
  }
  // Two biases, [2, 3U]: of the input and of the state.
  const auto width = static_cast<std::ptrdiff_t>(bias->shape[1]);
  const Array of_input{
      dtype, {bias->shape[1]}, {bias->values.begin(), bias->values.begin() + width}};
  const Array of_state{dtype, {bias->shape[1]}, {bias->values.begin() + width, bias->values.end()}};
  kernels::gru_step(input_part(cell, x, &of_input), recurrent, &of_state, true, sigma, phi, dtype,
                    states[0]);
  return states[0];
}

// The units of each cell of the layer, from the first to the last.
std::vector<std::int64_t> units_of(const Signature& s) {
  const Value& x = s.input(0);
  require(x.shape.size() == 3, cat("takes [batch, time, features], not ", describe(x.shape)));
  require(!s.op.parts.empty(), "has no cell");
  std::vector<std::int64_t> units;
  std::int64_t width = x.shape[2];
  for (std::size_t i = 0; i < s.op.parts.size(); ++i) {
    width = check_cell(s.part(i, {}), width);
    units.push_back(width);
  }
  return units;
}

// "rnn": parts are its cells, one on the other.
std::vector<Value> infer_rnn(const Signature& s) {
  const auto units = units_of(s);
  std::vector<Shape> states;
  for (std::size_t i = 0; i < units.size(); ++i) {
    states.insert(states.end(), states_of(s.op.parts[i]), Shape{units[i]});
  }
  return infer_sweep(s, Sweep(s.op), {units.back()}, states);
}

std::vector<Array> run_rnn(const Call& call) {
  const Array& x = call.input(0);
  std::vector<Call> cells;
  std::vector<Array> states;
  for (const Operation& part : call.op.parts) {
    cells.push_back(Call{part, call.load, {}});
    const std::int64_t units = cells.back().need("recurrent_kernel").shape[0];
    for (std::size_t i = 0; i < states_of(part); ++i) {
      const Array* initial = call.find(cat("initial_state_", states.size()));
      states.push_back(initial != nullptr ? *initial
                                          : make_array(part.compute, {x.shape[0], units}));
    }
  }
  const auto step = [&](const Array& input, std::vector<Array>& all) {
    Array out = input;
    std::size_t at = 0;
    for (const Call& cell : cells) {
      const std::size_t count = states_of(cell.op);
      out = step_cell(cell, out, std::span(all).subspan(at, count));
      at += count;
    }
    return out;
  };
  return sweep(x, call.find("mask"), Sweep(call.op), std::move(states), step);
}

// "bidirectional": parts are the forward and the backward layer; "merge" says how their outputs
// become one ("concat", "sum", "mul", "ave") or "none". The backward one's sequence is turned
// round.
std::vector<Value> infer_bidirectional(const Signature& s) {
  require(s.op.parts.size() == 2, "needs two directions");
  std::vector<std::vector<Value>> outs;
  std::size_t first_state = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    Signature part = s.part(i, s.inputs);
    part.named = s.named;
    std::size_t count = 0;
    for (const Operation& cell : part.op.parts) count += states_of(cell);
    for (std::size_t k = 0; k < 8; ++k) part.named.erase(cat("initial_state_", k));
    for (std::size_t k = 0; k < count; ++k) {
      if (const Value* state = s.find(cat("initial_state_", first_state + k))) {
        part.named.insert_or_assign(cat("initial_state_", k), *state);
      }
    }
    first_state += count;
    require(find_kind(part.op.kind) != nullptr && part.op.kind != "bidirectional",
            "its direction is no recurrent layer");
    outs.push_back(find_kind(part.op.kind)->infer(part));
  }
  const std::string merge = s.op.attributes.text("merge", "concat");
  Value merged = outs[0][0];
  const Value& other = outs[1][0];
  require(merged.shape.size() == other.shape.size(), "its directions' outputs differ in rank");
  std::vector<Value> values;
  if (merge == "none") {
    values = {outs[0][0], outs[1][0]};
  } else {
    if (merge == "concat") {
      merged.shape.back() = add_extents(merged.shape.back(), other.shape.back());
    } else {
      require(merge == "sum" || merge == "mul" || merge == "ave",
              cat("cannot merge by '", merge, "'"));
      require(std::ranges::equal(merged.shape, other.shape, may_equal),
              "its directions' outputs differ in shape");
    }
    values = {merged};
  }
  for (const auto& out : outs) values.insert(values.end(), out.begin() + 1, out.end());
  return values;
}

Array merged(const Array& a, const Array& b, const std::string& how) {
  if (how == "concat") {
    Shape shape = a.shape;
    shape.back() += b.shape.back();
    Array y = make_array(a.dtype, shape);
    const auto width_a = static_cast<std::size_t>(a.shape.back());
    const auto width_b = static_cast<std::size_t>(b.shape.back());
    const std::size_t width = width_a + width_b;
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      const std::size_t row = i / width;
      const std::size_t column = i % width;
      y.values[i] = column < width_a ? a.values[row * width_a + column]
                                     : b.values[row * width_b + column - width_a];
    }
    return y;
  }
  Array y = a;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const double other = b.values[i];
    y.values[i] = how == "mul" ? y.values[i] * other : y.values[i] + other;
    if (how == "ave") y.values[i] /= 2;
  }
  return y;
}

std::vector<Array> run_bidirectional(const Call& call) {
  std::vector<std::vector<Array>> outs;
  std::size_t first_state = 0;
  for (const Operation& direction : call.op.parts) {
    Call part{direction, call.load, call.inputs};
    if (const Array* mask = call.find("mask")) part.named.emplace("mask", mask);
    std::size_t count = 0;
    for (const Operation& cell : direction.parts) count += states_of(cell);
    for (std::size_t k = 0; k < count; ++k) {
      if (const Array* state = call.find(cat("initial_state_", first_state + k))) {
        part.named.emplace(cat("initial_state_", k), state);
      }
    }
    first_state += count;
    outs.push_back(find_kind(direction.kind)->run(part));
    if (outs.size() == 2 && Sweep(direction).sequences) {
      outs[1][0] = reversed(outs[1][0], 1);
    }
  }
  std::vector<Array> result;
  const std::string merge = call.op.attributes.text("merge", "concat");
  if (merge == "none") {
    result.push_back(std::move(outs[0][0]));
    result.push_back(std::move(outs[1][0]));
  } else {
    result.push_back(merged(outs[0][0], outs[1][0], merge));
  }
  for (auto& out : outs) {
    for (std::size_t i = 1; i < out.size(); ++i) result.push_back(std::move(out[i]));
  }
  return result;
}

constexpr Kind kRecurrentKinds[] = {
    {"rnn", infer_rnn, run_rnn},
    {"bidirectional", infer_bidirectional, run_bidirectional},
};

}  // namespace

std::span<const Kind> recurrent_kinds() { return kRecurrentKinds; }

}  // namespace ckpt::ops
