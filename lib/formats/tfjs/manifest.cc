#include "formats/tfjs/manifest.h"

#include <array>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/io/json.h"

namespace ckpt::tfjs {
namespace {

using nlohmann::json;

// tfjs-core's io/types.ts, DTYPE_VALUE_SIZE_MAP, and the names of TensorFlow's types beside.
struct Row {
  std::string_view word;
  DType dtype;
};
constexpr std::array kRows{
    Row{"float32", DType::kF32}, Row{"float16", DType::kF16},   Row{"int32", DType::kI32},
    Row{"uint16", DType::kU16},  Row{"uint8", DType::kU8},      Row{"bool", DType::kBool},
    Row{"int16", DType::kI16},   Row{"complex64", DType::kC64}, Row{"string", DType::kString},
};

std::string_view type_of(const json& value) { return value.type_name(); }

const json& member(const json& object, std::string_view key, std::string_view what) {
  const json* found = find_member(object, key);
  if (found == nullptr) throw Error(Errc::kCorrupt, cat(what, " has no ", key));
  return *found;
}

const std::string& text_member(const json& object, std::string_view key, std::string_view what) {
  const json& value = member(object, key, what);
  if (!value.is_string()) {
    throw Error(Errc::kCorrupt,
                cat(key, " of ", what, " is ", type_of(value), ", a string is needed"));
  }
  return value.get_ref<const std::string&>();
}

const json& list_member(const json& object, std::string_view key, std::string_view what) {
  const json& value = member(object, key, what);
  if (!value.is_array()) {
    throw Error(Errc::kCorrupt,
                cat(key, " of ", what, " is ", type_of(value), ", a list is needed"));
  }
  return value;
}

DType read_dtype(const std::string& word) {
  for (const Row& row : kRows) {
    if (row.word == word) return row.dtype;
  }
  throw Error(Errc::kUnsupported,
              cat("dtype '", escape(word.substr(0, 64)), "' is none of TensorFlow.js's"));
}

double number_member(const json& object, std::string_view key) {
  const json& value = member(object, key, "quantization");
  if (!value.is_number()) {
    throw Error(Errc::kCorrupt,
                cat(key, " of quantization is ", type_of(value), ", a number is needed"));
  }
  return value.get<double>();
}

void read_quantization(const json& quantization, const std::string& meant, Weight& weight) {
  const std::string& stored = text_member(quantization, "dtype", "quantization");
  const DType dtype = read_dtype(stored);
  const bool scaled = dtype == DType::kU8 || dtype == DType::kU16;
  if (!scaled && dtype != DType::kF16) {
    throw Error(Errc::kUnsupported,
                cat("is quantised as ", stored, "; uint8, uint16 and float16 are known"));
  }
  if (weight.dtype != DType::kF32 && weight.dtype != DType::kI32) {
    throw Error(Errc::kUnsupported, cat("is ", meant, " and quantised; float32 and int32 can be"));
  }
  weight.dtype = dtype;
  weight.native_dtype = cat(meant, " as ", stored);
  weight.scaled = scaled;
  if (scaled) {
    weight.attributes = {{"scale", cat(number_member(quantization, "scale"))},
                         {"min", cat(number_member(quantization, "min"))}};
  }
}

Weight read_weight(const json& value) {
  Weight weight;
  weight.name = text_member(value, "name", "a weight of the manifest");
  try {
    for (const json& extent : list_member(value, "shape", "it")) {
      const auto number = extent.is_number_unsigned()
                              ? checked_cast<std::int64_t>(extent.get<std::uint64_t>())
                              : std::nullopt;
      if (!number) {
        throw Error(Errc::kCorrupt, cat("shape holds ", escape(extent.dump().substr(0, 64)),
                                        ", whole numbers below 2^63 are needed"));
      }
      weight.shape.push_back(*number);
    }
    const std::string& dtype = text_member(value, "dtype", "it");
    weight.dtype = read_dtype(dtype);
    const json* quantization = find_member(value, "quantization");
    if (quantization != nullptr) read_quantization(*quantization, dtype, weight);
    if (weight.dtype == DType::kString) weight.native_dtype = "string";
    const auto elements = num_elements(weight.shape);
    if (!elements) {
      throw Error(Errc::kCorrupt,
                  cat("shape ", to_string(weight.shape), " has more than 2^63 elements"));
    }
    weight.elements = *elements;
  } catch (const Error& e) {
    throw e.in(escape(weight.name));
  }
  return weight;
}

}  // namespace

std::vector<Group> read_manifest(const json& manifest) {
  if (!manifest.is_array()) {
    throw Error(Errc::kCorrupt,
                cat("the weights manifest is ", type_of(manifest), ", a list is needed"));
  }
  std::vector<Group> groups;
  for (const json& value : manifest) {
    const std::string where = cat("group ", groups.size() + 1, " of the manifest");
    Group group;
    for (const json& path : list_member(value, "paths", where)) {
      if (!path.is_string()) {
        throw Error(Errc::kCorrupt,
                    cat("a path of ", where, " is ", type_of(path), ", a string is needed"));
      }
      group.paths.push_back(path.get<std::string>());
    }
    for (const json& weight : list_member(value, "weights", where)) {
      group.weights.push_back(read_weight(weight));
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace ckpt::tfjs
