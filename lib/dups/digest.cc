#include "dups/digest.h"

#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <new>

#include "core/escape.h"

namespace ckpt {

std::string to_string(const Digest& digest) { return to_hex(as_text(as_byte_view(digest.bytes))); }

Digest digest_of(const Reader& reader, std::size_t i) {
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  if (!state) throw std::bad_alloc();
  XXH3_128bits_reset(state.get());
  for_each_piece(reader, i, [&](std::uint64_t, ByteView piece) {
    XXH3_128bits_update(state.get(), piece.data(), piece.size());
  });
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state.get()));
  Digest digest;
  std::copy_n(std::begin(canonical.digest), digest.bytes.size(), digest.bytes.begin());
  return digest;
}

}  // namespace ckpt
