#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "core/text.h"
#include "dups/fix_rules.h"
#include "formats/formats.h"
#include "support/apply_rules.h"
#include "support/scorecard.h"
#include "support/temp_dir.h"

// What must not change the answer, and what the answer must change.

using namespace ckpt;

namespace {

std::string line_of(const Finding& f) {
  std::string line = cat(name_of(f.confidence), " ", name_of(f.code));
  for (const Member& m : f.members) line += cat(" ", m.name);
  return cat(line, " | ", join(f.evidence, "; "), " | ", join(f.rules, "; "));
}

std::vector<std::string> told_lines(const MemoryCheckpoint& checkpoint) {
  std::vector<std::string> out;
  for (const Finding& f : find_in(checkpoint).findings) out.push_back(line_of(f));
  return out;
}

// The names of what is found: what a prefix changes in an expected way.
std::vector<std::string> members(const Reader& reader, const std::string& prefix = "") {
  const Reader* const readers[] = {&reader};
  std::vector<std::string> out;
  for (const Finding& f : find_duplicates(readers, {}).findings) {
    std::string line = cat(name_of(f.confidence), " ", name_of(f.code));
    for (const Member& m : f.members) line += cat(" ", prefix, m.name);
    out.push_back(std::move(line));
  }
  return out;
}

std::unique_ptr<Reader> through_file(const MemoryCheckpoint& checkpoint, const std::string& path,
                                     std::string_view format) {
  std::vector<VariableSpec> specs;
  for (const auto& v : checkpoint.variables) {
    specs.push_back({.name = v.name, .dtype = v.tensor.dtype, .shape = v.tensor.shape});
  }
  const auto writer = create_checkpoint(path, specs, {}, format);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    writer->write(i, checkpoint.variables[i].tensor.bytes);
  }
  writer->commit();
  return open_checkpoint(path);
}

// The labelled checkpoint with the numbers behind the names of each kind of layer shuffled, as if
// its layers had been made in another order.
Labelled with_shuffled_numbers(Labelled labelled, std::mt19937_64& rng) {
  std::map<std::string, std::vector<std::string>> families;  // "net/dense": scopes of that name
  const auto& label = labelled.labels.front();
  std::set<std::string> scopes;
  for (const auto* names : {&label.live, &label.redundant}) {
    for (const std::string& name : *names) scopes.insert(name.substr(0, name.rfind('/')));
  }
  for (const std::string& scope : scopes) {
    const auto digits = scope.find_last_not_of("0123456789");
    const bool is_numbered = digits + 1 < scope.size() && scope[digits] == '_';
    families[is_numbered ? scope.substr(0, digits) : scope].push_back(scope);
  }
  std::map<std::string, std::string> renamed;
  for (const auto& [base, members] : families) {
    std::vector<std::string> shuffled = members;
    std::ranges::shuffle(shuffled, rng);
    for (std::size_t i = 0; i < members.size(); ++i) renamed[members[i] + '/'] = shuffled[i] + '/';
  }
  const auto rename = [&](const std::string& name) {
    if (const auto it = renamed.find(name + '/'); it != renamed.end()) {
      return it->second.substr(0, it->second.size() - 1);
    }
    for (auto at = name.rfind('/'); at != std::string::npos && at > 0;
         at = name.rfind('/', at - 1)) {
      const auto it = renamed.find(name.substr(0, at + 1));
      if (it != renamed.end()) return it->second + name.substr(at + 1);
    }
    return name;
  };
  for (auto& v : labelled.checkpoint.variables) v.name = rename(v.name);
  for (Label& each : labelled.labels) {
    for (auto* names : {&each.live, &each.redundant}) {
      std::set<std::string> others;
      for (const std::string& name : *names) others.insert(rename(name));
      *names = std::move(others);
    }
  }
  return labelled;
}

}  // namespace

TEST_SUITE("dups/metamorphic") {
  TEST_CASE("the answer depends neither on the order of variables nor on a prefix of all names") {
    for (int code = 0; code < kFindingCodeCount; ++code) {
      for (std::uint64_t seed = 40; seed < 46; ++seed) {
        const auto labelled = make_mistake(static_cast<FindingCode>(code), seed);
        INFO(labelled.what);
        MemoryCheckpoint c = labelled.checkpoint;
        const auto expected = told_lines(c);
        std::mt19937_64 rng(seed);
        std::ranges::shuffle(c.variables, rng);
        CHECK(told_lines(c) == expected);
        const std::string prefix{'p', c.separator};
        const auto prefixed = members(*open_memory(c), prefix);
        for (auto& variable : c.variables) {
          variable.name.insert(0, prefix);
          for (std::string& alias : variable.aliases) alias.insert(0, prefix);
        }
        CHECK(members(*open_memory(c)) == prefixed);
      }
    }
  }

  TEST_CASE("the answer is that of the checkpoint in memory in every format that can be written") {
    const TempDir dir;
    std::size_t count = 0;
    for (const Format* format : formats()) {
      if (format->create == nullptr) continue;
      ++count;
      for (int code = 0; code < kFindingCodeCount; ++code) {
        if (code == static_cast<int>(FindingCode::kAlias)) continue;  // no format writes two names
        const auto labelled = make_mistake(static_cast<FindingCode>(code), 60);
        INFO(format->id, ": ", labelled.what);
        const std::string path =
            dir / cat(format->id, code, format->suffixes.substr(0, format->suffixes.find(' ')));
        const auto reader = through_file(labelled.checkpoint, path, format->id);
        CHECK(members(*reader) == members(*open_memory(labelled.checkpoint)));
      }
    }
    CHECK(count >= 5);
  }

  TEST_CASE("layers that were numbered in another order are told as surely") {
    Scorecard card;
    std::mt19937_64 rng(3);
    for (std::uint64_t seed = 300; seed < 360; ++seed) {
      const Labelled plain = make_mistake(FindingCode::kGhostTwin, seed);
      if (plain.checkpoint.separator != '/') continue;
      const Labelled labelled = with_shuffled_numbers(plain, rng);
      card.add(labelled, find_in(labelled.checkpoint));
    }
    INFO(join(card.faults, "\n"));
    INFO(card.table());
    CHECK(card.precision_from(Confidence::kStrong).all > 40);
    CHECK(share(card.precision_from(Confidence::kStrong)) >= 0.99);
    CHECK(share(card.recall_of(FindingCode::kGhostTwin, Confidence::kStrong)) >= 0.95);
  }

  TEST_CASE(
      "the rules of all findings are one map that remap takes, and no copy is the last lost") {
    std::vector<Labelled> all;
    for (std::uint64_t seed = 700; seed < 706; ++seed) {
      all.push_back(make_several_mistakes(seed));
      for (int code = 0; code < kFindingCodeCount; ++code) {
        all.push_back(make_mistake(static_cast<FindingCode>(code), seed));
      }
    }
    for (const Labelled& labelled : all) {
      INFO(labelled.what);
      const Duplicates found = find_in(labelled.checkpoint);
      const auto rules = fix_rules(found.findings, true, Confidence::kExplained);
      const MemoryCheckpoint mended = apply_rules(labelled.checkpoint, rules);  // or it throws
      for (const Label& label : labelled.labels) {
        for (const auto& v : labelled.checkpoint.variables) {
          if (!label.live.contains(v.name)) continue;
          CHECK(std::ranges::count(mended.variables, v.tensor,
                                   &MemoryCheckpoint::Variable::tensor) >= 1);
        }
      }
    }
  }

  TEST_CASE("a finding that would drop what a surer one keeps is left out of the map") {
    const auto finding = [](const char* keep, const char* drop, const char* rule) {
      return Finding{.members = {{0, keep}, {0, drop}},
                     .keep = {0},
                     .why = {},
                     .evidence = {},
                     .fix = Fix::kOffered,
                     .rules = {rule}};
    };
    const Finding both[] = {finding("a/", "b/", "b/{_:path} = -"), finding("b/x", "a/x", "a/x = -"),
                            finding("c", "b/y", "b/y = -")};
    CHECK(fix_rules(both, false, Confidence::kLikely) ==
          std::vector<std::string>{"b/{_:path} = -"});
  }

  TEST_CASE("a mended file has no such finding left, and what is kept keeps its bytes") {
    std::size_t mended_count = 0;
    for (int code = 0; code < kFindingCodeCount; ++code) {
      for (std::uint64_t seed = 500; seed < 510; ++seed) {
        const Labelled labelled = make_mistake(static_cast<FindingCode>(code), seed);
        INFO(labelled.what);
        const Label& label = labelled.labels.front();
        std::vector<std::string> rules;
        for (const Finding& f : find_in(labelled.checkpoint).findings) {
          if (f.code == label.code) rules.insert(rules.end(), f.rules.begin(), f.rules.end());
        }
        if (rules.empty()) continue;
        ++mended_count;
        const MemoryCheckpoint mended = apply_rules(labelled.checkpoint, rules);
        for (const Finding& f : find_in(mended).findings) {
          INFO(line_of(f));
          CHECK(f.code != label.code);
        }
        // Rules that strip a wrapper or renumber layers keep all, under other names.
        const bool is_rename = label.live.empty() && label.code != FindingCode::kOrphanSlot &&
                               label.code != FindingCode::kAverageShadow;
        const auto& survivors = is_rename ? label.redundant : label.live;
        for (const auto& v : labelled.checkpoint.variables) {
          if (!survivors.contains(v.name)) continue;
          CHECK(std::ranges::count(mended.variables, v.tensor,
                                   &MemoryCheckpoint::Variable::tensor) >= 1);
        }
        const auto dropped = labelled.checkpoint.variables.size() - mended.variables.size();
        CHECK(dropped >= (is_rename ? 0 : label.redundant.size()));
      }
    }
    CHECK(mended_count > 60);
  }
}
