#include "formats/tf_bundle/strings.h"

#include <algorithm>
#include <protozero/varint.hpp>

#include "core/error.h"
#include "core/text.h"
#include "formats/tf_bundle/crc32c.h"
#include "formats/tf_bundle/little_endian.h"

namespace ckpt::tf {
namespace {

std::string in_order(std::string little_endian, bool big_endian) {
  if (big_endian) std::ranges::reverse(little_endian);
  return little_endian;
}

std::uint32_t extend_by_length(std::uint32_t crc, std::uint64_t length, bool big_endian) {
  std::string text;
  if (length <= 0xffffffff) {
    append_little_endian(text, static_cast<std::uint32_t>(length));
  } else {
    append_little_endian(text, length);
  }
  return extend_crc32c(crc, as_byte_view(in_order(text, big_endian)));
}

struct Parts {
  std::vector<std::uint64_t> lengths;
  std::uint32_t lengths_crc = 0;  // as computed, not masked
  std::string_view stored_crc;    // 4 bytes
  std::string_view content;
};

Parts split(std::string_view bytes, std::uint64_t count, bool big_endian) {
  if (count > bytes.size()) {
    throw Error(Errc::kCorrupt,
                cat(count, " strings need as many bytes for their lengths; it has ", bytes.size()));
  }
  Parts parts;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t length = 0;
    try {
      length = protozero::decode_varint(&at, end);
    } catch (const protozero::exception&) {
      throw Error(Errc::kCorrupt, cat("the length of string ", i, " is cut or passes 64 bits"));
    }
    if (length > bytes.size() - sum) {
      throw Error(Errc::kCorrupt, cat("string ", i, " claims ", length, " of the tensor's ",
                                      bytes.size(), " bytes"));
    }
    sum += length;
    parts.lengths.push_back(length);
    parts.lengths_crc = extend_by_length(parts.lengths_crc, length, big_endian);
  }
  const auto left = static_cast<std::uint64_t>(end - at);
  if (left != sum + 4) {
    throw Error(Errc::kCorrupt, cat("behind the lengths of its strings ", sum,
                                    " + 4 bytes are needed; there are ", left));
  }
  parts.stored_crc = {at, 4};
  parts.content = {at + 4, static_cast<std::size_t>(sum)};
  return parts;
}

}  // namespace

std::vector<std::string_view> decode_strings(std::string_view bytes, std::uint64_t count,
                                             bool big_endian) {
  std::vector<std::string_view> strings;
  if (bytes.empty() && count == 0) return strings;
  const Parts parts = split(bytes, count, big_endian);
  std::string masked;
  append_little_endian(masked, mask_crc32c(parts.lengths_crc));
  if (in_order(masked, big_endian) != parts.stored_crc) {
    throw Error(Errc::kCorrupt, "the checksum of the lengths of its strings does not match");
  }
  std::size_t at = 0;
  for (const std::uint64_t length : parts.lengths) {
    strings.push_back(parts.content.substr(at, static_cast<std::size_t>(length)));
    at += static_cast<std::size_t>(length);
  }
  return strings;
}

std::uint32_t crc_of_strings(std::string_view bytes, std::uint64_t count, bool big_endian) {
  if (bytes.empty() && count == 0) return mask_crc32c(0);
  const Parts parts = split(bytes, count, big_endian);
  std::uint32_t crc = extend_crc32c(parts.lengths_crc, as_byte_view(parts.stored_crc));
  crc = extend_crc32c(crc, as_byte_view(parts.content));
  return mask_crc32c(crc);
}

EncodedStrings encode_strings(const std::vector<std::string_view>& strings, bool big_endian) {
  EncodedStrings encoded;
  std::uint32_t crc = 0;
  for (const std::string_view text : strings) {
    protozero::write_varint(std::back_inserter(encoded.bytes), text.size());
    crc = extend_by_length(crc, text.size(), big_endian);
  }
  std::string masked;
  append_little_endian(masked, mask_crc32c(crc));
  encoded.bytes += in_order(masked, big_endian);
  for (const std::string_view text : strings) encoded.bytes += text;
  encoded.crc = crc_of_strings(encoded.bytes, strings.size(), big_endian);
  return encoded;
}

}  // namespace ckpt::tf
