#include "formats/unknown_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/bytes.h"
#include "core/escape.h"
#include "core/text.h"

namespace ckpt {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kLooked = 4096;

struct Signature {
  std::string_view start;
  std::string_view words;
};

constexpr std::array kSignatures{
    Signature{"version https://git-lfs.github.com/spec/"sv,
              "is a Git LFS pointer, not the file itself; `git lfs pull` fetches it"},
    Signature{"\x1f\x8b"sv, "is compressed with gzip; decompress it first"},
    Signature{"BZh"sv, "is compressed with bzip2; decompress it first"},
    Signature{"\xfd"
              "7zXZ\0"sv,
              "is compressed with xz; decompress it first"},
    Signature{"\x28\xb5\x2f\xfd"sv, "is compressed with zstd; decompress it first"},
    Signature{"PK\x03\x04"sv, "is a zip archive (a .keras, .npz or PyTorch file perhaps)"},
    Signature{"PK\x05\x06"sv, "is an empty zip archive"},
    Signature{"\x89PNG"sv, "is a PNG image"},
    Signature{"%PDF"sv, "is a PDF document"},
    Signature{"\x7f"
              "ELF"sv,
              "is a program"},
    Signature{"\x89HDF"sv, "starts like HDF5, but the signature is damaged or cut off"},
};

bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(), [](char a, char b) {
           return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
         });
}

// A pickle of protocol 2 or later: PROTO, the protocol, then an opcode.
bool is_pickle(std::string_view start) {
  return start.size() > 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5;
}

// A length in 8 bytes and then JSON.
bool is_safetensors(std::string_view start) {
  return start.size() > 9 && start[8] == '{' && start[7] == '\0' && start[6] == '\0' &&
         (start[9] == '"' || start[9] == '}');
}

bool is_text(std::string_view start) {
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n' && c != '\r' && c != '\t';
  };
  return std::ranges::none_of(start, is_control) &&
         (is_utf8(start) ||
          is_utf8(start.substr(0, start.size() - std::min<std::size_t>(3, start.size()))));
}

std::string look(const RandomFile& file) {
  if (file.size() == 0) return "is empty";
  std::array<std::byte, kLooked> buffer{};
  const auto bytes = std::span(buffer).first(
      static_cast<std::size_t>(std::min<std::uint64_t>(kLooked, file.size())));
  file.read_at(0, bytes);
  const std::string_view start = as_text(bytes);

  for (const Signature& signature : kSignatures) {
    if (start.starts_with(signature.start)) return std::string(signature.words);
  }
  if (std::ranges::all_of(start, [](char c) { return c == '\0'; })) {
    return cat("starts with ", bytes.size(),
               " zero bytes: a download or a copy that failed, perhaps");
  }
  if (is_pickle(start)) return "is a Python pickle";
  if (is_safetensors(start)) return "is a safetensors file";
  const auto first = start.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  const std::string_view trimmed = first == std::string_view::npos ? "" : start.substr(first);
  for (const std::string_view tag : {"<!doctype html"sv, "<html"sv, "<head"sv}) {
    if (starts_with_ignoring_case(trimmed, tag)) {
      return "is an HTML page: a download that got an error page instead of the file, perhaps";
    }
  }
  if (is_text(start)) {
    if (trimmed.starts_with('{') || trimmed.starts_with('[')) return "is JSON text";
    if (trimmed.starts_with('<')) return "is XML text";
    return "is plain text";
  }
  return cat("is of no known format: it starts with the bytes ",
             to_hex(start.substr(0, std::min<std::size_t>(8, start.size()))));
}

}  // namespace

std::string describe_unknown_file(const RandomFile& file) { return look(file); }

}  // namespace ckpt
