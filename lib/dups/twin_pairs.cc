#include "dups/twin_pairs.h"

#include <algorithm>
#include <set>
#include <span>

namespace ckpt {
namespace {

// Two networks that were trained apart have a cosine near 0, copies of one that went different ways
// for a while one near 1.
constexpr double kNearCosine = 0.95;

bool is_live(const CopyMeasure& measure) {
  return measure.state.slots == SlotState::kActive || measure.state.look == Look::kMoved;
}

CopyPair make_pair(const Subject& subject, const TwinGroup& group, std::size_t a,
                   const CopyMeasure& one, std::size_t b, const CopyMeasure& two) {
  CopyPair pair{.parent = group.parent, .naming = group.naming, .one = one, .two = two};
  pair.a = {group.nodes[a]};
  pair.b = {group.nodes[b]};
  pair.variables = entries_below(subject.catalogue, group.nodes[a]).size();
  return pair;
}

// Compares the largest variables of two trained copies.
void add_nearness(const Subject& subject, CopyPair& pair) {
  const auto& rows = subject.catalogue.index->entries;
  const auto one = entries_below(subject.catalogue, pair.a.front());
  const auto two = entries_below(subject.catalogue, pair.b.front());
  const auto largest = static_cast<std::size_t>(
      std::ranges::max_element(one, {}, [&](std::size_t e) { return rows[e].nbytes; }) -
      one.begin());
  pair.cosine = nearness_of(subject, one[largest], two[largest]).cosine;
  if (pair.cosine > kNearCosine) pair.bytes = SameBytes::kNear;
}

// The live copy that the `k`-th of the others repeats: its fellow where they are as many, else the
// last one before it.
std::size_t fellow_of(std::size_t k, std::size_t position, std::span<const std::size_t> lives,
                      std::size_t others) {
  if (lives.size() == others) return lives[k];
  std::size_t best = lives.front();
  for (const std::size_t live : lives) {
    if (live < position) best = live;
  }
  return best;
}

// Can what is there twice be two networks side by side, and not layers of a stack? A square layer
// can where others of its scope cannot be stacked.
bool may_diverge(const Catalogue& catalogue, const TwinGroup& group) {
  return group.nodes.size() == 2 && group.naming != Naming::kSeries &&
         is_parallel(catalogue, group.nodes.front());
}

void add_pairs(const Subject& subject, const TwinGroup& group, bool is_beside_parallel,
               std::vector<CopyPair>& out) {
  const std::size_t count = group.nodes.size();
  std::vector<CopyMeasure> measures;
  for (const std::size_t node : group.nodes) {
    measures.push_back(measure_look(subject, std::span(&node, 1)));
  }
  const bool all_moved =
      std::ranges::all_of(measures, [](const auto& m) { return m.state.look == Look::kMoved; });
  const bool is_pair = count == 2 && group.naming != Naming::kSeries && is_beside_parallel;
  if (all_moved && !is_pair && group.naming != Naming::kRoles) return;
  std::vector<std::size_t> lives;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < count; ++i) {
    measure_slots(subject, std::span(&group.nodes[i], 1), measures[i]);
    (is_live(measures[i]) ? lives : others).push_back(i);
  }
  if (lives.empty()) return;
  for (std::size_t k = 0; k < others.size(); ++k) {
    const std::size_t live = fellow_of(k, others[k], lives, others.size());
    out.push_back(make_pair(subject, group, live, measures[live], others[k], measures[others[k]]));
  }
  if (others.empty() && count == 2) {
    out.push_back(make_pair(subject, group, 0, measures[0], 1, measures[1]));
    add_nearness(subject, out.back());
  }
}

}  // namespace

std::vector<CopyPair> twin_pairs(const Subject& subject, std::span<const TwinGroup> groups) {
  std::vector<CopyPair> pairs;
  std::set<std::size_t> parallel;  // scopes
  for (const TwinGroup& group : groups) {
    if (may_diverge(subject.catalogue, group)) parallel.insert(group.parent);
  }
  for (const TwinGroup& group : groups) {
    add_pairs(subject, group, parallel.contains(group.parent), pairs);
  }
  return pairs;
}

}  // namespace ckpt
