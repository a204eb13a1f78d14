#include "dups/find_duplicates.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <set>
#include <tuple>

#include "core/escape.h"
#include "core/text.h"
#include "dups/copy_findings.h"
#include "dups/equal_scopes.h"
#include "dups/name_findings.h"
#include "dups/near_copies.h"
#include "dups/rebuilt_graph.h"
#include "dups/twin_groups.h"
#include "dups/twin_pairs.h"

namespace ckpt {
namespace {

void append(std::vector<Finding>& to, std::vector<Finding> from) {
  std::ranges::move(from, std::back_inserter(to));
}

// The model's variables of a checkpoint: slots and averages are no candidates.
void add_tensors(const Subject& subject, std::vector<TensorRef>& out) {
  for (const std::size_t e : entries_below(subject.catalogue, 0)) out.push_back({subject.input, e});
}

// What is too small to be compared by itself, beside copies that are equal: a bias of ten values
// says nothing alone, and completes the copy that its neighbours are.
std::vector<TensorRef> small_neighbours(const Subject& subject,
                                        const std::vector<EqualScopes>& equal,
                                        std::uint64_t min_bytes) {
  const auto& nodes = subject.catalogue.nodes;
  std::set<std::size_t> parents;
  for (const EqualScopes& pair : equal) {
    if (nodes[pair.a.node].parent == nodes[pair.b.node].parent) {
      parents.insert(nodes[pair.a.node].parent);
    }
  }
  std::vector<TensorRef> small;
  if (parents.empty()) return small;
  for (const TwinGroup& group : twin_groups(subject.catalogue)) {
    if (!parents.contains(group.parent)) continue;
    for (const std::size_t node : group.nodes) {
      for (const std::size_t e : entries_below(subject.catalogue, node)) {
        if (subject.catalogue.index->entries[e].nbytes < min_bytes) {
          small.push_back({subject.input, e});
        }
      }
    }
  }
  std::ranges::sort(small);
  small.erase(std::unique(small.begin(), small.end()), small.end());
  return small;
}

// Nodes that were told already, with all that is below them.
class Told {
 public:
  explicit Told(const Catalogue& catalogue) : catalogue_(catalogue) {}

  void add(std::size_t node) { nodes_.insert(node); }
  void add(const std::vector<CopyPair>& pairs) {
    for (const CopyPair& pair : pairs) {
      nodes_.insert(pair.a.begin(), pair.a.end());
      nodes_.insert(pair.b.begin(), pair.b.end());
    }
  }
  [[nodiscard]] bool has(std::size_t node) const {
    for (; node != 0; node = catalogue_.nodes[node].parent) {
      if (nodes_.contains(node)) return true;
    }
    return false;
  }

 private:
  const Catalogue& catalogue_;
  std::set<std::size_t> nodes_;
};

// A scope that holds one variable, as that variable.
std::size_t innermost(const Catalogue& catalogue, std::size_t node) {
  while (!catalogue.nodes[node].entry) node = catalogue.nodes[node].children.front();
  return node;
}

CopyPair pair_of(const Subject& subject, const EqualScopes& scopes) {
  CopyPair pair;
  pair.a = {scopes.a.node};
  pair.b = {scopes.b.node};
  const auto& nodes = subject.catalogue.nodes;
  pair.naming = naming_of(subject.catalogue, scopes.a.node, scopes.b.node);
  if (scopes.variables == 1 && pair.naming == Naming::kUnrelated) {
    pair.a = {innermost(subject.catalogue, scopes.a.node)};
    pair.b = {innermost(subject.catalogue, scopes.b.node)};
  }
  pair.parent = nodes[scopes.a.node].parent == nodes[scopes.b.node].parent
                    ? nodes[scopes.a.node].parent
                    : scopes.a.node;
  pair.bytes = scopes.equal == scopes.variables ? SameBytes::kEqual : SameBytes::kMostly;
  pair.equal = scopes.equal;
  pair.variables = scopes.variables;
  for (auto [nodes_of, side] : {std::pair{&pair.a, &pair.one}, {&pair.b, &pair.two}}) {
    side->variables = scopes.variables;
    measure_slots(subject, *nodes_of, *side);
  }
  return pair;
}

std::vector<Finding> search_one(const Subject& subject, const DupsRequest& request,
                                Duplicates& result) {
  const SharedReader* const readers[] = {&subject.reader};
  std::vector<TensorRef> tensors;
  add_tensors(subject, tensors);
  EqualTensors equal = find_equal(
      readers, tensors,
      {.min_bytes = request.min_bytes, .deep = request.deep, .progress = request.progress});
  result.compared = equal.compared;
  result.unread = equal.unread;
  std::ranges::move(equal.notes, std::back_inserter(result.notes));
  const Subject subjects[] = {subject};
  std::vector<EqualScopes> scopes_told = equal_scopes(subjects, equal.classes);
  const auto small = small_neighbours(subject, scopes_told, request.min_bytes);
  if (!small.empty()) {
    std::ranges::move(find_equal(readers, small, {.min_bytes = 1}).classes,
                      std::back_inserter(equal.classes));
    scopes_told = equal_scopes(subjects, equal.classes);
  }
  std::vector<std::size_t> class_of(subject.catalogue.index->entries.size(), 0);  // from 1 on
  for (std::size_t c = 0; c < equal.classes.size(); ++c) {
    for (const TensorRef t : equal.classes[c]) class_of[t.entry] = c + 1;
  }
  const auto are_equal = [&](std::size_t a, std::size_t b) {
    return class_of[a] != 0 && class_of[a] == class_of[b];
  };

  std::vector<Finding> findings;
  Told told(subject.catalogue);
  // A model that is there twice as a whole is one finding, not one for each of its layers.
  for (const std::vector<CopyPair>& rebuilt : rebuilt_pairs(subject, are_equal)) {
    std::vector<Finding> whole = findings_of(subject, rebuilt);
    std::erase_if(whole, [](const Finding& f) { return f.code != FindingCode::kRebuiltGraph; });
    if (!whole.empty()) told.add(rebuilt);
    append(findings, std::move(whole));
  }

  std::vector<CopyPair> copies;
  for (const EqualScopes& scopes : scopes_told) {
    if (!told.has(scopes.a.node) && !told.has(scopes.b.node)) {
      copies.push_back(pair_of(subject, scopes));
    }
  }
  told.add(copies);
  append(findings, findings_of(subject, std::move(copies)));

  for (NestedRepeat& repeat : find_nested_repeats(subject, are_equal)) {
    if (told.has(repeat.inner)) continue;
    if (repeat.is_whole) told.add(repeat.inner);
    findings.push_back(std::move(repeat.finding));
  }

  std::vector<TwinGroup> groups = twin_groups(subject.catalogue);
  for (TwinGroup& group : unrelated_groups(subject.catalogue)) groups.push_back(std::move(group));
  for (TwinGroup& group : groups) {
    std::erase_if(group.nodes, [&](std::size_t node) { return told.has(node); });
  }
  std::erase_if(groups, [](const TwinGroup& group) { return group.nodes.size() < 2; });
  append(findings, findings_of(subject, twin_pairs(subject, groups)));

  append(findings, find_wrappers(subject));
  append(findings, find_averages(subject));
  append(findings, find_orphan_slots(subject));
  append(findings, find_detached(subject));
  append(findings, find_counter_drift(subject));
  append(findings, find_name_clashes(subject));
  append(findings, find_replicas(subject));
  append(findings, find_aliases(subject));
  if (request.near) append(findings, find_near_copies(subject));
  return findings;
}

std::vector<Finding> search_across(std::span<const Subject> subjects,
                                   std::span<const SharedReader* const> readers,
                                   const DupsRequest& request, Duplicates& result) {
  std::vector<TensorRef> tensors;
  for (const Subject& subject : subjects) add_tensors(subject, tensors);
  EqualTensors equal = find_equal(readers, tensors,
                                  {.min_bytes = request.min_bytes,
                                   .across = true,
                                   .deep = request.deep,
                                   .progress = request.progress});
  result.compared = equal.compared;
  result.unread = equal.unread;
  std::ranges::move(equal.notes, std::back_inserter(result.notes));
  std::vector<Finding> findings;
  for (const EqualScopes& scopes : equal_scopes(subjects, equal.classes)) {
    Finding finding{.code = FindingCode::kExactCopy, .confidence = Confidence::kCertain};
    for (const NodeRef r : {scopes.a, scopes.b}) {
      const Catalogue& catalogue = subjects[r.input].catalogue;
      finding.members.push_back({r.input, r.node == 0 ? std::string(1, catalogue.separator)
                                                      : scope_name(catalogue, r.node)});
    }
    finding.why = "each file is whole by itself";
    finding.evidence = {cat(count_of(scopes.variables, "variable"),
                            scopes.variables == 1 ? " has" : " have",
                            " the same names, dtypes, shapes and bytes in both")};
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace

Duplicates find_duplicates(std::span<const Reader* const> readers, const DupsRequest& request) {
  assert(request.across ? readers.size() > 1 : readers.size() == 1);
  std::vector<std::unique_ptr<SharedReader>> shared;
  std::vector<const SharedReader*> views;
  std::vector<std::unique_ptr<Catalogue>> catalogues;
  std::vector<Subject> subjects;
  Duplicates result;
  for (const Reader* reader : readers) {
    shared.push_back(std::make_unique<SharedReader>(*reader));
    views.push_back(shared.back().get());
    catalogues.push_back(std::make_unique<Catalogue>(make_catalogue(reader->index())));
    subjects.push_back({*shared.back(), *catalogues.back(), subjects.size()});
    result.variables += reader->index().entries.size();
  }
  result.findings = request.across ? search_across(subjects, views, request, result)
                                   : search_one(subjects.front(), request, result);
  if (!request.only.empty()) {
    std::erase_if(result.findings, [&](const Finding& finding) {
      return std::ranges::find(request.only, finding.code) == request.only.end();
    });
  }
  std::ranges::sort(result.findings, [](const Finding& a, const Finding& b) {
    return std::tuple(b.confidence, a.code, a.members) <
           std::tuple(a.confidence, b.code, b.members);
  });
  for (const auto& reader : shared) result.bytes_read += reader->bytes_read();
  return result;
}

}  // namespace ckpt
