#include <algorithm>

#include "core/text.h"
#include "model/ops/broadcast.h"
#include "model/ops/op.h"

namespace ckpt::ops {
namespace {

// The elements from axis `first` on; unknown where one of them is.
std::int64_t product(const Shape& shape, std::size_t first) {
  std::int64_t out = 1;
  for (std::size_t a = first; a < shape.size(); ++a) out = multiply_extents(out, shape[a]);
  return out;
}

// "target" may have one -1, which takes what is left. "keeps_batch": the target is without the
// first axis, which stays.
std::vector<Value> infer_reshape(const Signature& s) {
  const Value& x = s.input(0);
  const bool keeps_batch = s.op.attributes.flag("keeps_batch");
  Shape target = s.op.attributes.integers("target");
  require(target.size() < kMaxRank, "its target has too many dimensions");
  require(std::ranges::count(target, -1) <= 1, "its target has more than one -1");
  require(std::ranges::all_of(target, [](auto e) { return e >= -1; }),
          cat("its target ", to_string(target), " has a negative extent"));
  require(!keeps_batch || !x.shape.empty(), "cannot keep the batch of a scalar");
  const std::int64_t total = product(x.shape, keeps_batch ? 1 : 0);
  const auto free = std::ranges::find(target, -1);
  if (free != target.end()) {
    *free = 1;
    const std::int64_t others = product(target, 0);
    require(total == kUnknown || (others > 0 && total % others == 0),
            cat("cannot reshape ", describe(x.shape), " to ", to_string(target)));
    *free = total == kUnknown ? kUnknown : total / others;
  } else {
    require(may_equal(total, product(target, 0)),
            cat("cannot reshape ", describe(x.shape), " to ", to_string(target)));
  }
  if (keeps_batch) target.insert(target.begin(), x.shape[0]);
  return {{x.dtype, target}};
}

// A run needs the shape that inference gave, of which it knows all but the type again.
std::vector<Array> run_reshape(const Call& call) {
  const Array& x = call.input(0);
  const std::vector<GraphVariable> none;
  const Signature signature{call.op, none, {{x.dtype, x.shape}}};
  return {reshaped(x, infer_reshape(signature).front().shape)};
}

std::vector<Value> infer_flatten(const Signature& s) {
  const Value& x = s.input(0);
  require(!x.shape.empty(), "takes a tensor of one dimension at least");
  return {{x.dtype, {x.shape[0], product(x.shape, 1)}}};
}

// [N, …] → [N, product]. With channels first, the channels are moved to the end before.
std::vector<Array> run_flatten(const Call& call) {
  const Array& x = call.input(0);
  const Shape shape{x.shape[0], product(x.shape, 1)};
  if (channels_first(call.op) && x.shape.size() > 2) {
    return {reshaped(to_channels_last(x), shape)};
  }
  return {reshaped(x, shape)};
}

// "axes": all of them; axis i of the result is axis axes[i].
std::vector<Value> infer_permute(const Signature& s) {
  const Value& x = s.input(0);
  const auto& axes = s.op.attributes.integers("axes");
  std::vector<std::int64_t> sorted = axes;
  std::ranges::sort(sorted);
  require(axes.size() == x.shape.size(),
          cat("its order has ", axes.size(), " axes, its input ", x.shape.size()));
  Shape shape;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    require(sorted[i] == static_cast<std::int64_t>(i), "its order is no permutation of the axes");
    shape.push_back(x.shape[static_cast<std::size_t>(axes[i])]);
  }
  return {{x.dtype, shape}};
}

std::vector<Array> run_permute(const Call& call) {
  return {permuted(call.input(0), call.op.attributes.integers("axes"))};
}

std::vector<Value> infer_repeat(const Signature& s) {
  const Value& x = s.input(0);
  require(x.shape.size() == 2, cat("takes [batch, features], not ", describe(x.shape)));
  const std::int64_t n = s.op.attributes.integer("n");
  require(n >= 0, "its n is negative");
  return {{x.dtype, {x.shape[0], n, x.shape[1]}}};
}

// [N, C] → [N, n, C]: each row n times.
std::vector<Array> run_repeat(const Call& call) {
  const Array& x = call.input(0);
  const std::int64_t n = call.op.attributes.integer("n");
  return {broadcast_to(reshaped(x, {x.shape[0], 1, x.shape[1]}), {x.shape[0], n, x.shape[1]})};
}

// TimeDistributed: [N, T, …] → [N·T, …], and back with the original beside it.
std::vector<Value> infer_fold(const Signature& s) {
  const Value& x = s.input(0);
  require(x.shape.size() >= 2, "takes [batch, time, …]");
  Shape shape(x.shape.begin() + 1, x.shape.end());
  shape[0] = multiply_extents(x.shape[0], x.shape[1]);
  return {{x.dtype, shape}};
}

std::vector<Array> run_fold(const Call& call) {
  const Array& x = call.input(0);
  Shape shape(x.shape.begin() + 1, x.shape.end());
  shape[0] = x.shape[0] * x.shape[1];
  return {reshaped(x, shape)};
}

std::vector<Value> infer_unfold(const Signature& s) {
  const Value& x = s.input(0);
  const Value& original = s.input(1);
  require(!x.shape.empty() && original.shape.size() >= 2, "takes a folded tensor and the original");
  Shape shape = x.shape;
  shape[0] = original.shape[1];
  shape.insert(shape.begin(), original.shape[0]);
  require(may_equal(x.shape[0], multiply_extents(shape[0], shape[1])),
          "its tensor is not the folded original");
  return {{x.dtype, shape}};
}

std::vector<Array> run_unfold(const Call& call) {
  Shape shape = call.input(0).shape;
  shape[0] = call.input(1).shape[1];
  shape.insert(shape.begin(), call.input(1).shape[0]);
  return {reshaped(call.input(0), shape)};
}

// An index for each axis of the input, as Python's x[…] has it: attribute "axes" names each axis
// that is touched, "starts", "stops", "steps" the slice; a step of 0 takes one element and drops
// the axis.
struct Slice {
  std::vector<std::int64_t> first, count, step;
  std::vector<bool> dropped;
};

Slice slice_of(const Attributes& attributes, const Shape& shape) {
  const auto& axes = attributes.integers("axes");
  const auto& starts = attributes.integers("starts");
  const auto& stops = attributes.integers("stops");
  const auto& steps = attributes.integers("steps");
  require(
      axes.size() == starts.size() && axes.size() == stops.size() && axes.size() == steps.size(),
      "its slices are incomplete");
  const std::size_t rank = shape.size();
  Slice slice{std::vector<std::int64_t>(rank, 0), shape, std::vector<std::int64_t>(rank, 1),
              std::vector<bool>(rank)};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t a = axis_of(axes[i], rank);
    const std::int64_t extent = shape[a];
    const bool is_all = steps[i] == 1 && starts[i] == 0 && stops[i] == kSliceEnd;
    if (is_all) continue;
    if (extent == kUnknown) {
      slice.dropped[a] = steps[i] == 0;
      slice.count[a] = steps[i] == 0 ? 1 : kUnknown;
      continue;
    }
    const auto bounded = [&](std::int64_t at, std::int64_t low, std::int64_t high) {
      return std::clamp(at < 0 ? at + extent : at, low, high);
    };
    if (steps[i] == 0) {
      const std::int64_t at = starts[i] < 0 ? starts[i] + extent : starts[i];
      require(at >= 0 && at < extent, cat("index ", starts[i], " is outside of ", extent));
      slice.first[a] = at;
      slice.count[a] = 1;
      slice.dropped[a] = true;
      continue;
    }
    require(steps[i] > 0, "slices that go backwards are not supported");
    slice.first[a] = bounded(starts[i], 0, extent);
    const std::int64_t stop = stops[i] == kSliceEnd ? extent : bounded(stops[i], 0, extent);
    slice.step[a] = steps[i];
    slice.count[a] = std::max<std::int64_t>((stop - slice.first[a] + steps[i] - 1) / steps[i], 0);
  }
  return slice;
}

Shape without(const Shape& shape, const std::vector<bool>& dropped) {
  Shape out;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    if (!dropped[a]) out.push_back(shape[a]);
  }
  return out;
}

std::vector<Value> infer_slice(const Signature& s) {
  const Value& x = s.input(0);
  const Slice slice = slice_of(s.op.attributes, x.shape);
  return {{x.dtype, without(slice.count, slice.dropped)}};
}

std::vector<Array> run_slice(const Call& call) {
  const Array& x = call.input(0);
  const Slice slice = slice_of(call.op.attributes, x.shape);
  Array y = make_array(x.dtype, slice.count);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    std::size_t at = 0;
    for (std::size_t a = 0; a < x.shape.size(); ++a) {
      const AxisView view = view_axis(y.shape, a);
      const auto index = static_cast<std::int64_t>(i / view.inner % view.extent);
      at = at * static_cast<std::size_t>(x.shape[a]) +
           static_cast<std::size_t>(slice.first[a] + index * slice.step[a]);
    }
    y.values[i] = x.values[at];
  }
  y.shape = without(y.shape, slice.dropped);
  return {std::move(y)};
}

// New axes of extent 1 where "axes" says they are in the result.
std::vector<Value> infer_expand(const Signature& s) {
  const Value& x = s.input(0);
  Shape shape = x.shape;
  const auto& axes = s.op.attributes.integers("axes");
  std::vector<std::size_t> places;
  for (const std::int64_t axis : axes)
    places.push_back(axis_of(axis, x.shape.size() + axes.size()));
  std::ranges::sort(places);
  for (const std::size_t place : places) {
    require(place <= shape.size(), "its axes leave a gap");
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(place), 1);
  }
  return {{x.dtype, shape}};
}

std::vector<Value> infer_squeeze(const Signature& s) {
  const Value& x = s.input(0);
  std::vector<bool> dropped(x.shape.size());
  if (s.op.attributes.has("axes")) {
    for (const std::int64_t axis : s.op.attributes.integers("axes")) {
      const std::size_t a = axis_of(axis, x.shape.size());
      require(may_equal(x.shape[a], 1), cat("cannot drop axis ", axis, " of ", describe(x.shape)));
      dropped[a] = true;
    }
  } else {
    for (std::size_t a = 0; a < x.shape.size(); ++a) dropped[a] = x.shape[a] == 1;
  }
  return {{x.dtype, without(x.shape, dropped)}};
}

template <std::vector<Value> (*infer)(const Signature&)>
std::vector<Array> run_as_inferred(const Call& call) {
  const Array& x = call.input(0);
  const std::vector<GraphVariable> none;
  return {reshaped(x, infer({call.op, none, {{x.dtype, x.shape}}}).front().shape)};
}

constexpr Kind kShapeKinds[] = {
    {"reshape", infer_reshape, run_reshape},
    {"flatten", infer_flatten, run_flatten},
    {"permute", infer_permute, run_permute},
    {"repeat_vector", infer_repeat, run_repeat},
    {"fold_time", infer_fold, run_fold},
    {"unfold_time", infer_unfold, run_unfold},
    {"slice", infer_slice, run_slice},
    {"expand_dims", infer_expand, run_as_inferred<infer_expand>},
    {"squeeze", infer_squeeze, run_as_inferred<infer_squeeze>},
};

}  // namespace

std::span<const Kind> shape_kinds() { return kShapeKinds; }

}  // namespace ckpt::ops
