#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "dups/copy_measure.h"
#include "dups/drop_rules.h"
#include "dups/name_findings.h"
#include "dups/sample.h"

// What belongs to a variable: averages, slots and replicas.

namespace ckpt {
namespace {

constexpr std::string_view kAverageSuffix = "ExponentialMovingAverage";

std::string_view suffix_of(const Catalogue& catalogue, std::size_t entry) {
  const std::string_view name = catalogue.index->entries[entry].name;
  const std::string_view last = name.substr(name.rfind(catalogue.separator) + 1);
  const auto numbered = parse_numbered(last);
  return numbered ? numbered->base : last;
}

// The slots that one optimizer keeps for a variable, at most.
struct SlotCount {
  std::string_view suffix;
  std::size_t count;
};
constexpr std::array kSlotCounts{SlotCount{"Adam", 2},     SlotCount{"Momentum", 1},
                                 SlotCount{"RMSProp", 3},  SlotCount{"Adagrad", 1},
                                 SlotCount{"Adadelta", 2}, SlotCount{"Ftrl", 2}};

Member entry_member(const Subject& subject, std::size_t entry) {
  return {subject.input, subject.catalogue.index->entries[entry].name};
}

void drop_entries(const Subject& subject, const std::vector<std::size_t>& entries,
                  Finding& finding) {
  Drops drops = drop_rules(subject.catalogue, {}, entries);
  finding.rules = std::move(drops.rules);
  finding.nbytes = drops.nbytes;
}

// Are the rows along the first axis of a tensor all the same?
bool has_equal_rows(const Subject& subject, std::size_t entry, std::int64_t rows) {
  const Entry& row = subject.catalogue.index->entries[entry];
  const std::uint64_t size = size_of(row.dtype);
  const std::uint64_t elements = row.nbytes / size / static_cast<std::uint64_t>(rows);
  constexpr std::uint64_t kPiece = 65536;
  Bytes first;
  Bytes other;
  for (std::uint64_t at = 0; at < elements; at += kPiece) {
    const std::uint64_t count = std::min(kPiece, elements - at);
    first.resize(static_cast<std::size_t>(count * size));
    other.resize(first.size());
    subject.reader.read(entry, at, first);
    for (std::int64_t r = 1; r < rows; ++r) {
      subject.reader.read(entry, static_cast<std::uint64_t>(r) * elements + at, other);
      if (first != other) return false;
    }
  }
  return true;
}

// The extent that the first axes of all variables share; 0 where they do not.
std::int64_t shared_extent(const Catalogue& catalogue, const std::vector<std::size_t>& entries) {
  const auto& rows = catalogue.index->entries;
  std::int64_t extent = 0;
  for (const std::size_t e : entries) {
    if (rows[e].shape.empty() || rows[e].nbytes == 0) return 0;
    if (extent == 0) extent = rows[e].shape.front();
    if (rows[e].shape.front() != extent) return 0;
  }
  return extent;
}

void find_equal_rows(const Subject& subject, std::vector<Finding>& findings) {
  std::vector<std::size_t> entries = entries_below(subject.catalogue, 0);
  const auto& index = subject.catalogue.index->entries;
  const std::int64_t extent = shared_extent(subject.catalogue, entries);
  constexpr std::int64_t kMostDevices = 1024;
  if (entries.size() < 4 || extent < 2 || extent > kMostDevices) return;
  std::ranges::stable_sort(entries, {}, [&](std::size_t e) { return index[e].nbytes; });
  bool is_telling = false;
  try {
    for (const std::size_t e : entries) {
      if (!has_equal_rows(subject, e, extent)) return;
      if (!is_telling) is_telling = !is_constant(subject.reader, e);
    }
  } catch (const Error& e) {
    if (e.code() != Errc::kUnsupported) throw;
    return;
  }
  if (!is_telling) return;
  Finding finding{.code = FindingCode::kReplica, .confidence = Confidence::kStrong};
  for (const std::size_t e : entries_below(subject.catalogue, 0)) {
    finding.members.push_back(entry_member(subject, e));
  }
  finding.evidence = {
      cat("each variable has ", extent, " rows along its first axis, and all of them are the same"),
      "it looks as saved from inside a replicated context; no rule cuts rows"};
  findings.push_back(std::move(finding));
}

}  // namespace

std::vector<Finding> find_averages(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  Finding finding{.code = FindingCode::kAverageShadow,
                  .confidence = Confidence::kExplained,
                  .fix = Fix::kOnRequest};
  std::vector<std::size_t> entries;
  for (const auto& [owner, averages] : catalogue.averages.all()) {
    for (const std::size_t e : averages) {
      if (suffix_of(catalogue, e) == kAverageSuffix) entries.push_back(e);
    }
  }
  if (entries.empty()) return {};
  sort_by_name(catalogue, entries);
  for (const std::size_t e : entries) finding.members.push_back(entry_member(subject, e));
  finding.evidence = {cat(count_of(entries.size(), "moving average"),
                          " beside their variables; use them as the variables, or drop them")};
  drop_entries(subject, entries, finding);
  return {std::move(finding)};
}

std::vector<Finding> find_orphan_slots(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  std::map<std::string_view, std::size_t> owned;
  for (const auto& [owner, slots] : catalogue.slots.all()) {
    for (const std::size_t e : slots) ++owned[suffix_of(catalogue, e)];
  }
  std::set<std::string_view> scopes;
  std::vector<std::string> names;  // owns what `scopes` would only view
  for (std::size_t i = 1; i < catalogue.nodes.size(); ++i) {
    if (catalogue.nodes[i].children.empty()) continue;
    names.push_back(scope_name(catalogue, i));
  }
  for (const std::string& name : names)
    scopes.insert(std::string_view(name).substr(0, name.size() - 1));

  std::vector<Finding> findings;
  std::map<std::string_view, std::vector<std::size_t>> orphans;
  for (const std::size_t e : catalogue.orphans) {
    const std::string_view name = catalogue.index->entries[e].name;
    const std::string_view suffix = suffix_of(catalogue, e);
    const bool is_slot = suffix != kAverageSuffix && suffix != "biased" && suffix != "local_step";
    if (is_slot && !scopes.contains(owner_of(name, catalogue.separator))) {
      orphans[suffix].push_back(e);
    }
  }
  for (const auto& [suffix, entries] : orphans) {
    Finding finding{.code = FindingCode::kOrphanSlot, .fix = Fix::kOnRequest};
    // Where all slots lack their variables, the file may be an optimizer's alone.
    const auto known = owned.find(suffix);
    finding.confidence = known != owned.end() ? Confidence::kStrong : Confidence::kPossible;
    if (finding.confidence == Confidence::kStrong) finding.fix = Fix::kOffered;
    for (const std::size_t e : entries) finding.members.push_back(entry_member(subject, e));
    finding.evidence = {cat(count_of(entries.size(), "variable"), " called as ", suffix,
                            entries.size() == 1 ? " slot" : " slots",
                            ", of variables that are not there")};
    if (known != owned.end()) {
      finding.evidence.push_back(
          cat(count_of(known->second, "other slot"), " of that name ",
              known->second == 1 ? "has its variable" : "have their variables"));
    }
    drop_entries(subject, entries, finding);
    findings.push_back(std::move(finding));
  }

  std::vector<std::size_t> extra;
  std::set<std::string_view> optimizers;
  bool is_idle = true;
  for (const auto& [owner, slots] : catalogue.slots.all()) {
    for (const auto& [suffix, count] : kSlotCounts) {
      std::vector<std::size_t> same;
      for (const std::size_t e : slots) {
        if (suffix_of(catalogue, e) == suffix) same.push_back(e);
      }
      if (same.size() <= count) continue;
      optimizers.insert(suffix);
      std::ranges::sort(same, {}, [&](std::size_t e) {
        const std::string& name = catalogue.index->entries[e].name;
        return std::pair(name.size(), name);
      });
      extra.insert(extra.end(), same.begin() + static_cast<std::ptrdiff_t>(count), same.end());
    }
  }
  if (extra.empty()) return findings;
  sort_by_name(catalogue, extra);
  for (const std::size_t e : extra) is_idle = is_idle && is_constant(subject.reader, e);
  Finding finding{.code = FindingCode::kOrphanSlot, .fix = Fix::kOnRequest};
  finding.confidence = is_idle ? Confidence::kLikely : Confidence::kPossible;
  for (const std::size_t e : extra) finding.members.push_back(entry_member(subject, e));
  finding.evidence = {
      cat("more slots a variable than one ", *optimizers.begin(),
          " optimizer keeps: a second optimizer was made for them"),
      is_idle ? "none of the further slots was ever updated" : "the further slots were used too"};
  drop_entries(subject, extra, finding);
  findings.push_back(std::move(finding));
  return findings;
}

std::vector<Finding> find_replicas(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  std::vector<Finding> findings;
  Finding finding{.code = FindingCode::kReplica,
                  .confidence = Confidence::kStrong,
                  .why = "replica 0 has the name without a suffix",
                  .fix = Fix::kOffered};
  std::vector<std::size_t> dropped;
  std::size_t equal = 0;
  for (const auto& node : catalogue.nodes) {
    const auto numbered = parse_numbered(node.segment);
    const auto& around = catalogue.nodes[node.parent];
    if (!node.entry || !numbered || numbered->base != "replica" || !around.entry) continue;
    const Entry& copy = catalogue.index->entries[*node.entry];
    const Entry& first = catalogue.index->entries[*around.entry];
    if (copy.dtype != first.dtype || copy.shape != first.shape) continue;
    dropped.push_back(*node.entry);
    Member keep = entry_member(subject, *around.entry);
    if (std::ranges::find(finding.members, keep) == finding.members.end()) {
      finding.keep.push_back(finding.members.size());
      finding.members.push_back(std::move(keep));
    }
    finding.members.push_back(entry_member(subject, *node.entry));
    if (nearness_of(subject, *around.entry, *node.entry).equal == 1) ++equal;
  }
  if (!dropped.empty()) {
    finding.evidence = {
        cat(count_of(dropped.size(), "variable"), " called replica_N of a variable of their shape"),
        cat(equal, " of them have the values of replica 0, by samples")};
    drop_entries(subject, dropped, finding);
    findings.push_back(std::move(finding));
  }
  find_equal_rows(subject, findings);
  return findings;
}

}  // namespace ckpt
