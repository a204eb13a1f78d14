#include "storage/fingerprint.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::uint64_t kWhole = std::uint64_t{1} << 20U;
constexpr std::uint64_t kEnd = std::uint64_t{256} << 10U;
constexpr std::uint64_t kSample = 4096;
constexpr std::uint64_t kSamples = 64;

void add(Checksum& sum, const RandomFile& file, std::uint64_t offset, std::uint64_t size) {
  Bytes bytes(static_cast<std::size_t>(size));
  file.read_at(offset, bytes);
  sum.add(bytes);
}

}  // namespace

Fingerprint fingerprint_of(const RandomFile& file) {
  Checksum sum;
  const std::uint64_t size = file.size();
  if (size <= kWhole) {
    add(sum, file, 0, size);
  } else {
    add(sum, file, 0, kEnd);
    const std::uint64_t step = (size - 2 * kEnd) / kSamples;
    for (std::uint64_t i = 0; i < kSamples; ++i) {
      add(sum, file, kEnd + i * step, std::min(kSample, step));
    }
    add(sum, file, size - kEnd, kEnd);
  }
  return {size, sum.value()};
}

std::string to_string(const Fingerprint& fingerprint) {
  return cat(fingerprint.size, " ", hex_of(fingerprint.digest));
}

std::optional<Fingerprint> parse_fingerprint(std::string_view text) {
  Fingerprint fingerprint;
  const char* const end = text.data() + text.size();
  const auto size = std::from_chars(text.data(), end, fingerprint.size);
  constexpr std::ptrdiff_t kRest = 1 + 2 * sizeof(Digest128);
  if (size.ec != std::errc() || end - size.ptr != kRest || *size.ptr != ' ') return std::nullopt;
  const char* at = size.ptr + 1;
  for (std::byte& byte : fingerprint.digest) {
    unsigned value = 0;
    const auto result = std::from_chars(at, at + 2, value, 16);
    if (result.ec != std::errc() || result.ptr != at + 2) return std::nullopt;
    byte = static_cast<std::byte>(value);
    at += 2;
  }
  return to_string(fingerprint) == text ? std::optional(fingerprint) : std::nullopt;
}

}  // namespace ckpt
