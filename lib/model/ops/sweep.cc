#include <algorithm>

#include "core/text.h"
#include "model/ops/recurrent.h"

namespace ckpt::ops {
namespace {

// x[:, t] of x [N, T, …].
Array at_time(const Array& x, std::size_t t) {
  const AxisView view = view_axis(x.shape, 1);
  Shape shape = x.shape;
  shape.erase(shape.begin() + 1);
  Array out = make_array(x.dtype, shape);
  for (std::size_t n = 0; n < view.outer; ++n) {
    std::copy_n(x.values.begin() + static_cast<std::ptrdiff_t>((n * view.extent + t) * view.inner),
                view.inner, out.values.begin() + static_cast<std::ptrdiff_t>(n * view.inner));
  }
  return out;
}

// Puts back the samples of `old` where the mask is false at time t.
void keep_masked(Array& now, const Array& old, const Array& mask, std::size_t t) {
  const auto batch = static_cast<std::size_t>(mask.shape[0]);
  const auto times = static_cast<std::size_t>(mask.shape[1]);
  const std::size_t width = batch == 0 ? 0 : now.values.size() / batch;
  for (std::size_t n = 0; n < batch; ++n) {
    if (mask.values[n * times + t] != 0) continue;
    std::copy_n(old.values.begin() + static_cast<std::ptrdiff_t>(n * width), width,
                now.values.begin() + static_cast<std::ptrdiff_t>(n * width));
  }
}

}  // namespace

Sweep::Sweep(const Operation& op)
    : backwards(op.attributes.flag("go_backwards")),
      sequences(op.attributes.flag("return_sequences")),
      states(op.attributes.flag("return_state")),
      zero_for_mask(op.attributes.flag("zero_output_for_mask")) {}

std::vector<Array> sweep(const Array& x, const Array* mask, const Sweep& how,
                         std::vector<Array> states, const Step& step) {
  const auto times = static_cast<std::size_t>(x.shape[1]);
  const auto batch = static_cast<std::size_t>(x.shape[0]);
  Array last = states.front();  // of the right shape; replaced by the first step
  std::fill(last.values.begin(), last.values.end(), 0.0);
  std::vector<Array> outputs;
  for (std::size_t i = 0; i < times; ++i) {
    const std::size_t t = how.backwards ? times - 1 - i : i;
    const std::vector<Array> before = mask == nullptr ? std::vector<Array>{} : states;
    Array output = step(at_time(x, t), states);
    if (mask != nullptr) {
      if (i == 0 || how.zero_for_mask) last = make_array(output.dtype, output.shape);
      keep_masked(output, last, *mask, t);
      for (std::size_t s = 0; s < states.size(); ++s) {
        keep_masked(states[s], before[s], *mask, t);
      }
    }
    last = output;
    if (how.sequences) outputs.push_back(std::move(output));
  }
  std::vector<Array> result;
  if (how.sequences) {
    Shape shape = last.shape;
    shape.insert(shape.begin() + 1, static_cast<std::int64_t>(times));
    Array all = make_array(last.dtype, shape);
    const std::size_t width = batch == 0 ? 0 : last.values.size() / batch;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      for (std::size_t n = 0; n < batch; ++n) {
        std::copy_n(outputs[i].values.begin() + static_cast<std::ptrdiff_t>(n * width), width,
                    all.values.begin() + static_cast<std::ptrdiff_t>((n * times + i) * width));
      }
    }
    result.push_back(std::move(all));
  } else {
    result.push_back(std::move(last));
  }
  if (how.states) {
    for (Array& state : states) result.push_back(std::move(state));
  }
  return result;
}

std::vector<Value> infer_sweep(const Signature& signature, const Sweep& how, const Shape& output,
                               const std::vector<Shape>& states) {
  const Shape& x = signature.input(0).shape;
  require(x.at(1) != 0, "has no time step to go through");
  if (const Value* mask = signature.find("mask")) {
    require(mask->shape.size() == 2 && may_equal(mask->shape[0], x[0]) &&
                may_equal(mask->shape[1], x[1]),
            cat("its mask has the shape ", describe(mask->shape), ", its input ", describe(x)));
  }
  const auto batched = [&](const Shape& shape) {
    Shape out = shape;
    out.insert(out.begin(), x[0]);
    return out;
  };
  std::vector<Value> values;
  Shape first = batched(output);
  if (how.sequences) first.insert(first.begin() + 1, x[1]);
  values.push_back({signature.op.compute, first});
  for (std::size_t i = 0; i < states.size(); ++i) {
    const Shape shape = batched(states[i]);
    if (const Value* initial = signature.find(cat("initial_state_", i))) {
      require(std::ranges::equal(initial->shape, shape, may_equal),
              cat("its initial state ", i, " has the shape ", describe(initial->shape), ", not ",
                  describe(shape)));
    }
    if (how.states) values.push_back({signature.op.compute, shape});
  }
  return values;
}

}  // namespace ckpt::ops
