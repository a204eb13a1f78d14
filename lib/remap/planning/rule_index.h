#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "remap/parsing/regex.h"
#include "remap/rule.h"

namespace ckpt {

// A rule that matches a name, and which of its sources does.
struct Hit {
  std::size_t rule = 0;
  std::size_t member = 0;
  Bindings bindings;
};

// Finds the rules that match a name among many. Sources are kept by the literal text that their
// names begin with, so that a name is looked up once for each length of such text, not compared
// with each rule: exact names, scopes and templates cost the same for one rule or for a hundred
// thousand. Only what begins with a placeholder, and regular expressions, are tried one by one.
class RuleIndex {
 public:
  // `rules` must outlive the index and stay as they are.
  explicit RuleIndex(const Rules& rules);

  // All rules that match, in their order, each once. The first decides.
  // `hits` is reused from call to call; its views are into `name` and stay as long.
  void find(std::string_view name, std::vector<Hit>& hits) const;

 private:
  struct Candidate {
    std::size_t rule;
    std::size_t member;
    friend auto operator<=>(const Candidate&, const Candidate&) = default;
  };
  using Bucket = std::vector<Candidate>;

  void try_bucket(const Bucket& bucket, std::string_view name, std::vector<Hit>& hits) const;

  const Rules& rules_;
  std::unordered_map<std::string_view, Bucket> exact_;
  std::unordered_map<std::string_view, Bucket> by_prefix_;
  std::vector<std::size_t> prefix_lengths_;  // ascending, without 0
  Bucket anywhere_;                          // begin with a placeholder
  std::vector<std::pair<std::size_t, Regex>> regexes_;
};

}  // namespace ckpt
