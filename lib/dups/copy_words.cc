#include "dups/copy_words.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/escape.h"
#include "core/text.h"
#include "dups/twin_groups.h"

namespace ckpt {
namespace {

// How many pairs and signs are told one by one.
constexpr std::size_t kPairsTold = 4;

std::string name(const Subject& subject, std::size_t node) {
  return escape(scope_name(subject.catalogue, node));
}

std::string entry_name(const Subject& subject, std::size_t entry) {
  return escape(subject.catalogue.index->entries[entry].name);
}

// "9.2", "0.31", "120": two digits are enough for a ratio.
std::string ratio_text(double ratio) {
  if (ratio >= 100) return cat(std::round(ratio));
  if (ratio >= 10) return cat(std::round(ratio * 10) / 10);
  return cat(std::round(ratio * 100) / 100);
}

void add_structure(const Subject& subject, const CopyPair& pair, std::vector<std::string>& out) {
  for (std::size_t i = 0; i < std::min(pair.b.size(), kPairsTold); ++i) {
    const std::size_t count = entries_below(subject.catalogue, pair.b[i]).size();
    if (subject.catalogue.nodes[pair.b[i]].children.empty()) {
      out.push_back(
          cat(name(subject, pair.b[i]), " has the dtype and shape of ", name(subject, pair.a[i])));
    } else {
      out.push_back(cat(name(subject, pair.b[i]), " repeats ", name(subject, pair.a[i]), ": ",
                        count_of(count, "variable"), " of the same names, dtypes and shapes"));
    }
  }
  if (pair.b.size() > kPairsTold) {
    out.push_back(cat("and so do ", count_of(pair.b.size() - kPairsTold, "more pair")));
  }
  if (pair.covers_model) out.push_back("together they are all of the model's variables");
  const bool parallel = std::ranges::any_of(
      pair.b, [&](std::size_t node) { return is_parallel(subject.catalogue, node); });
  if (parallel && pair.naming != Naming::kUnrelated) {
    out.push_back("sizes in and out differ, so the one cannot follow the other in a stack");
  }
}

void add_bytes(const CopyPair& pair, std::vector<std::string>& out) {
  switch (pair.bytes) {
    case SameBytes::kEqual:
      out.push_back(pair.variables == 1
                        ? "the tensors have the same bytes"
                        : cat("all ", with_commas(pair.variables), " tensors have the same bytes"));
      break;
    case SameBytes::kMostly:
      out.push_back(cat("all but ", pair.variables - pair.equal, " of ",
                        count_of(pair.variables, "tensor"),
                        " have the same bytes, and the rest differ in less than a tenth of their "
                        "values"));
      break;
    case SameBytes::kNear:
      out.push_back(cat("their values are near: the cosine between the largest tensors is ",
                        std::round(pair.cosine * 1e4) / 1e4));
      break;
    case SameBytes::kDiffer:
      out.push_back("their bytes differ");
      break;
  }
}

std::string slots_words(const CopyMeasure& side) {
  switch (side.state.slots) {
    case SlotState::kNone:
      return "none";
    case SlotState::kIdle:
      return cat("slots for ", side.with_slots, " of ", side.variables,
                 " variables that were never updated");
    case SlotState::kActive:
      return cat("used slots for ", side.with_slots, " of ", side.variables, " variables");
  }
  return "";
}

void add_slots(const CopyPair& pair, std::vector<std::string>& out) {
  if (pair.one.state.slots == SlotState::kNone && pair.two.state.slots == SlotState::kNone) {
    out.push_back("neither has optimizer slots");
    return;
  }
  out.push_back(cat("of the optimizer the first has ", slots_words(pair.one), ", the second ",
                    slots_words(pair.two)));
}

// The entry of the other side that belongs to `entry`.
std::optional<std::size_t> twin_of(const Subject& subject, const CopyPair& pair,
                                   std::size_t entry) {
  for (std::size_t i = 0; i < pair.b.size(); ++i) {
    const auto copy = entries_below(subject.catalogue, pair.b[i]);
    const auto it = std::ranges::find(copy, entry);
    if (it == copy.end()) continue;
    return entries_below(subject.catalogue, pair.a[i])[static_cast<std::size_t>(it - copy.begin())];
  }
  return std::nullopt;
}

void add_looks(const Subject& subject, const CopyPair& pair, std::vector<std::string>& out) {
  std::size_t told = 0;
  for (const auto& [entry, likeness] : pair.two.signs) {
    if (likeness.look != Look::kInitial || told == kPairsTold) continue;
    ++told;
    std::string words = cat(entry_name(subject, entry), " is ", likeness.words);
    const auto twin = twin_of(subject, pair, entry);
    if (twin && likeness.deviation > 0) {
      const double ratio = deviation_of(subject, *twin) / likeness.deviation;
      words += ratio >= 1 ? cat("; its twin is ", ratio_text(ratio), " times as wide")
                          : cat("; its twin has ", ratio_text(ratio), " of its width");
    }
    out.push_back(std::move(words));
  }
  for (const auto& [entry, likeness] : pair.one.signs) {
    if (likeness.look != Look::kMoved) continue;
    out.push_back(likeness.words.empty()
                      ? cat(entry_name(subject, entry), " is as no initializer leaves it")
                      : cat(entry_name(subject, entry), " is ", likeness.words));
    break;
  }
}

}  // namespace

std::vector<std::string> evidence_words(const Subject& subject, const CopyPair& pair,
                                        const Choice& decision) {
  std::vector<std::string> out;
  add_structure(subject, pair, out);
  add_bytes(pair, out);
  add_slots(pair, out);
  if (pair.bytes != SameBytes::kEqual) add_looks(subject, pair, out);
  if (pair.has_two_steps) out.push_back("there are two step counters");
  if (pair.has_two_optimizers && !pair.has_two_steps) {
    out.push_back("an optimizer's powers of beta are there twice");
  }
  if (!decision.keep) out.push_back(decision.why);
  return out;
}

}  // namespace ckpt
