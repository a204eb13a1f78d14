// Thousands of generated checkpoints and rule sets, planned by the library and by a model that is
// written here as plainly as the language can be said: each rule is tried on each name in turn, by
// cutting names into segments, and collisions are counted in a map.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "remap/execute.h"
#include "remap/explain.h"
#include "remap/invert.h"
#include "remap/receipt.h"
#include "support/process.h"
#include "support/remap.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A rule of the model: its text, and how it renames; empty where it does not match. "-" drops.
struct ModelRule {
  std::string text;
  enum class Kind { kExact, kScope, kNumbered, kSuffix } kind;
  std::string source;
  std::string target;

  [[nodiscard]] std::optional<std::string> apply(const std::string& name) const {
    switch (kind) {
      case Kind::kExact:
        if (name == source) return target;
        return std::nullopt;
      case Kind::kScope:  // source and target end in '/', or are empty: the root
        if (name.size() <= source.size() || name.substr(0, source.size()) != source)
          return std::nullopt;
        return target == "-" ? target : cat(target, name.substr(source.size()));
      case Kind::kNumbered: {  // SOURCE{i:int}/{p} = TARGET{i}/{p}
        if (name.substr(0, source.size()) != source) return std::nullopt;
        std::size_t at = source.size();
        while (at < name.size() && std::isdigit(static_cast<unsigned char>(name[at])) != 0) ++at;
        const bool has_number = at > source.size() && at < name.size() && name[at] == '/';
        if (!has_number || at + 1 == name.size()) return std::nullopt;
        if (name.find('/', at + 1) != std::string::npos) return std::nullopt;
        return cat(target, name.substr(source.size()));
      }
      case Kind::kSuffix:  // {p:path}/SOURCE = {p}/TARGET
        if (name.size() < source.size() + 2) return std::nullopt;
        if (name.substr(name.size() - source.size() - 1) != cat("/", source)) return std::nullopt;
        return cat(name.substr(0, name.size() - source.size()), target);
    }
    return std::nullopt;
  }
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

  std::string segment() {
    static const Strings kSegments{"a", "b", "enc", "l1", "l2", "l10", "w", "W", "k"};
    return kSegments[below(kSegments.size())];
  }
  std::string path(std::size_t most) {
    Strings segments;
    for (std::size_t n = 1 + below(most); n > 0; --n) segments.push_back(segment());
    return join(segments, "/");
  }
  Strings names() {
    std::set<std::string> names;
    for (std::size_t n = 1 + below(12); n > 0; --n) names.insert(path(4));
    Strings out(names.begin(), names.end());
    std::shuffle(out.begin(), out.end(), random_);
    return out;
  }
  ModelRule rule() {
    using Kind = ModelRule::Kind;
    ModelRule rule{};
    switch (below(6)) {
      case 0:
        rule = {"", Kind::kExact, path(3), below(5) == 0 ? std::string("-") : path(3)};
        rule.text = cat(rule.source, " = ", rule.target);
        break;
      case 1:
      case 2:
      case 3: {
        rule.kind = Kind::kScope;
        const std::size_t form = below(6);
        rule.source = form == 0 ? std::string() : cat(path(2), "/");
        if (form != 1) rule.target = cat(form == 2 ? "-" : path(2).c_str(), form == 2 ? "" : "/");
        rule.text = cat(rule.source.empty() ? "/" : rule.source.c_str(), " = ",
                        rule.target.empty() ? "/" : rule.target.c_str());
        break;
      }
      case 4:
        rule = {"", Kind::kNumbered, below(2) == 0 ? std::string("l") : cat(path(1), "/l"),
                cat(path(1), "/n")};
        rule.text = cat(rule.source, "{i:int}/{p} = ", rule.target, "{i}/{p}");
        break;
      default:
        rule = {"", Kind::kSuffix, segment(), segment()};
        rule.text = cat("{p:path}/", rule.source, " = {p}/", rule.target);
        break;
    }
    return rule;
  }
  std::vector<ModelRule> rules(std::size_t most) {
    std::vector<ModelRule> rules;
    for (std::size_t n = 1 + below(most); n > 0; --n) rules.push_back(rule());
    return rules;
  }

 private:
  std::mt19937 random_;
};

Strings texts_of(const std::vector<ModelRule>& rules) {
  Strings texts;
  for (const ModelRule& rule : rules) texts.push_back(rule.text);
  return texts;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// What the model says: where each name goes ("-" for dropped), and which kinds of problem there
// are.
struct Expected {
  std::map<std::string, std::string> to;
  std::map<std::string, int> rule;
  std::set<std::string> problems;
};

Expected expect(const Strings& names, const std::vector<ModelRule>& rules) {
  Expected out;
  std::vector<bool> matched(rules.size());
  for (const std::string& name : names) {
    out.to[name] = name;
    out.rule[name] = -1;
    for (std::size_t r = 0; r < rules.size(); ++r) {
      const auto renamed = rules[r].apply(name);
      if (!renamed) continue;
      matched[r] = true;
      if (out.rule[name] >= 0) continue;
      out.rule[name] = static_cast<int>(r);
      out.to[name] = *renamed;
    }
  }
  for (const auto& [a, a_to] : out.to) {
    for (const auto& [b, b_to] : out.to) {
      if (a == b || a_to == "-" || b_to == "-") continue;
      const bool changes = a != a_to || b != b_to;
      if (a_to == b_to)
        out.problems.insert(a == a_to || b == b_to ? "target-taken" : "two-sources");
      if (changes && a_to != b_to && lower(a_to) == lower(b_to)) out.problems.insert("case-clash");
    }
    // A name that is the scope of another, unless all that has to do with it was so before.
    bool is_scope = false;
    bool is_new = a != a_to;
    for (const auto& [b, b_to] : out.to) {
      if (a_to == "-" || b_to == "-" || b_to.substr(0, a_to.size() + 1) != cat(a_to, "/")) continue;
      is_scope = true;
      is_new = is_new || b != b_to;
    }
    if (is_scope && is_new) out.problems.insert("variable-and-scope");
  }
  const bool none = std::ranges::none_of(matched, [](bool m) { return m; });
  if (!none && std::ranges::any_of(matched, [](bool m) { return !m; }))
    out.problems.insert("unused-rule");
  return out;
}

// A file with these variables, each of which holds its position.
void write_numbered(const Format& format, const std::string& path, const Strings& names) {
  std::vector<VariableSpec> specs;
  for (const std::string& name : names) {
    specs.push_back({.name = name, .dtype = DType::kI32, .shape = {2}, .collections = {}});
  }
  const auto writer = format.create(path, specs, {.overwrite = Overwrite::kYes});
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::array<std::int32_t, 2> values{static_cast<std::int32_t>(i), -1};
    writer->write(i, as_byte_view(values));
  }
  writer->commit();
}

std::map<std::string, std::int32_t> numbers_of(const std::string& path) {
  std::map<std::string, std::int32_t> numbers;
  const auto reader = open_checkpoint(path);
  for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
    std::array<std::int32_t, 2> values{};
    reader->read(i, 0, std::as_writable_bytes(std::span(values)));
    numbers[reader->index().entries[i].name] = values[0];
  }
  return numbers;
}

Plan plan_for(const std::string& path, const Rules& rules, const PlanOptions& options = {}) {
  return make_plan(open_checkpoint(path)->index().entries, rules, options);
}

// Applies rules to a file in place and takes them back, once by the undo data and once by the rules
// of the receipt.
void apply_and_return(const Format& format, const std::string& path, const Rules& rules,
                      const std::map<std::string, std::int32_t>& wanted) {
  const std::string bytes = read_file(path);
  const auto before = numbers_of(path);
  const Plan plan = plan_for(path, rules);
  const EditResult result = format.edit(path, "", make_edit(plan), {});
  CHECK(numbers_of(path) == wanted);
  if (result.how == EditResult::How::kNothing) return;
  REQUIRE(result.can_undo);
  format.undo(path, result.undo, {});
  CHECK((read_file(path) == bytes));
  format.edit(path, "", make_edit(plan), {});
  const ReceiptInverse back = invert(parse_receipt(print_receipt(make_receipt(plan, rules))));
  if (!back.lost.empty()) return;
  const Plan way_back = plan_for(path, back.rules, way_back_options());
  CHECK(join(messages_of(way_back), "; ") == "");
  format.edit(path, "", make_edit(way_back), {});
  CHECK(numbers_of(path) == before);
}

}  // namespace

TEST_SUITE("remap/plan_property") {
  TEST_CASE("files become what the model says, and come back to the byte") {
    constexpr unsigned kSeed = 11;
    Generator generate(kSeed);
    const TempDir dir;
    std::size_t applied = 0;
    for (int round = 0; round < (kSanitized ? 600 : 4000); ++round) {
      CAPTURE(kSeed);
      CAPTURE(round);
      const Strings names = generate.names();
      const std::vector<ModelRule> model = generate.rules(3);
      const Strings texts = texts_of(model);
      const Expected expected = expect(names, model);
      const Rules rules = parse_rules(texts, '/');
      if (!expected.problems.empty() || !make_plan(named(names), rules).problems.empty()) continue;
      std::map<std::string, std::int32_t> wanted;
      for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string& to = expected.to.at(names[i]);
        if (to != "-") wanted[to] = static_cast<std::int32_t>(i);
      }
      CAPTURE(join(names, " "));
      CAPTURE(join(texts, "; "));
      // libhdf5 works in a process of its own, which takes a while.
      for (const std::string id : {"safetensors", "hdf5"}) {
        if (id == "hdf5" && applied % 4 != 0) continue;
        const Format& format = *find_format(id);
        write_numbered(format, dir / id, names);
        apply_and_return(format, dir / id, rules, wanted);
      }
      ++applied;
    }
    CHECK(applied > (kSanitized ? 45 : 300));
  }

  TEST_CASE("plans of generated trees and rules are what a plain model of the rules says") {
    constexpr unsigned kSeed = 7;
    Generator generate(kSeed);
    std::size_t clean = 0;
    std::size_t returned = 0;
    std::map<std::string, std::size_t> seen;
    for (int round = 0; round < 8000; ++round) {
      CAPTURE(kSeed);
      CAPTURE(round);
      const Strings names = generate.names();
      const std::vector<ModelRule> model = generate.rules(4);
      const Strings texts = texts_of(model);
      CAPTURE(join(names, " "));
      CAPTURE(join(texts, "; "));
      const auto entries = named(names);
      const Rules rules = parse_rules(texts, '/');
      const Plan plan = make_plan(entries, rules);
      const Expected expected = expect(names, model);

      std::set<std::string> problems;
      for (const Problem& problem : plan.problems)
        problems.insert(std::string(name_of(problem.code)));
      std::set<std::string> wanted = expected.problems;
      if (!plan.already_migrated &&
          std::ranges::all_of(plan.claims, [](auto n) { return n == 0; })) {
        wanted.insert("unused-rule");
      }
      CHECK(join(Strings(problems.begin(), problems.end()), " ") ==
            join(Strings(wanted.begin(), wanted.end()), " "));
      for (const std::string& problem : problems) ++seen[problem];
      REQUIRE(plan.moves.size() == names.size());
      for (const Move& move : plan.moves) {
        const std::string from(move.from);
        CHECK((is_drop(move) ? "-" : move.to) == expected.to.at(from));
        CHECK(move.rule == expected.rule.at(from));
      }
      const auto explanations = explain(names, rules);
      for (const Explanation& each : explanations) CHECK(each.rule == expected.rule.at(each.name));
      if (!plan.problems.empty()) continue;
      ++clean;

      // The way back by the receipt is exact for all that was not dropped.
      const Receipt receipt = parse_receipt(print_receipt(make_receipt(plan, rules)));
      const ReceiptInverse back = invert(receipt);
      Strings between;
      std::map<std::string, std::string> origin;
      for (const Move& move : plan.moves) {
        if (is_drop(move)) continue;
        origin[between.emplace_back(move.to)] = move.from;
      }
      const Plan undone = make_plan(named(between), back.rules, way_back_options());
      CHECK(join(messages_of(undone), "; ") == "");
      for (const Move& move : undone.moves) CHECK(move.to == origin.at(std::string(move.from)));

      // The way back by rules is exact where it is proved, and the faults are all that is not.
      const Inversion inversion = invert(rules, entries);
      if (!inversion.offenders.empty()) continue;
      const RoundTrip trip = prove_round_trip(entries, rules, inversion.rules);
      Rules lenient = inversion.rules;
      for (Rule& rule : lenient.rules) rule.optional = true;
      const Plan reverse = make_plan(named(between), lenient);
      Strings lost;
      for (const Move& move : reverse.moves) {
        const std::string& name = origin.at(std::string(move.from));
        if (move.to != name) lost.push_back(name);
      }
      if (!reverse.problems.empty()) {
        CHECK_FALSE(trip.problems.empty());
      } else {
        Strings faults;
        for (const RoundTripFault& fault : trip.faults) faults.push_back(fault.name);
        CHECK(faults == lost);
        returned += trip.holds() ? 1U : 0U;
      }
    }
    CHECK(clean > 500);
    CHECK(returned > 200);
    CHECK(seen.size() == 5);
  }

  TEST_CASE("printed rules are the same rules, for thousands of generated ones") {
    constexpr unsigned kSeed = 11;
    std::mt19937 random(kSeed);
    const std::string alphabet = "ab/={}?+|\\ -:.re\xc3\xa4";
    for (int round = 0; round < 20000; ++round) {
      CAPTURE(kSeed);
      CAPTURE(round);
      std::string text;
      for (std::size_t n = 3 + random() % 12; n > 0; --n)
        text += alphabet[random() % alphabet.size()];
      text[random() % text.size()] = '=';
      Rule rule;
      try {
        rule = parse_rule(text, '/');
      } catch (const Error& e) {
        CHECK(std::string_view(e.what()).starts_with("column "));
        continue;
      }
      CAPTURE(text);
      CAPTURE(print(rule, '/'));
      CHECK(parse_rule(print(rule, '/'), '/') == rule);
    }
  }
}
