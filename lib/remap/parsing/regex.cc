#include "remap/parsing/regex.h"

#include <re2/re2.h>

#include "core/error.h"
#include "core/text.h"

namespace ckpt {

Regex::Regex(std::string_view expression, bool is_scope) {
  RE2::Options options(RE2::Latin1);  // names are bytes
  options.set_log_errors(false);
  options.set_dot_nl(true);
  const std::string whole = is_scope ? cat("(?:", expression, ")(.+)") : std::string(expression);
  re2_ = std::make_unique<RE2>(whole, options);
  if (!re2_->ok()) {
    throw Error(Errc::kInvalid, cat("not a regular expression that RE2 knows: ", re2_->error()));
  }
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::size_t Regex::groups() const {
  return static_cast<std::size_t>(re2_->NumberOfCapturingGroups()) + 1;
}

bool Regex::match(std::string_view name, std::vector<std::string_view>& groups) const {
  std::vector<re2::StringPiece> pieces(this->groups());
  const re2::StringPiece text(name.data(), name.size());
  if (!re2_->Match(text, 0, name.size(), RE2::ANCHOR_BOTH, pieces.data(),
                   static_cast<int>(pieces.size()))) {
    return false;
  }
  groups.clear();
  for (const auto& piece : pieces) {
    groups.push_back(piece.data() == nullptr ? std::string_view{}
                                             : std::string_view(piece.data(), piece.size()));
  }
  return true;
}

}  // namespace ckpt
