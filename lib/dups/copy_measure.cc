#include "dups/copy_measure.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "dups/sample.h"

namespace ckpt {
namespace {

// Enough to know a distribution to a percent, and enough to know that it is not an initializer's.
constexpr std::size_t kValues = std::size_t{1} << 16;
constexpr std::size_t kFewValues = std::size_t{1} << 12;

// The signs of a copy add up; this much decides.
constexpr double kEnough = 0.95;

std::vector<std::size_t> entries_of(const Subject& subject, std::span<const std::size_t> nodes) {
  std::vector<std::size_t> entries;
  for (const std::size_t node : nodes) {
    const auto below = entries_below(subject.catalogue, node);
    entries.insert(entries.end(), below.begin(), below.end());
  }
  return entries;
}

bool is_float(DType dtype) { return class_of(dtype) == DTypeClass::kFloat; }

// A sample, or none where the storage cannot be read.
std::optional<Sample> try_sample(const Subject& subject, std::size_t entry,
                                 std::size_t most = kValues) {
  try {
    return sample_of(subject.reader, entry, most);
  } catch (const Error& e) {
    if (e.code() != Errc::kUnsupported) throw;
    return std::nullopt;
  }
}

// Slots start at 0; RMSProp's first at 1, Adagrad's at 0.1. One that is still constant was never
// updated.
bool is_used(const Sample& sample) {
  if (sample.values.empty()) return false;
  const auto [least, most] = std::ranges::minmax(sample.values);
  if (least != most) return true;
  return least != 0 && least != 1 && std::abs(least - 0.1) > 1e-6;
}

// Is it a statistic of batches, which a forward pass updates whether or not anything is trained?
bool is_statistic(const Subject& subject, std::size_t entry) {
  const std::string_view name = subject.catalogue.index->entries[entry].name;
  const auto last = name.substr(name.rfind(subject.catalogue.separator) + 1);
  return last.starts_with("moving_") || last.starts_with("running_");
}

}  // namespace

CopyMeasure measure_look(const Subject& subject, std::span<const std::size_t> nodes) {
  const auto& rows = subject.catalogue.index->entries;
  CopyMeasure measure;
  std::vector<std::size_t> entries = entries_of(subject, nodes);
  measure.variables = entries.size();
  std::ranges::stable_sort(entries, {}, [&](std::size_t e) { return rows[e].nbytes; });
  for (const std::size_t e : entries) {
    if (!is_float(rows[e].dtype)) continue;
    auto sample = try_sample(subject, e, kFewValues);
    if (!sample) continue;
    Likeness likeness = likeness_of(rows[e].shape, *sample);
    if (likeness.look != Look::kMoved && !sample->whole) {
      sample = try_sample(subject, e);
      if (sample) likeness = likeness_of(rows[e].shape, *sample);
    }
    if (likeness.look == Look::kSilent) continue;
    if (likeness.look == Look::kMoved && is_statistic(subject, e)) continue;
    if (likeness.look == Look::kMoved) {
      measure.state.look = Look::kMoved;
      measure.state.weight = likeness.weight;
      measure.signs.assign(1, {e, std::move(likeness)});
      return measure;
    }
    measure.state.weight += likeness.weight;
    measure.signs.push_back({e, std::move(likeness)});
  }
  if (measure.state.weight >= kEnough) measure.state.look = Look::kInitial;
  // Kernels before biases: their numbers say more.
  std::ranges::stable_sort(measure.signs, [&](const auto& a, const auto& b) {
    return rows[a.entry].shape.size() > rows[b.entry].shape.size();
  });
  return measure;
}

void measure_slots(const Subject& subject, std::span<const std::size_t> nodes,
                   CopyMeasure& measure) {
  measure.with_slots = 0;
  measure.state.slots = SlotState::kNone;
  for (const std::size_t e : entries_of(subject, nodes)) {
    const auto& slots = subject.catalogue.slots[e];
    if (slots.empty()) continue;
    ++measure.with_slots;
    if (measure.state.slots == SlotState::kActive) continue;
    measure.state.slots = SlotState::kIdle;
    for (const std::size_t s : slots) {
      const Entry& slot = subject.catalogue.index->entries[s];
      // Steps and powers that are kept for each variable count for it whether it is trained or not.
      if (slot.shape.empty() && !subject.catalogue.index->entries[e].shape.empty()) continue;
      const auto sample = try_sample(subject, s);
      if (sample && is_used(*sample)) {
        measure.state.slots = SlotState::kActive;
        break;
      }
    }
  }
}

double deviation_of(const Subject& subject, std::size_t entry) {
  const auto sample = try_sample(subject, entry);
  return sample ? likeness_of(subject.catalogue.index->entries[entry].shape, *sample).deviation : 0;
}

Nearness nearness_of(const Subject& subject, std::size_t a, std::size_t b) {
  const auto one = try_sample(subject, a);
  const auto two = try_sample(subject, b);
  Nearness near;
  if (!one || !two || one->values.size() != two->values.size() || one->values.empty()) return near;
  double product = 0;
  double length_one = 0;
  double length_two = 0;
  double distance = 0;
  std::size_t equal = 0;
  for (std::size_t i = 0; i < one->values.size(); ++i) {
    const double x = one->values[i];
    const double y = two->values[i];
    product += x * y;
    length_one += x * x;
    length_two += y * y;
    distance += (x - y) * (x - y);
    if (x == y) ++equal;
  }
  near.equal = static_cast<double>(equal) / static_cast<double>(one->values.size());
  if (length_one > 0 && length_two > 0) {
    near.cosine = product / std::sqrt(length_one * length_two);
    near.distance = std::sqrt(distance / length_one);
  }
  return near;
}

}  // namespace ckpt
