#include "formats/safetensors/header_text.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::safetensors {

std::string print_header(const Header& header, std::uint64_t room) {
  using nlohmann::json;
  std::string text = "{";
  if (!header.metadata.empty()) {
    text += cat(json(kMetadataKey).dump(), ":{");
    for (const auto& [key, value] : header.metadata) {
      if (text.back() != '{') text += ',';
      text += cat(json(key).dump(), ":", json(value).dump());
    }
    text += '}';
  }
  for (const Tensor& tensor : header.tensors) {
    std::vector<std::string> extents;
    for (const std::int64_t extent : tensor.shape) extents.push_back(cat(extent));
    text += cat(text.size() > 1 ? "," : "", json(tensor.name).dump(), R"(:{"dtype":")",
                tensor.stored_dtype, R"(","shape":[)", join(extents, ","), R"(],"data_offsets":[)",
                tensor.begin, ",", tensor.end, "]}");
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() < room) text.resize(static_cast<std::size_t>(room), ' ');
  if (text.size() > kMostHeaderBytes) {
    throw Error(Errc::kInvalid, cat("the header would have ", text.size(),
                                    " bytes, the format allows ", kMostHeaderBytes));
  }
  std::string prefix;
  for (std::uint64_t length = text.size(); prefix.size() < 8; length >>= 8) {
    prefix += static_cast<char>(length & 0xff);
  }
  return prefix + text;
}

std::string fault_of_name(std::string_view name) {
  if (!is_utf8(name)) {
    return cat("'", escape(name), "' is no valid UTF-8, which a name in JSON must be");
  }
  if (name != kMetadataKey) return "";
  return cat("'", kMetadataKey, "' is a name that the format keeps for itself");
}

}  // namespace ckpt::safetensors
