#include "formats/tf_bundle/paths.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "storage/locked_file.h"
#include "storage/raw_file.h"

namespace ckpt::tf {
namespace {

constexpr std::string_view kIndexSuffix = ".index";
constexpr std::string_view kDataInfix = ".data";
constexpr std::string_view kStateKey = "model_checkpoint_path:";
constexpr std::uint64_t kLargestState = std::uint64_t{16} << 20;

bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_digits(std::string_view text) {
  return text.size() >= 5 && text.size() <= 18 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::int64_t to_number(std::string_view digits) {
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string padded(std::int64_t number) {
  std::string digits = cat(number);
  if (digits.size() < 5) digits.insert(0, 5 - digits.size(), '0');
  return digits;
}

// The text between quotes at the front of `text`, as a text-format protocol buffer writes it.
std::optional<std::string> unquote(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return std::nullopt;
  const char quote = text[0];
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote) return out;
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c < '0' || c > '7') {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      continue;
    }
    unsigned value = 0;
    for (int digits = 0; digits < 3 && i < text.size() && text[i] >= '0' && text[i] <= '7';
         ++digits) {
      value = value * 8 + static_cast<unsigned>(text[i++] - '0');
    }
    --i;
    out += static_cast<char>(value);
  }
  return std::nullopt;
}

// The prefix that a `checkpoint` file names, in that file's own folder. A path in it is often one
// of the machine that trained, and must not lead elsewhere: its last segment alone counts.
std::optional<std::string> prefix_in_state(const std::string& path) {
  if (!is_file(path)) return std::nullopt;
  std::string text;
  try {
    const auto file = open_file(path);
    if (file->size() > kLargestState) return std::nullopt;
    text.resize(static_cast<std::size_t>(file->size()));
    file->read_at(0, std::as_writable_bytes(std::span(text)));
  } catch (const Error&) {
    return std::nullopt;
  }
  const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  std::string_view rest = text;
  while (!rest.empty() && is_blank(rest[0])) rest.remove_prefix(1);
  if (!rest.starts_with(kStateKey)) return std::nullopt;
  rest.remove_prefix(kStateKey.size());
  while (!rest.empty() && is_blank(rest[0])) rest.remove_prefix(1);
  const auto name = unquote(rest);
  if (!name) return std::nullopt;
  const std::string base = base_name(*name);
  if (base.empty() || base == "." || base == ".." || base.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? base : path.substr(0, slash + 1) + base;
}

std::optional<std::string> index_of_prefix(const std::string& prefix) {
  std::string index = prefix + std::string(kIndexSuffix);
  if (is_file(index)) return index;
  return std::nullopt;
}

}  // namespace

std::string prefix_of_index(const std::string& index) {
  const bool has_suffix = std::string_view(index).ends_with(kIndexSuffix);
  return has_suffix ? index.substr(0, index.size() - kIndexSuffix.size()) : index;
}

std::optional<ShardName> parse_shard_name(std::string_view path) {
  const auto of = path.rfind("-of-");
  if (of == std::string_view::npos || !is_digits(path.substr(of + 4))) return std::nullopt;
  const auto dash = of == 0 ? of : path.rfind('-', of - 1);
  if (dash == std::string_view::npos || !is_digits(path.substr(dash + 1, of - dash - 1))) {
    return std::nullopt;
  }
  return ShardName{.stem = std::string(path.substr(0, dash)),
                   .shard = to_number(path.substr(dash + 1, of - dash - 1)),
                   .count = to_number(path.substr(of + 4))};
}

std::string shard_path(const std::string& prefix, std::int64_t shard, std::int64_t count) {
  return cat(prefix, kDataInfix, "-", padded(shard), "-of-", padded(count));
}

std::optional<std::string> find_index(const std::string& path) {
  if (auto index = index_of_prefix(path)) return index;
  if (const auto name = parse_shard_name(path)) {
    if (std::string_view(name->stem).ends_with(kDataInfix)) {
      return index_of_prefix(name->stem.substr(0, name->stem.size() - kDataInfix.size()));
    }
  }
  if (const auto prefix = prefix_in_state(path)) return index_of_prefix(*prefix);
  return std::nullopt;
}

std::string index_of(const std::string& path) {
  const bool is_index = path.ends_with(kIndexSuffix) && is_file(path);
  return is_index ? path : find_index(path).value_or(path);
}

std::optional<std::string> find_v1(const std::string& path) {
  const auto shard_of = [](const std::string& prefix) -> std::optional<std::string> {
    // The number of shards is not known; checkpoints of version 1 had few.
    for (std::int64_t count = 1; count <= 1000; ++count) {
      std::string shard = cat(prefix, "-00000-of-", padded(count));
      if (is_file(shard)) return shard;
    }
    return std::nullopt;
  };
  if (!is_file(path)) return shard_of(path);
  const auto prefix = prefix_in_state(path);
  if (!prefix) return std::nullopt;
  if (is_file(*prefix)) return prefix;
  return shard_of(*prefix);
}

}  // namespace ckpt::tf
