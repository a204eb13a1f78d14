#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

std::vector<Value> infer_batch_norm(const Signature& s) {
  const Value& x = s.input(0);
  const std::size_t axis = axis_of(s.op.attributes.integer("axis", -1), x.shape.size());
  require(
      s.find_variable("moving_mean") != nullptr && s.find_variable("moving_variance") != nullptr,
      "needs moving_mean and moving_variance");
  for (const char* role : {"gamma", "beta", "moving_mean", "moving_variance"}) {
    require_variable(s, role, {x.shape[axis]});
  }
  return {{s.op.compute, x.shape}};
}

// y = (x - mean) / √(variance + ε) · gamma + beta, each of them [C] along `axis`.
std::vector<Array> run_batch_norm(const Call& call) {
  Array y = call.input(0);
  const AxisView view =
      view_axis(y.shape, axis_of(call.op.attributes.integer("axis", -1), y.shape.size()));
  const Array& mean = call.need("moving_mean");
  const Array& variance = call.need("moving_variance");
  const Array* gamma = call.variable("gamma");
  const Array* beta = call.variable("beta");
  const double epsilon = call.op.attributes.number("epsilon");
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const std::size_t c = i / view.inner % view.extent;
    const double scale =
        (gamma == nullptr ? 1 : gamma->values[c]) / std::sqrt(variance.values[c] + epsilon);
    y.values[i] = (y.values[i] - mean.values[c]) * scale + (beta == nullptr ? 0 : beta->values[c]);
  }
  return {std::move(y)};
}

// The axes of the attribute "axes", counted from the front and sorted.
std::vector<std::size_t> axes_of(const Operation& op, std::size_t rank) {
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : op.attributes.integers("axes")) {
    axes.push_back(axis_of(axis, rank));
  }
  std::ranges::sort(axes);
  require(std::ranges::adjacent_find(axes) == axes.end(), "its axes have one twice");
  return axes;
}

std::vector<Value> infer_layer_norm(const Signature& s) {
  const Value& x = s.input(0);
  Shape shape;
  for (const std::size_t axis : axes_of(s.op, x.shape.size())) shape.push_back(x.shape[axis]);
  for (const char* role : {"gamma", "beta"}) require_variable(s, role, shape);
  return {{s.op.compute, x.shape}};
}

// Over the elements that differ in `axes` alone:
//   layer_norm   y = (x - mean) / √(variance + ε) · gamma + beta
//   rms_norm     y = x / √(mean of x² + ε) · gamma
//   unit_norm    y = x / √max(Σ x², ε)
// "rms_scaling" of a layer_norm: x / √(variance + ε) · gamma. gamma and beta have the extents of
// `axes`.
std::vector<Array> run_layer_norm(const Call& call) {
  Array y = call.input(0);
  const auto axes = axes_of(call.op, y.shape.size());
  const double epsilon = call.op.attributes.number("epsilon");
  const bool is_layer = call.op.kind == "layer_norm";
  const bool rms_scaling = call.op.attributes.flag("rms_scaling");
  const Array* gamma = call.variable("gamma");
  const Array* beta = call.variable("beta");
  // For each element: which group it is in, and which place in the group.
  std::vector<std::size_t> group(y.values.size());
  std::vector<std::size_t> place(y.values.size());
  std::size_t groups = 1;
  std::size_t places = 1;
  for (std::size_t a = 0; a < y.shape.size(); ++a) {
    const AxisView view = view_axis(y.shape, a);
    const bool inside = std::ranges::find(axes, a) != axes.end();
    auto& index = inside ? place : group;
    (inside ? places : groups) *= view.extent;
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      index[i] = index[i] * view.extent + i / view.inner % view.extent;
    }
  }
  const auto count = static_cast<double>(places);
  std::vector<double> mean(groups);
  std::vector<double> squares(groups);
  for (std::size_t i = 0; i < y.values.size(); ++i) mean[group[i]] += y.values[i] / count;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const double x = is_layer ? y.values[i] - mean[group[i]] : y.values[i];
    squares[group[i]] += x * x;
  }
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const std::size_t g = group[i];
    const std::size_t p = place[i];
    const double scale = gamma == nullptr ? 1 : gamma->values[p];
    double& value = y.values[i];
    if (call.op.kind == "unit_norm") {
      value /= std::sqrt(std::max(squares[g], epsilon));
    } else if (is_layer && !rms_scaling) {
      value = (value - mean[g]) / std::sqrt(squares[g] / count + epsilon) * scale +
              (beta == nullptr ? 0 : beta->values[p]);
    } else {
      value = value / std::sqrt(squares[g] / count + epsilon) * scale;
    }
  }
  return {std::move(y)};
}

std::vector<Value> infer_group_norm(const Signature& s) {
  const Value& x = s.input(0);
  const std::size_t axis = axis_of(s.op.attributes.integer("axis", -1), x.shape.size());
  require(axis > 0, "cannot normalise groups of the batch");
  const std::int64_t channels = x.shape[axis];
  const std::int64_t groups = s.op.attributes.integer("groups");
  require(channels > 0, "needs a known number of channels");
  require(groups > 0 && channels % groups == 0,
          cat("its ", channels, " channels do not divide into ", groups, " groups"));
  for (const char* role : {"gamma", "beta"}) require_variable(s, role, {channels});
  return {{s.op.compute, x.shape}};
}

// The channels along `axis` in `groups` runs; mean and variance over a run and over all other
// axes but the batch: y = (x - mean) / √(variance + ε) · gamma + beta.
std::vector<Array> run_group_norm(const Call& call) {
  Array y = call.input(0);
  if (y.values.empty()) return {std::move(y)};
  const AxisView view =
      view_axis(y.shape, axis_of(call.op.attributes.integer("axis", -1), y.shape.size()));
  const auto groups = static_cast<std::size_t>(call.op.attributes.integer("groups"));
  const auto batch = static_cast<std::size_t>(y.shape[0]);
  const std::size_t sample = y.values.size() / batch;
  const std::size_t run = view.extent / groups;
  const Array* gamma = call.variable("gamma");
  const Array* beta = call.variable("beta");
  const auto channel_of = [&](std::size_t i) { return i / view.inner % view.extent; };
  const auto group_of = [&](std::size_t i) { return i / sample * groups + channel_of(i) / run; };
  const auto count = static_cast<double>(sample / groups);
  std::vector<double> mean(batch * groups);
  std::vector<double> squares(batch * groups);
  for (std::size_t i = 0; i < y.values.size(); ++i) mean[group_of(i)] += y.values[i] / count;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const double x = y.values[i] - mean[group_of(i)];
    squares[group_of(i)] += x * x;
  }
  const double epsilon = call.op.attributes.number("epsilon");
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const std::size_t g = group_of(i);
    const std::size_t c = channel_of(i);
    y.values[i] = (y.values[i] - mean[g]) / std::sqrt(squares[g] / count + epsilon) *
                      (gamma == nullptr ? 1 : gamma->values[c]) +
                  (beta == nullptr ? 0 : beta->values[c]);
  }
  return {std::move(y)};
}

// y = (x - mean) / √variance with constants of the graph, along "axis", or one for all; "invert"
// is the way back.
std::vector<Value> infer_normalization(const Signature& s) {
  const Value& x = s.input(0);
  const Shape* mean = s.find_variable("mean");
  if (mean != nullptr) {
    require(mean->size() <= x.shape.size(), "its mean has more dimensions than its input");
    for (std::size_t i = 0; i < mean->size(); ++i) {
      const std::int64_t extent = (*mean)[mean->size() - 1 - i];
      require(extent == 1 || may_equal(extent, x.shape[x.shape.size() - 1 - i]),
              cat("its mean ", describe(*mean), " does not fit ", describe(x.shape)));
    }
    require_variable(s, "variance", *mean);
  } else {
    const auto& values = s.op.attributes.numbers("mean");
    require(values.size() == s.op.attributes.numbers("variance").size(),
            "its mean and variance differ in length");
    require(
        values.size() == 1 || (!x.shape.empty() &&
                               may_equal(x.shape.back(), static_cast<std::int64_t>(values.size()))),
        cat("its mean of ", values.size(), " does not fit ", describe(x.shape)));
  }
  return {{s.op.compute, x.shape}};
}

std::vector<Array> run_normalization(const Call& call) {
  Array y = call.input(0);
  const Array* stored = call.variable("mean");
  // A mean of several extents is laid over the input's last axes; those of extent 1 in front of it
  // do not change where its elements lie.
  const std::vector<double>& mean =
      stored == nullptr ? call.op.attributes.numbers("mean") : stored->values;
  const std::vector<double>& variance =
      stored == nullptr ? call.op.attributes.numbers("variance") : call.need("variance").values;
  const bool invert = call.op.attributes.flag("invert");
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const std::size_t c = i % mean.size();
    const double deviation = std::max(std::sqrt(variance[c]), 1e-7);
    y.values[i] = invert ? y.values[i] * deviation + mean[c] : (y.values[i] - mean[c]) / deviation;
  }
  return {std::move(y)};
}

constexpr Kind kNormKinds[] = {
    {"batch_norm", infer_batch_norm, run_batch_norm},
    {"layer_norm", infer_layer_norm, run_layer_norm},
    {"rms_norm", infer_layer_norm, run_layer_norm},
    {"unit_norm", infer_layer_norm, run_layer_norm},
    {"group_norm", infer_group_norm, run_group_norm},
    {"normalization", infer_normalization, run_normalization},
};

}  // namespace

std::span<const Kind> norm_kinds() { return kNormKinds; }

}  // namespace ckpt::ops
