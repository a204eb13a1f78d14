#include "dups/near_copies.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/escape.h"
#include "core/numbers.h"
#include "core/text.h"
#include "dups/copy_measure.h"
#include "dups/sample.h"
#include "dups/twin_groups.h"

namespace ckpt {
namespace {

constexpr std::size_t kValues = 1024;
constexpr double kNearDistance = 0.01;
// Of variables of one shape, ordered by length, each is compared with so many that follow.
constexpr std::size_t kWindow = 32;

struct Candidate {
  std::size_t node;
  double length;
  std::vector<double> values;
};

struct NearPair {
  std::size_t a;  // nodes
  std::size_t b;
  double distance;
  std::optional<DType> rounded_to;  // one is the other, rounded to this
};

double round_to(DType dtype, double value) {
  if (dtype == DType::kF16) return from_f16(to_f16(value));
  if (dtype == DType::kBf16) return from_bf16(to_bf16(value));
  return dtype == DType::kF32 ? static_cast<float>(value) : value;
}

// The dtype to which the values of the one were rounded to become those of the other.
std::optional<DType> cast_between(DType a, const std::vector<double>& x, DType b,
                                  const std::vector<double>& y) {
  if (a == b) return std::nullopt;
  const auto is_rounded = [](DType to, const auto& from, const auto& result) {
    return std::ranges::equal(from, result, {}, [&](double v) { return round_to(to, v); });
  };
  if (is_rounded(b, x, y)) return b;
  if (is_rounded(a, y, x)) return a;
  return std::nullopt;
}

// "0.00093": two digits are enough for a distance.
std::string two_digits(double distance) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), distance,
                                 std::chars_format::general, 2);
  return {text.data(), end.ptr};
}

bool is_comparable(const Entry& entry) {
  return class_of(entry.dtype) == DTypeClass::kFloat && entry.shape.size() >= 2 &&
         entry.nbytes >= 64;
}

std::vector<NearPair> near_pairs(const Subject& subject) {
  const auto& nodes = subject.catalogue.nodes;
  std::map<Shape, std::vector<std::size_t>> by_shape;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].entry) continue;
    const Entry& entry = subject.catalogue.index->entries[*nodes[i].entry];
    if (is_comparable(entry)) by_shape[entry.shape].push_back(i);
  }
  std::vector<NearPair> pairs;
  for (const auto& [shape, group] : by_shape) {
    if (group.size() < 2) continue;
    std::vector<Candidate> candidates;
    for (const std::size_t node : group) {
      try {
        Candidate c{node, 0, sample_of(subject.reader, *nodes[node].entry, kValues).values};
        for (const double value : c.values) c.length += value * value;
        c.length = std::sqrt(c.length);
        if (c.length > 0 && std::isfinite(c.length)) candidates.push_back(std::move(c));
      } catch (const Error& e) {
        if (e.code() != Errc::kUnsupported) throw;
      }
    }
    std::ranges::stable_sort(candidates, {}, &Candidate::length);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const std::size_t end = std::min(candidates.size(), i + 1 + kWindow);
      for (std::size_t j = i + 1; j < end; ++j) {
        const Candidate& x = candidates[i];
        const Candidate& y = candidates[j];
        if (y.length > x.length * (1 + 2 * kNearDistance)) break;
        double squares = 0;
        for (std::size_t k = 0; k < x.values.size(); ++k) {
          squares += (x.values[k] - y.values[k]) * (x.values[k] - y.values[k]);
        }
        const double distance = std::sqrt(squares) / x.length;
        const auto dtype = [&](const Candidate& c) {
          return subject.catalogue.index->entries[*nodes[c.node].entry].dtype;
        };
        // What is equal to the byte is told elsewhere.
        if (distance > kNearDistance || (distance == 0 && dtype(x) == dtype(y))) continue;
        pairs.push_back({std::min(x.node, y.node), std::max(x.node, y.node), distance,
                         cast_between(dtype(x), x.values, dtype(y), y.values)});
      }
    }
  }
  return pairs;
}

}  // namespace

std::vector<Finding> find_near_copies(const Subject& subject) {
  const Catalogue& catalogue = subject.catalogue;
  const auto& nodes = catalogue.nodes;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<NearPair>> by_scopes;
  for (const NearPair& pair : near_pairs(subject)) {
    std::size_t a = pair.a;
    std::size_t b = pair.b;
    while (nodes[a].segment == nodes[b].segment && nodes[a].parent != nodes[b].parent &&
           nodes[a].parent != 0 && nodes[b].parent != 0) {
      a = nodes[a].parent;
      b = nodes[b].parent;
    }
    by_scopes[{a, b}].push_back(pair);
  }
  std::vector<Finding> findings;
  for (const auto& [scopes, pairs] : by_scopes) {
    Finding finding{.code = FindingCode::kDivergedTwin, .confidence = Confidence::kLikely};
    if (naming_of(catalogue, scopes.first, scopes.second) == Naming::kRoles) {
      finding.code = FindingCode::kDeadBranch;
      finding.confidence = Confidence::kExplained;
    }
    for (const std::size_t node : {scopes.first, scopes.second}) {
      finding.members.push_back({subject.input, scope_name(catalogue, node)});
    }
    finding.why = "near values do not tell which of them is in use";
    for (std::size_t i = 0; i < std::min<std::size_t>(pairs.size(), 4); ++i) {
      const Entry& x = catalogue.index->entries[*nodes[pairs[i].a].entry];
      const Entry& y = catalogue.index->entries[*nodes[pairs[i].b].entry];
      if (const auto to = pairs[i].rounded_to) {
        const bool is_y = *to == y.dtype;
        finding.evidence.push_back(cat(escape((is_y ? y : x).name), " is ",
                                       escape((is_y ? x : y).name), " rounded to ", name_of(*to),
                                       ", value by value in a sample"));
      } else {
        finding.evidence.push_back(cat(escape(y.name), " is within ", two_digits(pairs[i].distance),
                                       " of ", escape(x.name), ", relative to its length"));
      }
    }
    if (pairs.size() > 4) {
      finding.evidence.push_back(cat("and so are ", count_of(pairs.size() - 4, "more variable")));
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace ckpt
