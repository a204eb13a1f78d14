#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/file.h"
#include "storage/checksum.h"

namespace ckpt {

// By what a file's state is recognised without reading all of it: the length, and a digest of its
// first and last 256 KiB and of 64 pages between, evenly spread; of all of a file of up to 1 MiB. A
// claim on a file ("this is what the change is about") is held against it. It tells one state of a
// checkpoint from another; it is no proof against who forges a file on purpose.
struct Fingerprint {
  std::uint64_t size = 0;
  Digest128 digest{};

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// Throws what `file` throws.
Fingerprint fingerprint_of(const RandomFile& file);

// "1234 0123456789abcdef0123456789abcdef", and back; empty where that is no such text.
std::string to_string(const Fingerprint& fingerprint);
std::optional<Fingerprint> parse_fingerprint(std::string_view text);

}  // namespace ckpt
