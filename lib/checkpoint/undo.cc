#include "checkpoint/undo.h"

#include <algorithm>
#include <string_view>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::string_view kMagic = "CKPTUNDO";
constexpr std::uint64_t kVersion = 1;

void put(Bytes& out, ByteView bytes) {
  for (const std::byte byte : bytes) out.push_back(byte);
}

void put(Bytes& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    out.push_back(static_cast<std::byte>(number >> shift & 0xffU));
  }
}

// Takes from the front of `rest`.
ByteView take(ByteView& rest, std::uint64_t size) {
  if (size > rest.size()) {
    throw Error(Errc::kCorrupt,
                cat("undo data: ", size, " bytes are wanted, but ", rest.size(), " are left"));
  }
  const ByteView taken = rest.first(static_cast<std::size_t>(size));
  rest = rest.subspan(taken.size());
  return taken;
}

std::uint64_t take_number(ByteView& rest) {
  const ByteView bytes = take(rest, 8);
  std::uint64_t number = 0;
  for (std::size_t i = 8; i-- > 0;) number = number << 8U | static_cast<std::uint64_t>(bytes[i]);
  return number;
}

Undo::Digest take_digest(ByteView& rest) {
  Undo::Digest digest{};
  std::ranges::copy(take(rest, digest.size()), digest.begin());
  return digest;
}

}  // namespace

Bytes encode_undo(const Undo& undo) {
  Bytes out;
  put(out, as_byte_view(kMagic));
  put(out, kVersion);
  put(out, undo.size_before);
  put(out, undo.size_after);
  put(out, undo.digest_before);
  put(out, undo.digest_after);
  put(out, undo.pieces.size());
  for (const auto& piece : undo.pieces) {
    put(out, piece.offset);
    put(out, piece.bytes.size());
    put(out, piece.bytes);
  }
  return out;
}

Undo decode_undo(ByteView bytes) {
  if (bytes.size() < kMagic.size() || as_text(bytes.first(kMagic.size())) != kMagic) {
    throw Error(Errc::kCorrupt, "is no undo data: it does not begin with CKPTUNDO");
  }
  ByteView rest = bytes.subspan(kMagic.size());
  if (const auto version = take_number(rest); version != kVersion) {
    throw Error(Errc::kUnsupported,
                cat("undo data of version ", version, "; version ", kVersion, " is known"));
  }
  Undo undo;
  undo.size_before = take_number(rest);
  undo.size_after = take_number(rest);
  undo.digest_before = take_digest(rest);
  undo.digest_after = take_digest(rest);
  const std::uint64_t count = take_number(rest);
  std::uint64_t end = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    Undo::Piece piece;
    piece.offset = take_number(rest);
    const ByteView content = take(rest, take_number(rest));
    const auto piece_end = checked_add<std::uint64_t>(piece.offset, content.size());
    if (content.empty() || piece.offset < end || !piece_end || *piece_end > undo.size_before) {
      throw Error(Errc::kCorrupt,
                  cat("undo data: piece ", i, " of ", content.size(), " bytes at ", piece.offset,
                      " does not fit behind ", end, " in a file of ", undo.size_before));
    }
    end = *piece_end;
    piece.bytes.assign(content.begin(), content.end());
    undo.pieces.push_back(std::move(piece));
  }
  if (!rest.empty()) {
    throw Error(Errc::kCorrupt, cat("undo data: ", rest.size(), " bytes behind its end"));
  }
  return undo;
}

}  // namespace ckpt
