#include "support/scorecard.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/text.h"

using namespace ckpt;

namespace {

bool is_state(const Reader& reader, std::size_t i) {
  const Role role = reader.index().entries[i].role;
  return role == Role::kSlot || role == Role::kAverage;
}

bool is_within(const std::set<std::string>& inner, const std::set<std::string>& outer) {
  return !inner.empty() && std::ranges::includes(outer, inner);
}

// What a finding may call superfluous: where it is open which copy to keep, both.
std::set<std::string> may_be_told(const Label& label, const Finding& finding) {
  std::set<std::string> names = label.redundant;
  if (label.is_either || finding.keep.empty()) names.insert(label.live.begin(), label.live.end());
  return names;
}

// Have the members of a certain finding the same bytes, each pair of scopes variable by variable?
bool is_byte_true(const MemoryCheckpoint& checkpoint, const Finding& finding) {
  std::vector<Bytes> kept;
  std::vector<Bytes> dropped;
  for (const bool side : {true, false}) {
    for (const auto& name : variables_of(checkpoint, finding, side)) {
      for (const auto& v : checkpoint.variables) {
        if (v.name == name) (side ? kept : dropped).push_back(v.tensor.bytes);
      }
    }
  }
  if (kept.empty()) return true;  // no side is named: nothing to compare by
  return std::ranges::all_of(
      dropped, [&](const Bytes& bytes) { return std::ranges::find(kept, bytes) != kept.end(); });
}

}  // namespace

double share(Scorecard::Count count) {
  return count.all == 0 ? 1 : static_cast<double>(count.right) / count.all;
}

double least_share(Scorecard::Count count) {
  constexpr double kNormal = 1.6448536269514722;  // one-sided, 95 %
  if (count.all == 0) return 0;
  const double n = count.all;
  const double p = count.right / n;
  const double square = kNormal * kNormal / n;
  return (p + square / 2 - std::sqrt(square * (p * (1 - p) + square / 4))) / (1 + square);
}

std::string text_of(Scorecard::Count count) {
  if (count.all == 0) return "–";
  char share_text[16];
  std::snprintf(share_text, sizeof share_text, "%.3f", share(count));
  return cat(count.right, " of ", count.all, " (", share_text, ")");
}

std::set<std::string> variables_of(const MemoryCheckpoint& checkpoint, const Finding& finding,
                                   bool kept) {
  std::set<std::string> names;
  const auto reader = open_memory(checkpoint);
  for (std::size_t m = 0; m < finding.members.size(); ++m) {
    const bool is_kept = std::ranges::find(finding.keep, m) != finding.keep.end();
    if (is_kept != kept) continue;
    const std::string& member = finding.members[m].name;
    for (std::size_t i = 0; i < checkpoint.variables.size(); ++i) {
      const std::string& name = checkpoint.variables[i].name;
      const bool fits = member.ends_with(checkpoint.separator)
                            ? name.starts_with(member) && !is_state(*reader, i)
                            : name == member;
      if (fits) names.insert(name);
    }
  }
  return names;
}

Duplicates find_in(const MemoryCheckpoint& checkpoint, const DupsRequest& request) {
  const auto reader = open_memory(checkpoint);
  const Reader* const readers[] = {reader.get()};
  return find_duplicates(readers, request);
}

void Scorecard::add(const Labelled& labelled, const Duplicates& found) {
  const bool is_legitimate = labelled.labels.empty();
  if (is_legitimate) ++legitimate;
  for (const Label& label : labelled.labels) {
    // The surest findings first, until all that is labelled was told.
    Confidence least = Confidence::kExplained;
    std::set<std::string> told;
    for (const Finding& finding : found.findings) {
      if (finding.code != label.code) continue;
      const auto dropped = variables_of(labelled.checkpoint, finding, false);
      if (!is_within(dropped, may_be_told(label, finding))) continue;
      told.insert(dropped.begin(), dropped.end());
      least = finding.confidence;
      if (std::ranges::includes(told, label.redundant)) break;
    }
    const bool is_told = std::ranges::includes(told, label.redundant);
    for (int c = 0; c < kConfidenceCount; ++c) {
      Count& count = recall[label.code][static_cast<std::size_t>(c)];
      ++count.all;
      if (is_told && least >= static_cast<Confidence>(c)) ++count.right;
    }
    Count& as_expected = expected[label.code];
    ++as_expected.all;
    if (is_told && least >= label.expected) {
      ++as_expected.right;
    } else {
      faults.push_back(cat("missed: ", labelled.what, " (told ", told.size(), " of ",
                           label.redundant.size(), ", ", name_of(least), ")"));
    }
  }
  for (const Finding& finding : found.findings) {
    if (finding.confidence == Confidence::kExplained) continue;
    const auto dropped = variables_of(labelled.checkpoint, finding, false);
    const bool is_right = std::ranges::any_of(labelled.labels, [&](const Label& label) {
      return finding.code == label.code && is_within(dropped, may_be_told(label, finding));
    });
    Count& count = precision[finding.code][static_cast<std::size_t>(finding.confidence)];
    ++count.all;
    count.right += is_right ? 1 : 0;
    if (finding.confidence == Confidence::kCertain && !is_byte_true(labelled.checkpoint, finding)) {
      ++false_certain;
    }
    if (finding.confidence >= Confidence::kStrong && !finding.keep.empty()) {
      ++keep.all;
      keep.right += is_right ? 1 : 0;
    }
    if (is_legitimate && finding.confidence >= Confidence::kLikely) ++loud_on_legitimate;
    if (is_legitimate && finding.fix == Fix::kOffered) ++fixes_of_legitimate;
    if (!is_right && finding.confidence >= Confidence::kLikely) {
      faults.push_back(cat("wrong: ", labelled.what, ": ", name_of(finding.confidence), " ",
                           name_of(finding.code), " ", finding.members.front().name, " … ",
                           finding.members.back().name));
    }
  }
}

Scorecard::Count Scorecard::precision_from(Confidence confidence) const {
  Count sum;
  for (const auto& [code, counts] : precision) {
    for (auto c = static_cast<std::size_t>(confidence); c < counts.size(); ++c) {
      sum.right += counts[c].right;
      sum.all += counts[c].all;
    }
  }
  return sum;
}

Scorecard::Count Scorecard::recall_of(FindingCode code, Confidence confidence) const {
  const auto it = recall.find(code);
  return it == recall.end() ? Count{} : it->second[static_cast<std::size_t>(confidence)];
}

std::string Scorecard::table() const {
  std::string out =
      "| | found: strong or above | likely or above | at all | right: certain | strong | likely | "
      "possible |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n";
  const auto cell = [](Count count) {
    return count.all == 0 ? std::string(" |") : cat(" ", count.right, "/", count.all, " |");
  };
  for (const auto& [code, counts] : recall) {
    out += cat("| ", name_of(code), " |");
    for (const Confidence c : {Confidence::kStrong, Confidence::kLikely, Confidence::kExplained}) {
      out += cell(recall_of(code, c));
    }
    const auto told = precision.find(code);
    for (const Confidence c :
         {Confidence::kCertain, Confidence::kStrong, Confidence::kLikely, Confidence::kPossible}) {
      out += cell(told == precision.end() ? Count{} : told->second[static_cast<std::size_t>(c)]);
    }
    out += "\n";
  }
  const auto line = [](const char* what, Count count) {
    char least[16];
    std::snprintf(least, sizeof least, "%.3f", least_share(count));
    return cat("- ", what, ": ", text_of(count), "; with 95 % confidence at least ", least, "\n");
  };
  return cat(
      out, "\n",
      line("findings of strong or above that are right", precision_from(Confidence::kStrong)),
      line("findings of likely or above that are right", precision_from(Confidence::kLikely)),
      line("the right copy to keep, at strong or above", keep), "- of ", legitimate,
      " checkpoints in which nothing is wrong: ", loud_on_legitimate,
      " findings of likely or above, ", fixes_of_legitimate, " fixes offered\n",
      "- certain findings whose bytes differ: ", false_certain, "\n");
}

Scorecard make_scorecard(std::uint64_t seed, int count) {
  Scorecard card;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t s = seed + static_cast<std::uint64_t>(i);
    const auto add = [&](const Labelled& labelled) {
      card.add(labelled, find_in(labelled.checkpoint));
    };
    for (int code = 0; code < kFindingCodeCount; ++code) {
      add(make_mistake(static_cast<FindingCode>(code), s));
    }
    add(make_several_mistakes(s));
    for (int kind = 0; kind < legitimate_kinds(); ++kind) add(make_legitimate(kind, s));
  }
  return card;
}
