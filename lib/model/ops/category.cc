#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "model/kernels/dense.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// y = embeddings[x]: [N, …] → [N, …, E].
std::vector<Value> infer_embedding(const Signature& s) {
  const Shape* table = s.find_variable("embeddings");
  require(table != nullptr && table->size() == 2, "needs embeddings of two dimensions");
  Shape shape = s.input(0).shape;
  shape.push_back(table->at(1));
  return {{s.op.compute, shape}};
}

std::vector<Array> run_embedding(const Call& call) {
  const Array& x = call.input(0);
  const Array& table = call.need("embeddings");
  Shape shape = x.shape;
  shape.push_back(table.shape[1]);
  Array y = make_array(call.op.compute, shape);
  const auto width = static_cast<std::size_t>(table.shape[1]);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double index = std::trunc(x.values[i]);
    require(
        index >= 0 && index < static_cast<double>(table.shape[0]),
        cat("index ", index, " is outside of the embeddings, of which there are ", table.shape[0]));
    std::copy_n(table.values.begin() +
                    static_cast<std::ptrdiff_t>(index) * static_cast<std::ptrdiff_t>(width),
                width, y.values.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  return {std::move(y)};
}

// The way back: y = x·embeddingsᵀ, [… , E] → [… , number of embeddings]; "soft_cap" c > 0 makes it
// c·tanh(y / c). "reverse_embeddings" [E, number], where there are such, are used instead.
std::vector<Value> infer_reverse(const Signature& s) {
  Shape shape = s.input(0).shape;
  const Shape* table = s.find_variable("embeddings");
  require(table != nullptr && table->size() == 2 && !shape.empty(), "needs embeddings");
  require_variable(s, "embeddings", {kUnknown, shape.back()});
  require_variable(s, "reverse_embeddings", {shape.back(), table->at(0)});
  shape.back() = table->at(0);
  return {{s.op.compute, shape}};
}

std::vector<Array> run_reverse(const Call& call) {
  const Array* separate = call.variable("reverse_embeddings");
  Array y = kernels::dense(
      call.input(0), separate != nullptr ? *separate : permuted(call.need("embeddings"), {1, 0}));
  if (const double cap = call.op.attributes.number("soft_cap"); cap > 0) {
    for (double& x : y.values) x = cap * std::tanh(x / cap);
  }
  return {std::move(y)};
}

// Masking: the steps [N, T] of x [N, T, C] that have an element other than "mask_value", and x with
// the others set to 0.
std::vector<Value> infer_masking(const Signature& s) {
  const Shape& x = s.input(0).shape;
  require(x.size() >= 2, "takes [batch, time, …]");
  return {{s.op.compute, x}, {DType::kBool, {x.begin(), x.end() - 1}}};
}

std::vector<Array> run_masking(const Call& call) {
  Array y = call.input(0);
  Array mask = make_array(DType::kBool, {y.shape.begin(), y.shape.end() - 1});
  const double masked = call.op.attributes.number("mask_value");
  const auto width = static_cast<std::size_t>(y.shape.back());
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    if (y.values[i] != masked) mask.values[i / width] = 1;
  }
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] *= mask.values[i / width];
  std::vector<Array> out;
  out.push_back(std::move(y));
  out.push_back(std::move(mask));
  return out;
}

// "mode": "int" keeps positions, "one_hot" makes each integer a row of 0 and one 1, "multi_hot"
// sets all that a sample has, "count" counts them; optionally weighted by a second input.
std::vector<Value> infer_encoding(const Signature& s) {
  const std::string mode = s.op.attributes.text("mode");
  const std::int64_t tokens = s.op.attributes.integer("tokens");
  require(tokens > 0, "its number of tokens is not positive");
  Shape shape = s.input(0).shape;
  if (s.inputs.size() > 1) {
    require(std::ranges::equal(s.inputs[1].shape, shape, may_equal),
            "its weights have another shape than its input");
  }
  if (mode == "int") return {{s.op.compute, shape}};
  require(mode == "one_hot" || mode == "multi_hot" || mode == "count",
          cat("its mode '", mode, "' is not known"));
  // One integer a sample: the last axis, if it has extent 1, is the encoding's place.
  if (mode == "one_hot") {
    if (shape.empty() || shape.back() != 1) shape.push_back(1);
    shape.back() = tokens;
  } else if (shape.empty()) {
    shape = {tokens};
  } else {
    shape.back() = tokens;
  }
  return {{s.op.compute, shape}};
}

std::vector<Array> run_encoding(const Call& call) {
  const Array& x = call.input(0);
  const std::string mode = call.op.attributes.text("mode");
  const std::int64_t tokens = call.op.attributes.integer("tokens");
  if (mode == "int") return {x};
  Shape shape = x.shape;
  std::size_t group = 1;  // integers that go into one row
  if (mode == "one_hot") {
    if (shape.empty() || shape.back() != 1) shape.push_back(1);
    shape.back() = tokens;
  } else if (shape.empty()) {
    shape = {tokens};
  } else {
    group = static_cast<std::size_t>(shape.back());
    shape.back() = tokens;
  }
  Array y = make_array(call.op.compute, shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double token = x.values[i];
    require(token >= 0 && token < static_cast<double>(tokens),
            cat("the value ", token, " is not one of ", tokens, " tokens"));
    double& out =
        y.values[i / group * static_cast<std::size_t>(tokens) + static_cast<std::size_t>(token)];
    const double weight = call.inputs.size() > 1 ? call.input(1).values[i] : 1;
    out = mode == "count" ? out + weight : 1;
  }
  return {std::move(y)};
}

// The number of "boundaries" that are not above x: 0 for x below the first.
std::vector<Value> infer_discretize(const Signature& s) {
  const auto& boundaries = s.op.attributes.numbers("boundaries");
  require(std::ranges::is_sorted(boundaries), "its boundaries are not sorted");
  return {{s.op.compute, s.input(0).shape}};
}

std::vector<Array> run_discretize(const Call& call) {
  Array y = call.input(0);
  const auto& boundaries = call.op.attributes.numbers("boundaries");
  for (double& x : y.values) {
    x = static_cast<double>(std::ranges::upper_bound(boundaries, x) - boundaries.begin());
  }
  return {std::move(y)};
}

constexpr Kind kCategoryKinds[] = {
    {"embedding", infer_embedding, run_embedding},
    {"reverse_embedding", infer_reverse, run_reverse},
    {"masking", infer_masking, run_masking},
    {"category_encoding", infer_encoding, run_encoding},
    {"discretize", infer_discretize, run_discretize},
};

}  // namespace

std::span<const Kind> category_kinds() { return kCategoryKinds; }

}  // namespace ckpt::ops
