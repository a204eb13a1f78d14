#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ckpt {

// How often each variable scope was opened: what numbers scopes that have only a default name. The
// table goes back to an earlier state when a scope that was opened by its object closes; a journal
// of changes makes that cheap, where copies of the table would make large graphs quadratic.
class ScopeCounts {
 public:
  using Mark = std::size_t;

  [[nodiscard]] std::size_t count(std::string_view scope) const;
  void add(std::string_view scope);

  // The smallest number from 1 for which SCOPE_NUMBER was not opened; 0 where SCOPE itself was not.
  [[nodiscard]] std::size_t first_free(std::string_view scope);

  // Forgets the counts of all scopes below `scope`, not its own.
  void forget_below(std::string_view scope);

  // mark() begins a time that rewind() with what it returned undoes. They nest like
  // brackets.
  Mark mark();
  void rewind(Mark mark);

 private:
  void record(const std::string& scope, std::size_t old_count);

  std::map<std::string, std::size_t, std::less<>> counts_;    // none is 0
  std::vector<std::pair<std::string, std::size_t>> journal_;  // what was there before each change
  std::size_t open_marks_ = 0;                                // nothing is recorded without one
  // For a scope, a number below which none is free: a thousand unnamed layers need not each try a
  // thousand names. Emptied whenever a scope is forgotten.
  std::map<std::string, std::size_t, std::less<>> none_free_below_;
};

}  // namespace ckpt
