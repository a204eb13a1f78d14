#include "core/error.h"
#include "core/text.h"
#include "model/keras/layer.h"
#include "model/ops/op.h"

namespace ckpt::keras {
namespace {

void build_flatten(const LayerBuild& b) {
  b.op.kind = "flatten";
  b.set_channels_first();
}

void build_reshape(const LayerBuild& b) {
  b.op.kind = "reshape";
  const Json* target = b.config.find("target_shape");
  ops::require(target != nullptr && target->is_array(), "has no target_shape");
  // Keras 3.16 may write an unknown extent as null.
  std::vector<std::int64_t> extents;
  for (const Json& item : *target) {
    ops::require(item.is_null() || item.is_number_integer(), "its target_shape is no shape");
    extents.push_back(item.is_null() ? -1 : item.get<std::int64_t>());
  }
  b.op.attributes.set("target", extents);
  b.op.attributes.set("keeps_batch", true);
}

void build_permute(const LayerBuild& b) {
  b.op.kind = "permute";
  std::vector<std::int64_t> axes{0};
  for (const std::int64_t axis : b.config.integers("dims")) axes.push_back(axis);
  b.op.attributes.set("axes", axes);
}

void build_repeat(const LayerBuild& b) {
  b.op.kind = "repeat_vector";
  b.op.attributes.set("n", b.config.integer("n"));
}

// [[before, after], …], [before and after of each] or one number for all.
std::vector<std::int64_t> amounts_of(const LayerBuild& b, const char* key) {
  const std::size_t dimensions = b.spatial_dimensions();
  const Json* json = b.config.find(key);
  std::vector<std::int64_t> out;
  const auto add = [&](const Json& item) {
    ops::require(item.is_number_integer(), cat("its ", key, " is no list of integers"));
    out.push_back(item.get<std::int64_t>());
  };
  if (json != nullptr && json->is_array() && json->size() == dimensions &&
      json->front().is_array()) {
    for (const Json& pair : *json) {
      ops::require(pair.is_array() && pair.size() == 2, cat("its ", key, " is no list of pairs"));
      add(pair[0]);
      add(pair[1]);
    }
  } else if (json != nullptr && json->is_array() && dimensions == 1 && json->size() == 2) {
    add((*json)[0]);
    add((*json)[1]);
  } else {
    for (const std::int64_t amount : b.config.integers(key, dimensions, 1)) {
      out.insert(out.end(), 2, amount);
    }
  }
  return out;
}

void build_padding(const LayerBuild& b) {
  b.op.kind = "zero_padding";
  b.set_channels_first();
  b.op.attributes.set("amounts", amounts_of(b, "padding"));
}

void build_cropping(const LayerBuild& b) {
  b.op.kind = "cropping";
  b.set_channels_first();
  b.op.attributes.set("amounts", amounts_of(b, "cropping"));
}

void build_up_sampling(const LayerBuild& b) {
  b.op.kind = "up_sampling";
  b.set_channels_first();
  b.op.attributes.set("size", b.config.integers("size", b.spatial_dimensions(), 2));
  const std::string method = b.config.text("interpolation", "nearest");
  if (method != "nearest" && method != "bilinear") {
    throw Error(Errc::kUnsupported,
                cat("the interpolation '", method, "' is not supported; nearest and bilinear are"));
  }
  b.op.attributes.set("interpolation", method);
}

constexpr LayerClass kReshapingLayers[] = {
    {"Flatten", build_flatten},          {"Reshape", build_reshape},
    {"Permute", build_permute},          {"RepeatVector", build_repeat},
    {"ZeroPadding1D", build_padding},    {"ZeroPadding2D", build_padding},
    {"ZeroPadding3D", build_padding},    {"Cropping1D", build_cropping},
    {"Cropping2D", build_cropping},      {"Cropping3D", build_cropping},
    {"UpSampling1D", build_up_sampling}, {"UpSampling2D", build_up_sampling},
    {"UpSampling3D", build_up_sampling},
};

}  // namespace

std::span<const LayerClass> reshaping_layers() { return kReshapingLayers; }

}  // namespace ckpt::keras
