#include "storage/undo.h"

#include <algorithm>
#include <string_view>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

constexpr std::string_view kMagic = "CKPTUNDO";
constexpr std::uint64_t kFirst = 1;
constexpr std::uint64_t kVersionOfMoved = 2;  // has kept stretches, and files that have grown
constexpr std::uint64_t kVersionOfSet = 3;    // has files beside
constexpr std::uint64_t kVersion = 4;         // has a checksum

using Out = std::function<void(ByteView)>;

void put(const Out& out, std::uint64_t number) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(number >> (8 * i) & 0xffU);
  }
  out(bytes);
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

void put(const Out& out, std::string_view text) {
  put(out, text.size());
  out(as_byte_view(text));
}

// The name of a file in the same folder.
std::string take_name(ByteView& rest) {
  std::string name(as_text(take(rest, take_number(rest))));
  if (name.empty() || name.find('/') != std::string::npos) {
    throw Error(Errc::kCorrupt, "undo data: it speaks of a file that is not beside this one");
  }
  return name;
}

void put_moved(const Out& out, const Undo& undo) {
  put(out, undo.kept.size());
  for (const auto& kept : undo.kept) {
    for (const auto number : {kept.before, kept.after, kept.size}) put(out, number);
  }
  put(out, undo.grown.size());
  for (const auto& file : undo.grown) {
    put(out, std::string_view(file.name));
    put(out, file.size_before);
    put(out, file.size_after);
  }
}

void take_moved(ByteView& rest, Undo& undo) {
  const std::uint64_t count = take_number(rest);
  for (std::uint64_t i = 0; i < count; ++i) {
    Undo::Kept kept{.before = take_number(rest)};
    kept.after = take_number(rest);
    kept.size = take_number(rest);
    undo.kept.push_back(kept);
  }
  const std::uint64_t files = take_number(rest);
  for (std::uint64_t i = 0; i < files; ++i) {
    Undo::Grown file{.name = take_name(rest)};
    file.size_before = take_number(rest);
    file.size_after = take_number(rest);
    if (file.size_before > file.size_after) {
      throw Error(Errc::kCorrupt, "undo data: a file that has grown is shorter than before");
    }
    undo.grown.push_back(std::move(file));
  }
}

void put_beside(const Out& out, const Undo& undo) {
  put(out, undo.beside.size());
  for (std::size_t i = 0; i < undo.beside.size(); ++i) {
    put(out, std::string_view(undo.beside_names[i]));
    std::uint64_t size = 0;
    write_undo(undo.beside[i], [&](ByteView bytes) { size += bytes.size(); });
    put(out, size);
    write_undo(undo.beside[i], out);
  }
}

Undo decode(ByteView bytes, bool is_beside);

void take_beside(ByteView& rest, Undo& undo, bool is_beside) {
  const std::uint64_t count = take_number(rest);
  if (is_beside && count > 0) {
    throw Error(Errc::kCorrupt, "undo data: a file beside another has files beside it in turn");
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    undo.beside_names.push_back(take_name(rest));
    undo.beside.push_back(decode(take(rest, take_number(rest)), true));
  }
}

// Pieces and kept stretches must be the whole old file, each byte once, and lie in the new one.
void check_cover(const Undo& undo) {
  if (undo.kept.empty()) return;
  std::uint64_t end = 0;
  auto piece = undo.pieces.begin();
  auto kept = undo.kept.begin();
  const auto fail = [&] {
    throw Error(Errc::kCorrupt,
                cat("undo data: nothing, or two things, are said of the byte at ", end));
  };
  while (piece != undo.pieces.end() || kept != undo.kept.end()) {
    if (piece != undo.pieces.end() && piece->offset == end) {
      end += (piece++)->bytes.size();
      continue;
    }
    if (kept == undo.kept.end() || kept->before != end) fail();
    const auto after_end = checked_add(kept->after, kept->size);
    const auto before_end = checked_add(end, kept->size);
    if (kept->size == 0 || !before_end || !after_end || *after_end > undo.size_after) fail();
    end = *before_end;
    ++kept;
  }
  if (end != undo.size_before) fail();
}

// Takes the checksum off the end. It is looked at before anything else that the data says.
void take_checksum(ByteView bytes, ByteView& rest) {
  constexpr std::size_t kSize = 8;
  ByteView sum = rest.size() < kSize ? rest : rest.last(kSize);
  Checksum found;
  found.add(bytes.first(bytes.size() - std::min(bytes.size(), kSize)));
  if (take_number(sum) != found.short_value()) {
    throw Error(Errc::kCorrupt, "the undo data has been damaged: its checksum does not match");
  }
  rest = rest.first(rest.size() - kSize);
}

Undo decode(ByteView bytes, bool is_beside) {
  if (bytes.size() < kMagic.size() || as_text(bytes.first(kMagic.size())) != kMagic) {
    throw Error(Errc::kCorrupt, "is no undo data: it does not begin with CKPTUNDO");
  }
  ByteView rest = bytes.subspan(kMagic.size());
  const auto version = take_number(rest);
  if (version < kFirst || version > kVersion) {
    throw Error(Errc::kUnsupported, cat("undo data of version ", version, "; versions ", kFirst,
                                        " to ", kVersion, " are known"));
  }
  if (version >= kVersion) take_checksum(bytes, rest);
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
  if (version >= kVersionOfMoved) take_moved(rest, undo);
  if (version >= kVersionOfSet) take_beside(rest, undo, is_beside);
  check_cover(undo);
  if (!rest.empty()) {
    throw Error(Errc::kCorrupt, cat("undo data: ", rest.size(), " bytes behind its end"));
  }
  return undo;
}

}  // namespace

void write_undo(const Undo& undo, const Out& take) {
  Checksum sum;
  const Out out = [&](ByteView bytes) {
    sum.add(bytes);
    take(bytes);
  };
  out(as_byte_view(kMagic));
  put(out, kVersion);
  put(out, undo.size_before);
  put(out, undo.size_after);
  out(undo.digest_before);
  out(undo.digest_after);
  put(out, undo.pieces.size());
  for (const auto& piece : undo.pieces) {
    put(out, piece.offset);
    put(out, piece.bytes.size());
    out(piece.bytes);
  }
  put_moved(out, undo);
  put_beside(out, undo);
  put(take, sum.short_value());
}

Bytes encode_undo(const Undo& undo) {
  Bytes encoded;
  write_undo(undo,
             [&](ByteView bytes) { encoded.insert(encoded.end(), bytes.begin(), bytes.end()); });
  return encoded;
}

Undo decode_undo(ByteView bytes) { return decode(bytes, false); }

}  // namespace ckpt
