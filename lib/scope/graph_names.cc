#include "scope/graph_names.h"

#include <algorithm>

#include "core/escape.h"
#include "core/text.h"
#include "scope/scope_error.h"

namespace ckpt {
namespace {

// Letters by their ASCII codes: no locale has a say in what a name is.
bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool may_be_in_name(char c) {
  return is_letter_or_digit(c) || std::string_view("_.\\/>-").find(c) != std::string_view::npos;
}

bool may_start_name(char c) { return is_letter_or_digit(c) || c == '.'; }

bool is_op_name(std::string_view name) {
  return !name.empty() && may_start_name(name.front()) && std::ranges::all_of(name, may_be_in_name);
}

[[noreturn]] void throw_name(std::string_view name, bool at_root) {
  throw ScopeError(
      ScopeErrc::kName,
      cat("'", escape(name), "': is not a valid name",
          at_root ? " at the root of a graph: the first character must be a letter, a digit or "
                    "'.', the others"
                  : " inside a scope: each character must be",
          at_root ? " letters, digits or one of _ . \\ / > -"
                  : " a letter, a digit or one of _ . \\ / > -"));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

void GraphNames::check_scope_name(std::string_view name) const {
  const bool at_root = current_.empty();
  const bool valid = at_root ? is_op_name(name) : std::ranges::all_of(name, may_be_in_name);
  if (!valid) throw_name(name, at_root);
}

std::string GraphNames::unique(std::string_view name) {
  const std::string full = current_.empty() ? std::string(name) : cat(current_, "/", name);
  const std::string key = lower(full);
  const std::size_t times = used_[key]++;
  if (times == 0) return full;
  for (std::size_t i = times;; ++i) {
    if (used_.try_emplace(cat(key, "_", i), 1).second) return cat(full, "_", i);
  }
}

std::string GraphNames::add_op(std::string_view name) {
  const bool absolute = name.ends_with('/');
  if (absolute) name.remove_suffix(1);
  const bool joined = !absolute && !current_.empty();
  const std::string full = joined ? cat(current_, "/", name) : std::string(name);
  if (!is_op_name(full)) throw_name(full, true);
  return absolute ? full : unique(name);
}

std::string GraphNames::add_variable(std::string_view name) {
  check_scope_name(name);
  return add_op(name);
}

std::string GraphNames::push(std::string_view name) {
  if (!name.empty()) check_scope_name(name);
  if (name.empty() || name.ends_with('/')) {
    current_ = name.substr(0, name.empty() ? 0 : name.size() - 1);
    return std::string(name);
  }
  current_ = unique(name);
  return current_ + "/";
}

}  // namespace ckpt
