#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace ckpt {

// A compiled regular expression. RE2 is the engine, not std::regex: a map may come from a stranger,
// and std::regex takes exponential time on some expressions and exhausts the stack on long names,
// where RE2 is linear in both. The price is that it knows no look-around and no back-reference
// within an expression.
class Regex {
 public:
  // Matches a whole name, or where `is_scope` a name's beginning with a rest behind it, which is
  // then the last group. Throws Error(kInvalid) with RE2's words.
  Regex(std::string_view expression, bool is_scope);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // The number of groups, of which group 0 (the whole match) is one.
  [[nodiscard]] std::size_t groups() const;

  // Fills `groups` with views into `name`.
  bool match(std::string_view name, std::vector<std::string_view>& groups) const;

 private:
  std::unique_ptr<re2::RE2> re2_;
};

}  // namespace ckpt
