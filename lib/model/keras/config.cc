#include "model/keras/config.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "model/graph.h"

namespace ckpt::keras {
namespace {

constexpr std::size_t kMaxDepth = 128;
constexpr std::size_t kMaxText = std::size_t{64} << 20;  // the largest public configs have 1 MB
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 40;

[[noreturn]] void refuse(std::string_view key, std::string_view what) {
  throw Error(Errc::kInvalid, cat("the parameter '", key, "' is ", what));
}

std::int64_t whole(const Json& json, std::string_view key) {
  if (!json.is_number_integer()) refuse(key, "no integer");
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) refuse(key, "too large");
  return json.get<std::int64_t>();
}

// Goes along with the parser: how deep it is, and the keys of each object that is open.
class Watch : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& key) override {
    if (keys_.back().insert(key).second) return true;
    throw Error(Errc::kCorrupt, cat("the config has the key '", key, "' twice in one object"));
  }
  // What is wrong is said by the parser proper.
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  bool open() {
    keys_.emplace_back();
    if (keys_.size() <= kMaxDepth) return true;
    throw Error(Errc::kCorrupt, cat("the config is nested more than ", kMaxDepth, " levels deep"));
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  std::vector<std::set<std::string>> keys_;
};

bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

Json parse_json(std::string_view text) {
  if (text.size() > kMaxText) throw Error(Errc::kCorrupt, "the config has more than 64 MiB");
  try {
    // Two passes: nlohmann's own callback for the second one looks through an array again whenever
    // an object in it ends, which a million layers make a matter of hours.
    Watch watch;
    Json::sax_parse(text, &watch);
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error(Errc::kCorrupt, cat("the config is no JSON: ", error.what()));
  }
}

const Json* Config::find(std::string_view key) const {
  if (!object_.is_object()) return nullptr;
  const auto it = object_.find(std::string(key));
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

std::int64_t Config::integer(std::string_view key) const {
  const Json* json = find(key);
  if (json == nullptr) refuse(key, "missing");
  return whole(*json, key);
}

std::int64_t Config::integer(std::string_view key, std::int64_t otherwise) const {
  return has(key) ? integer(key) : otherwise;
}

double Config::number(std::string_view key, double otherwise) const {
  const Json* json = find(key);
  if (json == nullptr) return otherwise;
  if (!json->is_number()) refuse(key, "no number");
  return json->get<double>();
}

bool Config::flag(std::string_view key, bool otherwise) const {
  const Json* json = find(key);
  if (json == nullptr) return otherwise;
  if (!json->is_boolean()) refuse(key, "neither true nor false");
  return json->get<bool>();
}

std::string Config::text(std::string_view key, std::string_view otherwise) const {
  const Json* json = find(key);
  if (json == nullptr) return std::string(otherwise);
  if (!json->is_string()) refuse(key, "no text");
  return json->get<std::string>();
}

std::vector<std::int64_t> Config::integers(std::string_view key) const {
  const Json* json = find(key);
  if (json == nullptr) refuse(key, "missing");
  if (json->is_number()) return {whole(*json, key)};
  if (!json->is_array()) refuse(key, "no list");
  std::vector<std::int64_t> out;
  for (const Json& item : *json) out.push_back(whole(item, key));
  return out;
}

std::vector<std::int64_t> Config::integers(std::string_view key, std::size_t count,
                                           std::int64_t otherwise) const {
  if (!has(key)) return std::vector<std::int64_t>(count, otherwise);
  std::vector<std::int64_t> out = integers(key);
  if (out.size() == 1 && count > 1) out.resize(count, out.front());
  if (count != 0 && out.size() != count) {
    refuse(key, cat("a list of ", out.size(), ", not of ", count));
  }
  return out;
}

std::vector<double> Config::numbers(std::string_view key, double otherwise) const {
  const Json* json = find(key);
  if (json == nullptr) return {otherwise};
  if (json->is_number()) return {json->get<double>()};
  std::vector<double> out;
  // Nested lists, as a mean of shape [1, C] is written, become flat.
  std::vector<const Json*> open{json};
  while (!open.empty()) {
    const Json* top = open.back();
    open.pop_back();
    if (top->is_number()) {
      out.push_back(top->get<double>());
    } else if (top->is_array()) {
      for (std::size_t i = top->size(); i-- > 0;) open.push_back(&(*top)[i]);
    } else {
      refuse(key, "no list of numbers");
    }
  }
  if (out.empty()) refuse(key, "empty");
  return out;
}

Shape read_shape(const Json& json) {
  if (!json.is_array()) throw Error(Errc::kInvalid, "a shape is no list");
  if (json.size() > kMaxRank) throw Error(Errc::kInvalid, "a shape has too many dimensions");
  Shape shape;
  for (const Json& item : json) {
    if (item.is_null()) {
      shape.push_back(kUnknown);
      continue;
    }
    const std::int64_t extent = whole(item, "shape");
    if (extent < 0 || extent > kMaxExtent) {
      throw Error(Errc::kInvalid, cat("a shape has the extent ", extent));
    }
    shape.push_back(extent);
  }
  return shape;
}

Policy read_policy(const Config& config) {
  std::string name = "float32";
  const Json* dtype = config.find("dtype");
  bool quantized = false;
  // A policy is an object with a config, of which "name" or "source_name" says the types.
  for (int depth = 0; dtype != nullptr && dtype->is_object() && depth < 4; ++depth) {
    const auto class_name = dtype->find("class_name");
    if (class_name != dtype->end() && class_name->is_string()) {
      quantized = class_name->get<std::string>() == "QuantizedDTypePolicy";
      if (class_name->get<std::string>().find("Float8") != std::string::npos) {
        throw Error(Errc::kUnsupported, "layers in eight-bit floating point are not supported");
      }
    }
    const auto inner = dtype->find("config");
    if (inner == dtype->end() || !inner->is_object()) break;
    const Config policy(*inner);
    if (quantized && policy.text("mode", "int8") != "int8") {
      throw Error(Errc::kUnsupported, cat("the quantisation '", policy.text("mode", ""),
                                          "' is not supported; int8 is"));
    }
    if (const Json* source = policy.find("source_name")) {
      dtype = source;
    } else {
      dtype = policy.find("name");
    }
  }
  if (dtype != nullptr && dtype->is_string()) name = dtype->get<std::string>();
  if (const auto from = name.find("_from_"); from != std::string::npos) {  // "int8_from_float32"
    if (!name.starts_with("int8_")) {
      throw Error(Errc::kUnsupported, cat("the policy '", name, "' is not supported"));
    }
    quantized = true;
    name = name.substr(from + 6);
  }
  const bool is_mixed = name.starts_with("mixed_");
  if (is_mixed) name = name.substr(6);
  const auto type = parse_dtype(name);
  if (!type) throw Error(Errc::kUnsupported, cat("the type '", name, "' is not supported"));
  return {*type, is_mixed ? DType::kF32 : *type, quantized};
}

Json modernized(const Json& config, const std::string& class_name) {
  if (!config.is_object()) return config;
  Json out = config;
  const auto rename = [&](const char* from, const char* to) {
    const auto it = out.find(from);
    if (it == out.end() || out.contains(to)) return;
    Json value = std::move(*it);
    out.erase(it);
    out[to] = std::move(value);
  };
  const bool is_embedding = class_name == "Embedding";
  rename("nb_filter", "filters");
  if (!is_embedding) rename("output_dim", "units");
  rename("border_mode", "padding");
  rename("subsample", "strides");
  rename("subsample_length", "strides");
  rename("atrous_rate", "dilation_rate");
  rename("bias", "use_bias");
  rename("inner_activation", "recurrent_activation");
  rename("filter_length", "kernel_size");
  rename("pool_length", "pool_size");
  rename("stride", "strides");
  rename("length", "size");
  rename("p", "rate");
  if (out.contains("nb_row") && out.contains("nb_col")) {
    out["kernel_size"] = Json::array({out["nb_row"], out["nb_col"]});
    if (out.contains("kernel_dim1"))
      out["kernel_size"].insert(out["kernel_size"].begin(), out["kernel_dim1"]);
  }
  if (out.contains("kernel_dim1") && out.contains("kernel_dim2") && out.contains("kernel_dim3")) {
    out["kernel_size"] = Json::array({out["kernel_dim1"], out["kernel_dim2"], out["kernel_dim3"]});
  }
  if (const auto it = out.find("dim_ordering"); it != out.end() && it->is_string()) {
    const auto order = it->get<std::string>();
    if (order == "th") out["data_format"] = "channels_first";
    if (order == "tf") out["data_format"] = "channels_last";
  }
  return out;
}

std::string snake_case(std::string_view class_name) {
  std::string out;
  for (std::size_t i = 0; i < class_name.size(); ++i) {
    const char c = class_name[i];
    const bool is_word = upper(c) || lower(c) || (c >= '0' && c <= '9') || c == '_';
    if (!is_word) continue;
    const bool starts_word =
        upper(c) && i > 0 &&
        ((i + 1 < class_name.size() && lower(class_name[i + 1])) || lower(class_name[i - 1]));
    if (starts_word && !out.empty()) out += '_';
    out += upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace ckpt::keras
