#include "formats/safetensors/header_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt::safetensors {

std::uint64_t write_header_json(const Header& header, std::uint64_t room,
                                const std::function<void(std::string_view)>& out) {
  using nlohmann::json;
  std::uint64_t size = 0;
  const auto put = [&](std::string_view text) {
    size += text.size();
    out(text);
  };
  put("{");
  if (!header.metadata.empty()) {
    put(cat(json(kMetadataKey).dump(), ":"));
    std::string_view before = "{";
    for (const auto& [key, value] : header.metadata) {
      put(cat(before, json(key).dump(), ":", json(value).dump()));
      before = ",";
    }
    put("}");
  }
  for (const Tensor& tensor : header.tensors) {
    std::string extents;
    for (const std::int64_t extent : tensor.shape) {
      extents += cat(extents.empty() ? "" : ",", extent);
    }
    put(cat(size > 1 ? "," : "", json(tensor.name).dump(), R"(:{"dtype":")", tensor.stored_dtype,
            R"(","shape":[)", extents, R"(],"data_offsets":[)", tensor.begin, ",", tensor.end,
            "]}"));
  }
  put("}");
  const std::uint64_t filled = std::max(room, size + (8 - size % 8) % 8);
  if (filled > kMostHeaderBytes) {
    throw Error(Errc::kInvalid, cat("the header would have ", filled, " bytes, the format allows ",
                                    kMostHeaderBytes));
  }
  put(std::string(static_cast<std::size_t>(filled - size), ' '));
  return size;
}

std::string header_prefix(std::uint64_t json_bytes) {
  std::string prefix;
  for (; prefix.size() < 8; json_bytes >>= 8) prefix += static_cast<char>(json_bytes & 0xff);
  return prefix;
}

std::string print_header(const Header& header, std::uint64_t room) {
  std::string text = header_prefix(0);
  const std::uint64_t size =
      write_header_json(header, room, [&](std::string_view piece) { text += piece; });
  return text.replace(0, 8, header_prefix(size));
}

std::string fault_of_name(std::string_view name) {
  if (!is_utf8(name)) {
    return cat("'", escape(name), "' is no valid UTF-8, which a name in JSON must be");
  }
  if (name != kMetadataKey) return "";
  return cat("'", kMetadataKey, "' is a name that the format keeps for itself");
}

}  // namespace ckpt::safetensors
