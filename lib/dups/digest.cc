#include "dups/digest.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <new>

#include "core/escape.h"

namespace ckpt {
namespace {

Digest canonical(XXH128_hash_t hash) {
  XXH128_canonical_t form;
  XXH128_canonicalFromHash(&form, hash);
  Digest digest;
  std::copy_n(std::begin(form.digest), digest.bytes.size(), digest.bytes.begin());
  return digest;
}

}  // namespace

std::string to_string(const Digest& digest) { return to_hex(as_text(as_byte_view(digest.bytes))); }

struct DigestStream::State {
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash{XXH3_createState(),
                                                                       XXH3_freeState};
};

DigestStream::DigestStream() : state_(std::make_unique<State>()) {
  if (!state_->hash) throw std::bad_alloc();
  XXH3_128bits_reset(state_->hash.get());
}

DigestStream::~DigestStream() = default;

void DigestStream::add(ByteView piece) {
  XXH3_128bits_update(state_->hash.get(), piece.data(), piece.size());
}

Digest DigestStream::finish() const { return canonical(XXH3_128bits_digest(state_->hash.get())); }

Digest digest_of_bytes(ByteView bytes) {
  return canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

Digest digest_of(const Reader& reader, std::size_t i) {
  DigestStream stream;
  for_each_piece(reader, i, [&](std::uint64_t, ByteView piece) { stream.add(piece); });
  return stream.finish();
}

std::optional<Digest> stored_digest(const Details& details) {
  const auto it =
      std::ranges::find(details.attributes, kDigestAttribute, &Details::Attribute::name);
  if (it == details.attributes.end()) return std::nullopt;
  std::string_view text = it->value;
  // Readers may show text in quotes.
  if (text.size() == 34 && text.front() == '"' && text.back() == '"') text = text.substr(1, 32);
  Digest digest;
  if (text.size() != 2 * digest.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const char* const from = text.data() + 2 * i;
    const auto [rest, error] = std::from_chars(from, from + 2, digest.bytes[i], 16);
    if (error != std::errc() || rest != from + 2) return std::nullopt;
  }
  return digest;
}

}  // namespace ckpt
