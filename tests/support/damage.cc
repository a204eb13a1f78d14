#include "support/damage.h"

#include <array>
#include <span>

#include "core/error.h"
#include "support/corpus.h"
#include "support/sanitized.h"

namespace {

constexpr std::array kMasks{1, 64, 255, 2, 4, 8, 16, 32, 128};

void try_one(const ckpt::Format& format, std::string_view bytes, const Check& check,
             const std::string& path, DamageCount& count) {
  try {
    const auto reader = open_bytes(format, bytes, path);
    read_all(*reader);
    for (std::size_t i = 0; i < reader->index().entries.size(); ++i) (void)reader->details(i);
    check(*reader);
    ++count.read;
  } catch (const ckpt::Error&) {
    ++count.refused;
  }
}

}  // namespace

DamageCount cut_everywhere(const ckpt::Format& format, std::string_view bytes, const Check& check,
                           const std::string& path) {
  DamageCount count;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    try_one(format, bytes.substr(0, size), check, path, count);
  }
  return count;
}

DamageCount flip_everywhere(const ckpt::Format& format, std::string_view bytes, std::size_t end,
                            const Check& check, const std::string& path) {
  DamageCount count;
  std::string copy(bytes);
  for (std::size_t at = 0; at < end; ++at) {
    // The fuzzer tries the others under the sanitizers too.
    for (const int mask : std::span(kMasks).first(kMasks.size() / kStride<3>)) {
      copy[at] = static_cast<char>(copy[at] ^ mask);
      try_one(format, copy, check, path, count);
      copy[at] = bytes[at];
    }
  }
  return count;
}
