#include "support/scorecard.h"

#include <algorithm>
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

std::string text_of(Scorecard::Count count) {
  char share[16] = "–";
  if (count.all > 0) std::snprintf(share, sizeof share, "%.3f", double(count.right) / count.all);
  return cat(count.right, "/", count.all, " (", share, ")");
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
      const bool fits =
          member.ends_with(checkpoint.separator) ? name.starts_with(member) : name == member;
      if (fits && !is_state(*reader, i)) names.insert(name);
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
  for (const Label& label : labelled.labels) {
    Confidence best = Confidence::kExplained;
    std::set<std::string> told;
    std::vector<Finding> sorted = found.findings;  // surest first
    for (const Finding& finding : sorted) {
      const auto dropped = variables_of(labelled.checkpoint, finding, false);
      if (finding.confidence < Confidence::kPossible || !is_within(dropped, label.redundant)) {
        continue;
      }
      told.insert(dropped.begin(), dropped.end());
      best = finding.confidence;
      if (told == label.redundant) break;
    }
    const bool is_told = told == label.redundant;
    for (int c = 0; c < kConfidenceCount; ++c) {
      Count& count = recall[label.code][static_cast<std::size_t>(c)];
      ++count.all;
      if (is_told && best >= static_cast<Confidence>(c)) ++count.right;
    }
    if (!is_told || best < Confidence::kStrong) {
      faults.push_back(cat("missed: ", labelled.what, " (told ", told.size(), " of ",
                           label.redundant.size(), ", ", name_of(best), ")"));
    }
  }
  for (const Finding& finding : found.findings) {
    const auto dropped = variables_of(labelled.checkpoint, finding, false);
    const bool is_right = std::ranges::any_of(labelled.labels, [&](const Label& label) {
      const bool either = is_within(dropped, label.live) && finding.keep.empty();
      return is_within(dropped, label.redundant) || either;
    });
    Count& count = precision[{finding.code, finding.confidence}];
    ++count.all;
    count.right += is_right ? 1 : 0;
    const bool is_fact = finding.confidence == Confidence::kCertain;
    if (is_fact && !is_byte_true(labelled.checkpoint, finding)) ++false_certain;
    if (finding.confidence >= Confidence::kStrong && !labelled.labels.empty()) {
      ++keep.all;
      if (is_right && !finding.keep.empty()) ++keep.right;
    }
    if (labelled.labels.empty() && finding.confidence >= Confidence::kLikely && !is_fact) {
      ++loud_on_legitimate;
    }
    if (labelled.labels.empty() && finding.fix == Fix::kOffered) ++fixes_of_legitimate;
    if (!is_right && finding.confidence >= Confidence::kLikely) {
      faults.push_back(cat("wrong: ", labelled.what, ": ", name_of(finding.confidence), " ",
                           name_of(finding.code), " ", finding.members.front().name, " … ",
                           finding.members.back().name));
    }
  }
}

Scorecard::Count Scorecard::precision_at(Confidence confidence) const {
  Count sum;
  for (const auto& [key, count] : precision) {
    if (key.second != confidence) continue;
    sum.right += count.right;
    sum.all += count.all;
  }
  return sum;
}

Scorecard::Count Scorecard::recall_of(FindingCode code, Confidence confidence) const {
  const auto it = recall.find(code);
  return it == recall.end() ? Count{} : it->second[static_cast<std::size_t>(confidence)];
}

std::string Scorecard::table() const {
  std::string out = "findings that are right, by code and confidence\n";
  for (const auto& [key, count] : precision) {
    out += cat("  ", name_of(key.first), ", ", name_of(key.second), ": ", text_of(count), "\n");
  }
  out += "mistakes that are found, by code: at strong or above, at likely or above\n";
  for (const auto& [code, counts] : recall) {
    out += cat("  ", name_of(code), ": ", text_of(recall_of(code, Confidence::kStrong)), ", ",
               text_of(recall_of(code, Confidence::kLikely)), "\n");
  }
  return out + cat("right copy to keep at strong or above: ", text_of(keep),
                   "\nfixes offered where nothing is wrong: ", fixes_of_legitimate,
                   "\nfindings of likely or strong there: ", loud_on_legitimate,
                   "\ncertain findings whose bytes differ: ", false_certain, "\n");
}
