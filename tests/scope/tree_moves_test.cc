#include "scope/tree_moves.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/text.h"
#include "support/error_of.h"

using namespace ckpt;

namespace {

using Strings = std::vector<std::string>;

// A container as HDF5 is one: scopes and leaves by path, every scope above them present. It obeys
// only steps that are valid, and says what was wrong with another.
class Container {
 public:
  explicit Container(const std::vector<PathMove>& moves, const Strings& others) {
    for (const PathMove& move : moves) add(move.from, "variable " + move.from);
    for (const std::string& other : others) {
      if (other.ends_with('/')) {
        make_scope(other.substr(0, other.size() - 1));
      } else {
        add(other, "other " + other);
      }
    }
  }

  std::string execute(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      const std::string fault = execute(step);
      if (!fault.empty()) return fault;
    }
    return "";
  }

  [[nodiscard]] const std::map<std::string, std::string>& leaves() const { return leaves_; }
  [[nodiscard]] const std::set<std::string>& scopes() const { return scopes_; }

 private:
  static std::string parent(const std::string& path) {
    const auto at = path.rfind('/');
    return at == std::string::npos ? "" : path.substr(0, at);
  }
  bool make_scope(const std::string& path) {
    if (path.empty()) return true;
    if (leaves_.contains(path)) return false;
    scopes_.insert(path);
    return make_scope(parent(path));
  }
  void add(const std::string& path, const std::string& what) {
    CHECK(make_scope(parent(path)));
    leaves_[path] = what;
  }
  [[nodiscard]] bool has(const std::string& path) const {
    return leaves_.contains(path) || scopes_.contains(path);
  }

  std::string execute(const Step& step) {
    const std::string from(step.from);
    const std::string to(step.to);
    if (!has(from)) return "nothing at " + from;
    std::map<std::string, std::string> moved;
    std::set<std::string> moved_scopes;
    const auto is_in = [&](const std::string& path) {
      return path == from || path.starts_with(from + "/");
    };
    for (auto it = leaves_.begin(); it != leaves_.end();) {
      if (!is_in(it->first)) {
        ++it;
        continue;
      }
      moved[it->first.substr(from.size())] = it->second;
      it = leaves_.erase(it);
    }
    for (auto it = scopes_.begin(); it != scopes_.end();) {
      if (!is_in(*it)) {
        ++it;
        continue;
      }
      moved_scopes.insert(it->substr(from.size()));
      it = scopes_.erase(it);
    }
    if (step.kind == StepKind::kDrop) {
      for (const auto& [path, what] : moved) {
        if (what.starts_with("other")) return "drops " + what;
      }
      return "";
    }
    if (step.kind == StepKind::kRemoveEmpty) {
      return moved.empty() ? "" : "not empty: " + from;
    }
    if (has(to)) return "taken: " + to;
    if (to.starts_with(from + "/")) return "into itself: " + to;
    if (!make_scope(parent(to))) return "a leaf above " + to;
    for (const auto& [path, what] : moved) leaves_[to + path] = what;
    for (const std::string& path : moved_scopes) scopes_.insert(to + path);
    return "";
  }

  std::map<std::string, std::string> leaves_;
  std::set<std::string> scopes_;
};

std::string to_text(const Step& step) {
  switch (step.kind) {
    case StepKind::kMove:
      return cat(step.from, " > ", step.to);
    case StepKind::kDrop:
      return cat("drop ", step.from);
    case StepKind::kRemoveEmpty:
      return cat("remove ", step.from);
  }
  return "";
}

// The steps as text, after a container has obeyed them and holds what the moves say.
std::vector<PathMoveView> views_of(const std::vector<PathMove>& moves) {
  std::vector<PathMoveView> views;
  for (const PathMove& move : moves) views.push_back({move.from, move.to});
  return views;
}

Strings steps_of(const std::vector<PathMove>& moves, const Strings& others = {}) {
  StringPool strings;
  const std::vector<std::string_view> kept(others.begin(), others.end());
  const std::vector<Step> steps = compile_moves(views_of(moves), kept, '/', strings);
  Strings out;
  for (const Step& step : steps) out.push_back(to_text(step));
  Container container(moves, others);
  CHECK_MESSAGE(container.execute(steps) == "", join(out, "; "));
  std::map<std::string, std::string> wanted;
  for (const PathMove& move : moves) {
    if (!move.to.empty()) wanted[move.to] = "variable " + move.from;
  }
  std::size_t variables = 0;
  std::size_t rest = 0;
  std::set<std::string> occupied;  // scopes with something in them
  for (const auto& [path, what] : container.leaves()) {
    for (auto at = path.rfind('/'); at != std::string::npos;
         at = at == 0 ? at : path.rfind('/', at - 1)) {
      occupied.insert(path.substr(0, at));
      if (at == 0) break;
    }
    if (what.starts_with("other")) {
      ++rest;
      continue;
    }
    ++variables;
    CHECK_MESSAGE(wanted[path] == what, join(out, "; "));
  }
  CHECK_MESSAGE(variables == wanted.size(), join(out, "; "));
  std::size_t objects = 0;
  bool has_empty_scopes = false;
  for (const std::string& other : others) {
    other.ends_with('/') ? static_cast<void>(has_empty_scopes = true)
                         : static_cast<void>(++objects);
  }
  CHECK(rest == objects);
  if (!has_empty_scopes) {
    for (const std::string& scope : container.scopes()) {
      CHECK_MESSAGE(occupied.contains(scope),
                    "an empty scope " << scope << ": " << join(out, "; "));
    }
  }
  return out;
}

// The moves that "from = to" makes of names: whole names, or scopes where both end in "/"; "/" is
// the root, "-" drops. The first that matches counts. Empty where two names would clash.
std::optional<std::vector<PathMove>> try_moves(const Strings& names, const Strings& rules) {
  std::vector<PathMove> moves;
  for (const std::string& name : names) {
    PathMove move{name, name};
    for (const std::string& rule : rules) {
      const auto middle = rule.find(" = ");
      std::string from = rule.substr(0, middle);
      std::string to = rule.substr(middle + 3);
      const bool is_scope = from.ends_with('/');
      if (from == "/") from.clear();
      if (to == "/") to.clear();
      if (is_scope ? !name.starts_with(from) : name != from) continue;
      move.to = to == "-" ? "" : is_scope ? to + name.substr(from.size()) : to;
      break;
    }
    moves.push_back(move);
  }
  for (const PathMove& a : moves) {
    for (const PathMove& b : moves) {
      if (&a == &b || a.to.empty()) continue;
      if (a.to == b.to || b.to.starts_with(a.to + "/")) return std::nullopt;
    }
  }
  return moves;
}

std::vector<PathMove> moves_of(const Strings& names, const Strings& rules) {
  const auto moves = try_moves(names, rules);
  REQUIRE(moves);
  return *moves;
}

Strings compiled(const Strings& names, const Strings& rules, const Strings& others = {}) {
  return steps_of(moves_of(names, rules), others);
}

}  // namespace

TEST_SUITE("scope/tree_moves") {
  TEST_CASE("a scope moves in one step, however much is in it") {
    CHECK(compiled({"a/x", "a/b/y", "a/b/z", "c"}, {"a/ = n/m/"}) == Strings{"a > n/m"});
    CHECK(compiled({"a/x", "a/b/y"}, {"a/b/ = c/"}) == Strings{"a/b > c"});
    CHECK(compiled({"a/b/x"}, {"a/b/ = c/"}) == Strings{"a/b > c", "remove a"});
  }

  TEST_CASE("a prefix is stripped and added by moving what is right under it") {
    CHECK(compiled({"m/a/x", "m/a/y", "m/b"}, {"m/ = /"}) ==
          Strings{"m/b > b", "m/a > a", "remove m"});
    CHECK(compiled({"a/x", "a/y", "b"}, {"/ = m/"}) == Strings{"b > m/b", "a > m/a"});
  }

  TEST_CASE("names that move apart move singly") {
    CHECK(compiled({"a/x", "a/y"}, {"a/x = b/x"}) == Strings{"a/x > b/x"});
    CHECK(compiled({"a/x", "a/y"}, {"a/x = b/x", "a/y = c/y"}) ==
          Strings{"a/x > b/x", "a/y > c/y", "remove a"});
    CHECK(compiled({"a/x"}, {}) == Strings{});
  }

  TEST_CASE("swaps and cycles pass through one temporary name") {
    CHECK(compiled({"a", "b"}, {"a = b", "b = a"}) ==
          Strings{"b > ckpt-moving-1", "a > b", "ckpt-moving-1 > a"});
    CHECK(compiled({"a/x", "a/y", "b/x", "b/y"}, {"a/ = b/", "b/ = a/"}).size() == 3);
    CHECK(compiled({"a/x", "b/x", "c/x"}, {"a/ = b/", "b/ = c/", "c/ = a/"}).size() == 4);
    CHECK(compiled({"a", "b", "c", "d"}, {"a = b", "b = a", "c = d", "d = c"}).size() == 6);
  }

  TEST_CASE("a chain needs no temporary name, only the right order") {
    CHECK(compiled({"n0/w", "n1/w", "n2/w"}, {"n0/ = n1/", "n1/ = n2/", "n2/ = n3/"}) ==
          Strings{"n2 > n3", "n1 > n2", "n0 > n1"});
  }

  TEST_CASE("a scope moves into itself, and its inside takes its place") {
    CHECK(compiled({"a/x", "a/y"}, {"a/ = a/b/"}) ==
          Strings{"a > ckpt-moving-1", "ckpt-moving-1 > a/b"});
    CHECK(compiled({"a/b/x", "a/b/y"}, {"a/b/ = a/"}) ==
          Strings{"a/b > ckpt-moving-1", "remove a", "ckpt-moving-1 > a"});
    CHECK(compiled({"a/a/x", "a/b"}, {"a/a/ = a/"}) == Strings{"a/a/x > a/x", "remove a/a"});
  }

  TEST_CASE("of two scopes that become one, the larger moves whole") {
    CHECK(compiled({"a/x", "b/y", "b/z"}, {"a/ = c/", "b/ = c/"}) ==
          Strings{"b > c", "a/x > c/x", "remove a"});
    CHECK(compiled({"a/s/x", "b/s/y", "b/z"}, {"a/ = c/", "b/ = c/"}) ==
          Strings{"b > c", "a/s/x > c/s/x", "remove a"});
    CHECK(compiled({"a/s/x", "b/y", "b/z"}, {"a/ = c/", "b/ = c/"}) ==
          Strings{"b > c", "a/s > c/s", "remove a"});
  }

  TEST_CASE("a scope that something stays in is moved into, not replaced") {
    CHECK(compiled({"a/x", "a/y", "b/z"}, {"a/ = b/"}) ==
          Strings{"a/x > b/x", "a/y > b/y", "remove a"});
  }

  TEST_CASE("a variable takes the place of a scope, and a scope that of a variable") {
    CHECK(compiled({"a/x", "b"}, {"a/ = c/", "b = a"}) == Strings{"a > c", "b > a"});
    CHECK(compiled({"a", "b/x"}, {"a = c", "b/ = a/"}) == Strings{"a > c", "b > a"});
    CHECK(compiled({"a/x", "b"}, {"a/x = b", "b = a"}) ==
          Strings{"b > ckpt-moving-1", "a/x > b", "remove a", "ckpt-moving-1 > a"});
  }

  TEST_CASE("what is dropped goes first, a scope in one step") {
    CHECK(compiled({"o/a", "o/b/c", "w"}, {"o/ = -", "w = o"}) == Strings{"drop o", "w > o"});
    CHECK(compiled({"o/a", "o/b"}, {"o/a = -"}) == Strings{"drop o/a"});
  }

  TEST_CASE("other objects travel with a scope that moves whole, and keep one that does not") {
    CHECK(compiled({"a/x", "a/y"}, {"a/ = b/"}, {"a/config", "a/empty/"}) == Strings{"a > b"});
    CHECK(compiled({"m/x", "m/s/y"}, {"m/ = /"}, {"m/config"}) == Strings{"m/x > x", "m/s > s"});
    CHECK(compiled({"o/a", "o/b"}, {"o/ = -"}, {"o/config"}) == Strings{"drop o/a", "drop o/b"});
    CHECK(compiled({"a/x", "a/y"}, {"a/ = b/"}, {"b/"}) ==
          Strings{"a/x > b/x", "a/y > b/y", "remove a"});
    CHECK(compiled({"a/x", "b/y", "b/z"}, {"a/ = b/", "b/y = c", "b/z = d"}, {"b/config"}) ==
          Strings{"b/y > c", "b/z > d", "a/x > b/x", "remove a"});
  }

  TEST_CASE("what is no variable and stays in the way is an error") {
    CHECK(error_of([] {
            (void)steps_of({{"a", "b"}}, {"b"});
          }) == "'b' is taken by something that is no variable and stays");
    CHECK(error_of([] {
            (void)steps_of({{"a", "b/c"}}, {"b"});
          }) == "'b' is taken by something that is no variable and stays");
    CHECK(error_of([] {
            (void)steps_of({{"a", "b"}}, {"b/"});
          }) == "'b' is taken by something that is no variable and stays");
  }

  TEST_CASE("a temporary name is one that nothing has") {
    CHECK(compiled({"ckpt-moving-1", "a", "b"}, {"a = b", "b = a"}) ==
          Strings{"b > ckpt-moving-2", "a > b", "ckpt-moving-2 > a"});
  }

  TEST_CASE("random trees under random bijections arrive, step by step") {
    constexpr unsigned kSeed = 20260803;
    std::mt19937 random(kSeed);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    // Few names, so that sources and targets meet often.
    const auto random_path = [&] {
      std::string path;
      const std::size_t depth = 1 + below(4);
      for (std::size_t d = 0; d < depth; ++d) {
        if (d > 0) path += '/';
        path += static_cast<char>('a' + below(3));
      }
      return path;
    };
    // A set of paths none of which is a scope of another.
    const auto random_paths = [&](std::size_t count) {
      std::set<std::string> paths;
      for (std::size_t tries = 0; tries < 20 * count && paths.size() < count; ++tries) {
        const std::string path = random_path();
        const bool clashes = std::any_of(paths.begin(), paths.end(), [&](const std::string& other) {
          return other == path || other.starts_with(path + "/") || path.starts_with(other + "/");
        });
        if (!clashes) paths.insert(path);
      }
      return Strings(paths.begin(), paths.end());
    };
    std::size_t moved_by_scope = 0;
    for (int round = 0; round < 6000; ++round) {
      CAPTURE(kSeed);
      CAPTURE(round);
      Strings from = random_paths(1 + below(9));
      std::vector<PathMove> moves;
      if (round % 2 == 0) {
        Strings to = random_paths(from.size());
        std::shuffle(to.begin(), to.end(), random);
        for (std::size_t i = 0; i < from.size(); ++i) {
          moves.push_back({from[i], i < to.size() && below(8) != 0 ? to[i] : ""});
        }
      } else {
        // Scopes move, as rules make them; only what gives no problem is taken.
        Strings rules;
        const std::size_t count = 1 + below(3);
        for (std::size_t r = 0; r < count; ++r) {
          rules.push_back(random_path() + "/ = " +
                          (below(6) == 0   ? "/"
                           : below(8) == 0 ? "-"
                                           : random_path() + "/"));
        }
        if (below(4) == 0) rules.push_back("/ = " + random_path() + "/");
        const auto made = try_moves(from, rules);
        if (!made) continue;
        moves = *made;
      }
      Strings others;
      if (below(4) == 0) {
        std::set<std::string> taken;
        for (const PathMove& move : moves) taken.insert(move.from);
        for (const PathMove& move : moves) {
          const auto at = move.from.rfind('/');
          if (at != std::string::npos && below(3) == 0)
            taken.insert(move.from.substr(0, at) + "/zz-other");
        }
        for (const std::string& path : taken) {
          if (path.ends_with("other")) others.push_back(path);
        }
      }
      Strings steps;
      try {
        steps = steps_of(moves, others);
      } catch (const Error&) {
        // Something that is no variable stays where a variable is to be: possible with others only.
        CHECK_FALSE(others.empty());
        continue;
      }
      std::size_t changed = 0;
      for (const PathMove& move : moves) changed += move.from != move.to ? 1U : 0U;
      std::size_t moves_made = 0;
      for (const std::string& step : steps) {
        moves_made += step.starts_with("remove") || step.starts_with("ckpt-moving") ? 0U : 1U;
      }
      CHECK(moves_made <= changed);
      moved_by_scope += changed - moves_made;
    }
    CHECK(moved_by_scope > 500);
  }
}
