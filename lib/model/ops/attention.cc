#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/kernels/activation.h"
#include "model/kernels/dense.h"
#include "model/ops/broadcast.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// A number that makes a masked score vanish under softmax.
double vanishing(DType dtype) { return dtype == DType::kF16 ? 3e4 : 1e9; }

// Which of the scores [… , Q, K] count: those that every mask has, and under "causal" keys up to
// the query's own place; with "window" > 0 keys nearer than that.
struct Masks {
  const Array* attention = nullptr;  // [batch, Q, K], or with heads in front of Q
  const Array* query = nullptr;      // [batch, Q]
  const Array* value = nullptr;      // [batch, K]
  const Array* key = nullptr;        // [batch, K]
  bool causal = false;
};

// Subtracts a large number from the scores [batch, heads …, Q, K] that do not count.
void mask_scores(Array& scores, const Masks& masks, double large) {
  const std::size_t rank = scores.shape.size();
  const auto batch = static_cast<std::size_t>(scores.shape[0]);
  const auto queries = static_cast<std::size_t>(scores.shape[rank - 2]);
  const auto keys = static_cast<std::size_t>(scores.shape[rank - 1]);
  const std::size_t heads =
      batch * queries * keys == 0 ? 0 : scores.values.size() / (batch * queries * keys);
  const auto hidden = [&](std::size_t n, std::size_t h, std::size_t q, std::size_t k) {
    if (masks.causal && k > q) return true;
    if (masks.query != nullptr && masks.query->values[n * queries + q] == 0) return true;
    if (masks.value != nullptr && masks.value->values[n * keys + k] == 0) return true;
    if (masks.key != nullptr && masks.key->values[n * keys + k] == 0) return true;
    if (masks.attention == nullptr) return false;
    const Array& mask = *masks.attention;
    std::size_t row = mask.shape[0] == 1 ? 0 : n;
    if (mask.shape.size() == 4) {
      const auto has = static_cast<std::size_t>(mask.shape[1]);
      row = row * has + (has == 1 ? 0 : h);
    }
    const auto rows = static_cast<std::size_t>(mask.shape[mask.shape.size() - 2]);
    const auto columns = static_cast<std::size_t>(mask.shape.back());
    return mask.values[(row * rows + (rows == 1 ? 0 : q)) * columns + (columns == 1 ? 0 : k)] == 0;
  };
  for (std::size_t i = 0; i < scores.values.size(); ++i) {
    const std::size_t k = i % keys;
    const std::size_t q = i / keys % queries;
    const std::size_t h = i / keys / queries % heads;
    const std::size_t n = i / keys / queries / heads;
    if (hidden(n, h, q, k)) scores.values[i] -= large;
  }
}

void require_mask(const Signature& s, const std::string& role, const Shape& shape) {
  const Value* mask = s.find(role);
  if (mask == nullptr) return;
  require(std::ranges::equal(mask->shape, shape, may_equal),
          cat("its ", role, " has the shape ", describe(mask->shape), ", not ", describe(shape)));
}

// "attention": inputs query [N, Q, D], value [N, K, V], key [N, K, D] (the value where it is
// missing). "score": "dot" q·k, "concat" w·Σ tanh(scale·(q + k)), "additive" Σ scale·tanh(q + k);
// a scale multiplies "dot" as well. The result is softmax(scores)·value.
std::vector<Value> infer_attention(const Signature& s) {
  const Shape& q = s.input(0).shape;
  const Shape& v = s.input(1).shape;
  const Shape& k = s.inputs.size() > 2 ? s.inputs[2].shape : v;
  require(q.size() == 3 && v.size() == 3 && k.size() == 3,
          "takes query, value and key [batch, time, features]");
  require(may_equal(q[2], k[2]) && may_equal(v[1], k[1]) && may_equal(q[0], v[0]),
          cat("its query ", describe(q), ", value ", describe(v), " and key ", describe(k),
              " do not fit one another"));
  require_mask(s, "query_mask", {q[0], q[1]});
  require_mask(s, "value_mask", {v[0], v[1]});
  if (s.op.attributes.text("score") == "additive") require_variable(s, "scale", {q[2]});
  std::vector<Value> values{{s.op.compute, {q[0], q[1], v[2]}}};
  if (s.op.attributes.flag("return_scores")) values.push_back({s.op.compute, {q[0], q[1], v[1]}});
  return values;
}

std::vector<Array> run_attention(const Call& call) {
  const Array& q = call.input(0);
  const Array& v = call.input(1);
  const Array& k = call.inputs.size() > 2 ? call.input(2) : v;
  const std::string score = call.op.attributes.text("score", "dot");
  const Array* scale = call.variable("scale");
  Array scores;
  if (score == "dot") {
    scores = kernels::einsum("nqd,nkd->nqk", q, k);
    round(scores, call.op.compute);
    if (scale != nullptr) {
      for (double& value : scores.values) value *= scale->values[0];
    }
  } else {
    scores = make_array(q.dtype, {q.shape[0], q.shape[1], k.shape[1]});
    const auto width = static_cast<std::size_t>(q.shape[2]);
    const auto queries = static_cast<std::size_t>(q.shape[1]);
    const auto keys = static_cast<std::size_t>(k.shape[1]);
    for (std::size_t i = 0; i < scores.values.size(); ++i) {
      const std::size_t n = i / (queries * keys);
      const double* a = q.values.data() + i / keys * width;
      const double* b = k.values.data() + (n * keys + i % keys) * width;
      double sum = 0;
      for (std::size_t d = 0; d < width; ++d) {
        if (score == "additive") {
          sum += (scale == nullptr ? 1 : scale->values[d]) * std::tanh(a[d] + b[d]);
        } else {
          sum += std::tanh((scale == nullptr ? 1 : scale->values[0]) * (a[d] + b[d]));
        }
      }
      const Array* weight = call.variable("concat_score_weight");
      scores.values[i] = sum * (weight == nullptr ? 1 : weight->values[0]);
    }
  }
  round(scores, call.op.compute);
  Masks masks;
  masks.value = call.find("value_mask");
  masks.causal = call.op.attributes.flag("causal");
  mask_scores(scores, masks, vanishing(call.op.compute));
  kernels::softmax(scores);
  round(scores, call.op.compute);
  Array y = kernels::einsum("nqk,nkv->nqv", scores, v);
  if (const Array* mask = call.find("query_mask")) {
    const auto width = static_cast<std::size_t>(y.shape[2]);
    for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] *= mask->values[i / width];
  }
  std::vector<Array> out;
  out.push_back(std::move(y));
  if (call.op.attributes.flag("return_scores")) out.push_back(std::move(scores));
  return out;
}

// Letters for the axes of a query [N, …, D] whose attention runs over some of the middle axes, and
// what follows from them: see Einsums.
struct Einsums {
  std::string project;  // x·kernel: the last axis becomes heads and their features
  std::string scores;   // key, query → scores, the query's attention axes before the key's
  std::string combine;  // scores, value → heads
  std::string output;   // heads·kernel → the last axis
};

// The general case of Keras's MultiHeadAttention is several attention axes; one is supported, and
// further axes between batch and time are kept, as many as there are.
Einsums einsums_of(std::size_t rank) {
  require(rank >= 3 && rank <= 8, "takes tensors of 3 to 8 dimensions");
  std::string kept = "n";
  for (std::size_t i = 0; i + 3 < rank; ++i) kept += static_cast<char>('A' + i);
  return {cat(kept, "td,dhe->", kept, "the"), cat(kept, "khe,", kept, "qhe->", kept, "hqk"),
          cat(kept, "hqk,", kept, "khv->", kept, "qhv"), cat(kept, "qhv,hvo->", kept, "qo")};
}

const char* const kProjections[] = {"query", "value", "key"};  // in the order of the inputs

// "multi_head_attention": inputs query, value, key (the value where it is missing), [N, …, T, D];
// of each a projection kernel [D, H, E] and perhaps a bias [H, E]; of the output a kernel
// [H, V, O] and perhaps a bias [O]. Keys and values may have fewer heads than queries, each of
// which then serves as many queries as follow one another.
std::vector<Value> infer_multi_head(const Signature& s) {
  const Shape& q = s.input(0).shape;
  const Shape& v = s.input(1).shape;
  const Shape& k = s.inputs.size() > 2 ? s.inputs[2].shape : v;
  require(q.size() == v.size() && v.size() == k.size() && q.size() >= 3,
          "its query, value and key differ in rank");
  einsums_of(q.size());
  const std::size_t time = q.size() - 2;
  require(may_equal(v[time], k[time]) && may_equal(q[0], v[0]),
          "its query, value and key do not fit one another");
  std::vector<const Shape*> kernels;
  for (std::size_t i = 0; i < 3; ++i) {
    const Shape& input = i == 0 ? q : i == 1 ? v : k;
    const std::string name = kProjections[i];
    const Shape* kernel = s.find_variable(name + "_kernel");
    require(kernel != nullptr && kernel->size() == 3, cat("needs a ", name, "_kernel [D, H, E]"));
    require_variable(s, name + "_kernel", {input.back(), kUnknown, kUnknown});
    require_variable(s, name + "_bias", {kernel->at(1), kernel->at(2)});
    kernels.push_back(kernel);
  }
  const Shape* output = s.find_variable("output_kernel");
  require(output != nullptr && output->size() == 3, "needs an output_kernel [H, V, O]");
  require_variable(s, "output_kernel", {kernels[0]->at(1), kernels[1]->at(2), kUnknown});
  require_variable(s, "output_bias", {output->at(2)});
  const std::int64_t heads = kernels[0]->at(1);
  const std::int64_t shared = kernels[1]->at(1);
  require(kernels[2]->at(1) == shared && shared > 0 && heads % shared == 0 &&
              kernels[0]->at(2) == kernels[2]->at(2),
          "its heads of query, key and value do not fit one another");
  require_mask(s, "query_mask", {q[0], q[time]});
  require_mask(s, "value_mask", {v[0], v[time]});
  require_mask(s, "key_mask", {v[0], v[time]});
  if (const Value* mask = s.find("attention_mask")) {
    const Shape& m = mask->shape;
    require(m.size() == 3 || m.size() == 4, "its attention_mask has neither 3 nor 4 dimensions");
    const auto fits = [](std::int64_t a, std::int64_t b) { return a == 1 || may_equal(a, b); };
    require(fits(m[0], q[0]) && fits(m[m.size() - 2], q[time]) && fits(m.back(), v[time]) &&
                (m.size() == 3 || fits(m[1], heads)),
            cat("its attention_mask ", describe(m), " does not fit"));
  }
  require(q.size() == 3 || s.named.empty(), "takes masks only for [batch, time, features]");
  Shape shape = q;
  shape.back() = output->at(2);
  std::vector<Value> values{{s.op.compute, shape}};
  if (s.op.attributes.flag("return_scores")) {
    Shape scores(q.begin(), q.end() - 2);
    scores.insert(scores.end(), {heads, q[time], v[time]});
    values.push_back({s.op.compute, scores});
  }
  return values;
}

// x·kernel + bias, one of the projections.
Array project(const Call& call, const std::string& equation, const Array& x,
              const std::string& name) {
  Array y = kernels::einsum(equation, x, call.need(name + "_kernel"));
  add_bias(y, call.variable(name + "_bias"), call.op.compute);
  return y;
}

// Each head of [… , H, E] as often as there are queries' heads to one of them.
Array shared_heads(const Array& x, std::int64_t heads) {
  const std::size_t axis = x.shape.size() - 2;
  if (x.shape[axis] == heads) return x;
  const std::int64_t times = heads / x.shape[axis];
  Shape split = x.shape;
  split.insert(split.begin() + static_cast<std::ptrdiff_t>(axis) + 1, 1);
  Shape repeated = split;
  repeated[axis + 1] = times;
  Shape out = x.shape;
  out[axis] = heads;
  return reshaped(broadcast_to(reshaped(x, split), repeated), out);
}

std::vector<Array> run_multi_head(const Call& call) {
  const Array& value_input = call.input(1);
  const Array& key_input = call.inputs.size() > 2 ? call.input(2) : value_input;
  const Einsums e = einsums_of(call.input(0).shape.size());
  Array query = project(call, e.project, call.input(0), "query");
  const std::int64_t heads = query.shape[query.shape.size() - 2];
  const Array key = shared_heads(project(call, e.project, key_input, "key"), heads);
  const Array value = shared_heads(project(call, e.project, value_input, "value"), heads);
  const double scale = 1 / std::sqrt(static_cast<double>(query.shape.back()));
  for (double& x : query.values) x *= scale;
  round(query, call.op.compute);
  Array scores = kernels::einsum(e.scores, key, query);
  round(scores, call.op.compute);
  Masks masks;
  masks.attention = call.find("attention_mask");
  masks.query = call.find("query_mask");
  masks.value = call.find("value_mask");
  masks.key = call.find("key_mask");
  masks.causal = call.op.attributes.flag("causal");
  mask_scores(scores, masks, vanishing(call.op.compute));
  kernels::softmax(scores);
  round(scores, call.op.compute);
  Array mixed = kernels::einsum(e.combine, scores, value);
  round(mixed, call.op.compute);
  std::vector<Array> out;
  out.push_back(project(call, e.output, mixed, "output"));
  if (call.op.attributes.flag("return_scores")) out.push_back(std::move(scores));
  return out;
}

constexpr Kind kAttentionKinds[] = {
    {"attention", infer_attention, run_attention},
    {"multi_head_attention", infer_multi_head, run_multi_head},
};

}  // namespace

std::span<const Kind> attention_kinds() { return kAttentionKinds; }

}  // namespace ckpt::ops
