#include "dups/copy_findings.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/escape.h"
#include "core/text.h"
#include "dups/copy_words.h"
#include "dups/drop_rules.h"
#include "dups/twin_groups.h"
#include "scope/tree.h"

namespace ckpt {
namespace {

// What pairs of one scope are together: a layer alone may be small, or square, or have no kernel,
// where the whole that was made twice is none of these.
struct Together {
  double weight = 0;
  std::size_t kernels = 0;
  bool is_parallel = false;
};

// How the sides of a pair stand to the optimizer: pairs of one mistake agree in it.
using Relation = std::tuple<std::size_t, SlotState, SlotState>;

Relation relation_of(const CopyPair& pair) {
  return {pair.parent, pair.one.state.slots, pair.two.state.slots};
}

// Is side `a` the one whose look is in doubt? The one without used slots, else the less moved.
const CopyMeasure& doubtful(const CopyPair& pair) {
  const auto& [a, b] = std::tie(pair.one, pair.two);
  if ((a.state.slots == SlotState::kActive) != (b.state.slots == SlotState::kActive)) {
    return a.state.slots == SlotState::kActive ? b : a;
  }
  return a.state.look == Look::kMoved ? b : a;
}

std::map<Relation, Together> put_together(const Subject& subject,
                                          const std::vector<CopyPair>& pairs) {
  std::map<Relation, Together> all;
  for (const CopyPair& pair : pairs) {
    const CopyMeasure& copy = doubtful(pair);
    Together& sum = all[relation_of(pair)];
    for (const std::size_t node : pair.a) {
      if (is_parallel(subject.catalogue, node)) sum.is_parallel = true;
    }
    if (copy.state.look == Look::kMoved) continue;
    sum.weight += copy.state.weight;
    for (const std::size_t node : pair.a) sum.kernels += kernels_below(subject.catalogue, node);
  }
  return all;
}

// Is the name of the first nodes plainer than that of the second: shorter, else earlier?
bool is_plainer(const Subject& subject, std::size_t a, std::size_t b) {
  const std::string one = scope_name(subject.catalogue, a);
  const std::string two = scope_name(subject.catalogue, b);
  return one.size() != two.size() ? one.size() < two.size() : natural_less(one, two);
}

// A pair with its verdict, `a` being the side to keep where that is decided.
struct Judged {
  CopyPair pair;
  Choice decision;
  PairVerdict verdict;
};

std::optional<Judged> judge_pair(const Subject& subject, CopyPair pair, const Together& together) {
  for (CopyMeasure* side : {&pair.one, &pair.two}) {
    // What a bias of three zeros cannot tell alone, it tells beside others.
    if (side->state.look == Look::kSilent && side->state.weight > 0 && together.weight >= 1) {
      side->state.look = Look::kInitial;
    }
  }
  pair.two.state.is_canonical = is_plainer(subject, pair.b.front(), pair.a.front());
  pair.one.state.is_canonical = !pair.two.state.is_canonical;
  Choice decision = decide_keep(pair.one.state, pair.two.state);
  if (decision.keep == 1) {
    std::swap(pair.a, pair.b);
    std::swap(pair.one, pair.two);
    std::swap(pair.counters_a, pair.counters_b);
  }
  const auto& nodes = subject.catalogue.nodes;
  const std::string_view segment = nodes[pair.b.front()].segment;
  const auto numbered = parse_numbered(segment);
  TwinEvidence evidence{.naming = pair.naming,
                        .bytes = pair.bytes,
                        .live = pair.one.state,
                        .copy = pair.two.state,
                        .is_decided = decision.keep.has_value(),
                        .is_parallel = together.is_parallel,
                        .is_default_name = is_default_name(numbered ? numbered->base : segment),
                        .is_single = pair.variables == 1,
                        .has_several_layers = together.kernels > 1,
                        .covers_model = pair.covers_model,
                        .has_two_optimizers = pair.has_two_optimizers,
                        .has_two_steps = pair.has_two_steps};
  auto verdict = judge(evidence);
  if (!verdict) return std::nullopt;
  if (verdict->code == FindingCode::kDivergedTwin && decision.signal >= Signal::kStep) {
    decision = {.why = "both were trained, and only the program can say which of them it uses"};
    verdict->fix = Fix::kNone;
  }
  return Judged{std::move(pair), decision, *verdict};
}

void append(std::vector<std::size_t>& to, const std::vector<std::size_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// The members of one finding: kept ones first, each once.
void add_members(const Subject& subject, const std::vector<const Judged*>& parts,
                 Finding& finding) {
  const auto add = [&](std::size_t node) {
    Member member{subject.input, scope_name(subject.catalogue, node)};
    if (std::ranges::find(finding.members, member) != finding.members.end()) return;
    finding.members.push_back(std::move(member));
  };
  for (const Judged* part : parts) std::ranges::for_each(part->pair.a, add);
  const std::size_t kept = finding.members.size();
  for (const Judged* part : parts) std::ranges::for_each(part->pair.b, add);
  if (parts.front()->decision.keep) {
    for (std::size_t i = 0; i < kept; ++i) finding.keep.push_back(i);
  }
}

Finding make_finding(const Subject& subject, const std::vector<const Judged*>& parts) {
  const Judged& first = *parts.front();
  Finding finding{.code = first.verdict.code,
                  .confidence = first.verdict.confidence,
                  .why = first.decision.why,
                  .fix = first.verdict.fix};
  add_members(subject, parts, finding);
  std::set<std::size_t> told;
  CopyPair all = first.pair;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    append(all.a, parts[i]->pair.a);
    append(all.b, parts[i]->pair.b);
    append(all.counters_b, parts[i]->pair.counters_b);
    for (auto side : {&CopyPair::one, &CopyPair::two}) {
      CopyMeasure& sum = all.*side;
      const CopyMeasure& more = parts[i]->pair.*side;
      sum.variables += more.variables;
      sum.with_slots += more.with_slots;
      sum.signs.insert(sum.signs.end(), more.signs.begin(), more.signs.end());
    }
    all.equal += parts[i]->pair.equal;
    all.variables += parts[i]->pair.variables;
  }
  finding.evidence = evidence_words(subject, all, first.decision);
  if (finding.fix != Fix::kNone && first.decision.keep) {
    std::vector<std::size_t> dropped;
    for (const std::size_t node : all.b) {
      if (told.insert(node).second) dropped.push_back(node);
    }
    Drops drops = drop_rules(subject.catalogue, dropped, all.counters_b);
    finding.rules = std::move(drops.rules);
    finding.nbytes = drops.nbytes;
  }
  return finding;
}

}  // namespace

std::vector<Finding> findings_of(const Subject& subject, std::vector<CopyPair> pairs) {
  const auto together = put_together(subject, pairs);
  std::vector<Judged> judged;
  for (CopyPair& pair : pairs) {
    const Together& around = together.at(relation_of(pair));
    if (auto one = judge_pair(subject, std::move(pair), around)) judged.push_back(std::move(*one));
  }
  using Key = std::tuple<std::size_t, FindingCode, Confidence, Fix, std::string, SameBytes>;
  std::vector<std::pair<Key, std::vector<const Judged*>>> merged;
  std::map<Key, std::size_t> position;
  for (const Judged& one : judged) {
    const Key key{one.pair.parent, one.verdict.code, one.verdict.confidence,
                  one.verdict.fix, one.decision.why, one.pair.bytes};
    const auto [it, is_new] = position.emplace(key, merged.size());
    if (is_new) merged.push_back({key, {}});
    merged[it->second].second.push_back(&one);
  }
  std::vector<Finding> findings;
  for (auto& [key, parts] : merged) {
    std::ranges::sort(parts, [&](const Judged* x, const Judged* y) {
      return natural_less(scope_name(subject.catalogue, x->pair.b.front()),
                          scope_name(subject.catalogue, y->pair.b.front()));
    });
    findings.push_back(make_finding(subject, parts));
  }
  return findings;
}

}  // namespace ckpt
