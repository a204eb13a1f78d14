#include "verify/variable_check.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {
namespace {

std::string spec_of(const Entry& entry) {
  const std::string_view dtype =
      is_numeric(entry.dtype) ? name_of(entry.dtype) : entry.native_dtype.view();
  return cat(dtype, " ", to_string(entry.shape));
}

// Positions by every name, aliases too.
std::unordered_map<std::string_view, std::size_t> by_name(const Index& index) {
  std::unordered_map<std::string_view, std::size_t> map;
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    map.emplace(index.entries[i].name, i);
    for (const std::string& alias : index.entries[i].aliases) map.emplace(alias, i);
  }
  return map;
}

void compare_values(const Reader& expected, std::size_t i, const Reader& found, std::size_t j,
                    VariableCheck& check) {
  const Entry& entry = expected.index().entries[i];
  try {
    expected.check_whole(i);
    found.check_whole(j);
    Bytes other;
    for_each_piece(expected, i, [&](std::uint64_t offset, ByteView piece) {
      other.resize(piece.size());
      found.read(j, offset / size_of(entry.dtype), other);
      const bool is_same = std::memcmp(piece.data(), other.data(), piece.size()) == 0;
      if (is_same && check.standing == Standing::kSame) {
        // The largest value matters only where something differs.
        check.difference.elements += piece.size() / size_of(entry.dtype);
        return;
      }
      check.standing = Standing::kValues;
      check.difference.add(entry.dtype, piece, other);
    });
  } catch (const Error& e) {
    // What a file only links to or cannot decode is not the comparison's to judge; damage is.
    if (e.code() != Errc::kUnsupported) throw;
    check.standing = Standing::kUnread;
    check.what = e.what();
  }
}

}  // namespace

std::vector<VariableCheck> check_variables(const Reader& expected, const Reader& found,
                                           const Origins& origins) {
  std::vector<VariableCheck> checks;
  const auto there = by_name(found.index());
  std::vector<bool> claimed(found.index().entries.size(), false);
  const auto& entries = expected.index().entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    VariableCheck& check = checks.emplace_back();
    check.name = entry.name;
    check.shape = entry.shape;
    if (const auto it = origins.find(entry.name); it != origins.end()) check.origin = it->second;
    const auto at = there.find(entry.name);
    if (at == there.end()) {
      check.standing = Standing::kLost;
      continue;
    }
    claimed[at->second] = true;
    const Entry& other = found.index().entries[at->second];
    if (entry.dtype != other.dtype || entry.shape != other.shape) {
      check.standing = Standing::kSpec;
      check.what = cat("is ", spec_of(other), ", not ", spec_of(entry));
    } else if (!is_numeric(entry.dtype)) {
      check.standing = Standing::kUnread;
      check.what = cat("holds ", entry.native_dtype, ", not numbers");
    } else {
      compare_values(expected, i, found, at->second, check);
    }
  }
  for (std::size_t i = 0; i < claimed.size(); ++i) {
    const Entry& entry = found.index().entries[i];
    const bool is_expected =
        claimed[i] || std::ranges::any_of(entry.aliases, [&](const auto& alias) {
          return expected.find(alias).has_value();
        });
    if (is_expected) continue;
    checks.push_back({.name = entry.name,
                      .origin = {},
                      .standing = Standing::kAdded,
                      .shape = entry.shape,
                      .what = "",
                      .difference = {}});
  }
  return checks;
}

}  // namespace ckpt
