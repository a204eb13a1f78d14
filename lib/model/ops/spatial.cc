#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "model/ops/window.h"

namespace ckpt::ops {
namespace {

Shape original(const Operation& op, const Shape& shape) {
  return channels_first(op) ? to_channels_first(shape) : shape;
}

std::vector<Array> original(const Operation& op, Array array) {
  if (channels_first(op)) array = to_channels_first(array);
  std::vector<Array> out;
  out.push_back(std::move(array));
  return out;
}

// The result of gathering along one axis: element e comes from element from[e], or is 0 where that
// is -1.
Array gather(const Array& x, std::size_t axis, const std::vector<std::int64_t>& from) {
  const AxisView view = view_axis(x.shape, axis);
  Shape shape = x.shape;
  shape[axis] = static_cast<std::int64_t>(from.size());
  Array y = make_array(x.dtype, shape);
  for (std::size_t o = 0; o < view.outer; ++o) {
    for (std::size_t e = 0; e < from.size(); ++e) {
      if (from[e] < 0) continue;
      for (std::size_t i = 0; i < view.inner; ++i) {
        y.values[(o * from.size() + e) * view.inner + i] =
            x.values[(o * view.extent + static_cast<std::size_t>(from[e])) * view.inner + i];
      }
    }
  }
  return y;
}

// "amounts": before and after, for each spatial dimension; padding adds zeros, cropping takes away.
std::vector<Value> infer_padding(const Signature& s) {
  Shape shape = channels_last(s.op, s.input(0).shape);
  const auto& amounts = s.op.attributes.integers("amounts");
  require(amounts.size() == 2 * (shape.size() - 2),
          cat("its amounts do not fit an input ", describe(shape)));
  const std::int64_t sign = s.op.kind == "zero_padding" ? 1 : -1;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    require(amounts[i] >= 0 && amounts[i] < (std::int64_t{1} << 40), "an amount is out of range");
    std::int64_t& extent = shape[1 + i / 2];
    if (extent == kUnknown) continue;
    require(sign > 0 || extent >= amounts[i], "it crops more than there is");
    extent = sign > 0 ? add_extents(extent, amounts[i]) : extent - amounts[i];
  }
  return {{s.op.compute, original(s.op, shape)}};
}

std::vector<Array> run_padding(const Call& call) {
  Array x = channels_last(call.op, call.input(0));
  const auto& amounts = call.op.attributes.integers("amounts");
  const bool pads = call.op.kind == "zero_padding";
  for (std::size_t d = 0; d < amounts.size() / 2; ++d) {
    const std::int64_t extent = x.shape[d + 1];
    const std::int64_t before = amounts[2 * d];
    const std::int64_t after = amounts[2 * d + 1];
    std::vector<std::int64_t> from;
    const std::int64_t first = pads ? -before : before;
    const std::int64_t end = pads ? extent + after : extent - after;
    for (std::int64_t e = first; e < end; ++e) from.push_back(e < 0 || e >= extent ? -1 : e);
    x = gather(x, d + 1, from);
  }
  return original(call.op, std::move(x));
}

// Each element "size" times along each spatial dimension.
std::vector<Value> infer_up_sampling(const Signature& s) {
  Shape shape = channels_last(s.op, s.input(0).shape);
  const auto& size = s.op.attributes.integers("size");
  require(size.size() == shape.size() - 2, "its size does not fit its input");
  for (std::size_t d = 0; d < size.size(); ++d) {
    require(size[d] > 0, "its size is not positive");
    shape[d + 1] = multiply_extents(shape[d + 1], size[d]);
  }
  return {{s.op.compute, original(s.op, shape)}};
}

// Elements of an axis mixed from two of the input: value = (1 - w)·x[low] + w·x[high].
Array mix(const Array& x, std::size_t axis, std::size_t extent) {
  const AxisView view = view_axis(x.shape, axis);
  const double scale = static_cast<double>(view.extent) / static_cast<double>(extent);
  Shape shape = x.shape;
  shape[axis] = static_cast<std::int64_t>(extent);
  Array y = make_array(x.dtype, shape);
  for (std::size_t e = 0; e < extent; ++e) {
    // The centres of the elements are aligned: (e + ½) · scale - ½.
    const double place = std::clamp((static_cast<double>(e) + 0.5) * scale - 0.5, 0.0,
                                    static_cast<double>(view.extent - 1));
    const auto low = static_cast<std::size_t>(place);
    const std::size_t high = std::min(low + 1, view.extent - 1);
    const double w = place - static_cast<double>(low);
    for (std::size_t o = 0; o < view.outer; ++o) {
      for (std::size_t i = 0; i < view.inner; ++i) {
        const double a = x.values[(o * view.extent + low) * view.inner + i];
        const double b = x.values[(o * view.extent + high) * view.inner + i];
        y.values[(o * extent + e) * view.inner + i] = (1 - w) * a + w * b;
      }
    }
  }
  return y;
}

Array resized(Array x, std::size_t axis, std::int64_t extent, const std::string& method) {
  if (method == "bilinear") return mix(x, axis, static_cast<std::size_t>(extent));
  std::vector<std::int64_t> from;
  const double scale = static_cast<double>(x.shape[axis]) / static_cast<double>(extent);
  for (std::int64_t e = 0; e < extent; ++e) {
    // For up-sampling by a whole number this is e / size; for resizing the element whose area the
    // centre of e falls into.
    from.push_back(std::min(static_cast<std::int64_t>((static_cast<double>(e) + 0.5) * scale),
                            x.shape[axis] - 1));
  }
  return gather(x, axis, from);
}

std::vector<Array> run_up_sampling(const Call& call) {
  Array x = channels_last(call.op, call.input(0));
  const auto& size = call.op.attributes.integers("size");
  const std::string method = call.op.attributes.text("interpolation", "nearest");
  for (std::size_t d = 0; d < size.size(); ++d) {
    const std::int64_t extent = multiply_extents(x.shape[d + 1], size[d]);
    x = resized(std::move(x), d + 1, extent, method);
  }
  return original(call.op, std::move(x));
}

// To "target" extents, by "interpolation"; without anti-aliasing.
std::vector<Value> infer_resizing(const Signature& s) {
  Shape shape = channels_last(s.op, s.input(0).shape);
  const auto& target = s.op.attributes.integers("target");
  require(shape.size() == 4 && target.size() == 2, "takes images [batch, height, width, channels]");
  for (std::size_t d = 0; d < 2; ++d) {
    require(target[d] > 0, "its target is not positive");
    require(shape[d + 1] != 0, "cannot resize an image without pixels");
    shape[d + 1] = target[d];
  }
  return {{s.op.compute, original(s.op, shape)}};
}

std::vector<Array> run_resizing(const Call& call) {
  Array x = channels_last(call.op, call.input(0));
  const auto& target = call.op.attributes.integers("target");
  const std::string method = call.op.attributes.text("interpolation", "nearest");
  for (std::size_t d = 0; d < 2; ++d) x = resized(std::move(x), d + 1, target[d], method);
  return original(call.op, std::move(x));
}

// The middle of an image, "target" extents; an odd surplus loses one more at the end.
std::vector<Value> infer_center_crop(const Signature& s) {
  Shape shape = channels_last(s.op, s.input(0).shape);
  const auto& target = s.op.attributes.integers("target");
  require(shape.size() == 4 && target.size() == 2, "takes images [batch, height, width, channels]");
  for (std::size_t d = 0; d < 2; ++d) {
    require(target[d] > 0 && (shape[d + 1] == kUnknown || shape[d + 1] >= target[d]),
            cat("cannot crop ", describe(shape), " to ", to_string(target),
                "; images that are smaller than that would be resized, which is not supported"));
    shape[d + 1] = target[d];
  }
  return {{s.op.compute, original(s.op, shape)}};
}

std::vector<Array> run_center_crop(const Call& call) {
  Array x = channels_last(call.op, call.input(0));
  const auto& target = call.op.attributes.integers("target");
  for (std::size_t d = 0; d < 2; ++d) {
    const std::int64_t first = (x.shape[d + 1] - target[d]) / 2;
    std::vector<std::int64_t> from;
    for (std::int64_t e = 0; e < target[d]; ++e) from.push_back(first + e);
    x = gather(x, d + 1, from);
  }
  return original(call.op, std::move(x));
}

constexpr Kind kSpatialKinds[] = {
    {"zero_padding", infer_padding, run_padding},        {"cropping", infer_padding, run_padding},
    {"up_sampling", infer_up_sampling, run_up_sampling}, {"resizing", infer_resizing, run_resizing},
    {"center_crop", infer_center_crop, run_center_crop},
};

}  // namespace

std::span<const Kind> spatial_kinds() { return kSpatialKinds; }

}  // namespace ckpt::ops
