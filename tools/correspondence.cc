#include "correspondence.h"

#include <algorithm>
#include <unordered_set>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "receipts.h"
#include "remap/outcome_view.h"
#include "remap/plan.h"
#include "rules_input.h"
#include "verify/wiring.h"

namespace ckpt {
namespace {

// The receipt that a map would leave, had it been applied to OLD.
Receipt receipt_of_map(const std::string& map, const Reader& old) {
  const std::string text = read_text_file(map);
  if (text.find("\"ckpt/receipt/") != std::string::npos) return parse_receipt(text);
  const Rules rules = read_rules({.texts = {}, .map_file = map}, old.index().separator, {});
  PlanOptions options = way_back_options();  // what NEW holds, its format can hold
  options.companions = true;
  const Plan plan = make_plan(old.index().entries, rules, options);
  if (plan.problems.empty()) return make_receipt(plan, rules);
  std::vector<std::string> problems;
  for (const Problem& problem : plan.problems) problems.push_back(problem.message);
  throw Error(Errc::kConflict, join(problems, "\n"));
}

// NEW under OLD's names; null where a name that the way back needs is not there.
std::unique_ptr<Reader> view_returned(const Reader& found, const Receipt& receipt) {
  try {
    const ReceiptInverse inverse = invert(receipt);
    const Plan plan = make_plan(found.index().entries, inverse.rules, way_back_options());
    if (!plan.problems.empty()) return nullptr;
    return view_outcome(found, make_receipt(plan, inverse.rules));
  } catch (const Error& e) {
    if (e.code() == Errc::kUnsupported || e.code() == Errc::kConflict) return nullptr;
    throw;
  }
}

void set_views(const Reader& old, const Reader& found, const Receipt& receipt,
               Correspondence& out) {
  out.expected_view = view_outcome(old, receipt);
  out.returned_view = view_returned(found, receipt);
  out.expected = out.expected_view.get();
  out.returned = out.returned_view.get();
  out.origins = origins_of(receipt);
}

// Names that are equal but for the separator of their formats: "dense/kernel" is "dense.kernel" in
// safetensors, as `ckpt convert` writes it. Those that NEW has as they are stay.
Receipt receipt_of_separators(const Reader& old, const Reader& found) {
  const char from = old.index().separator;
  const char to = found.index().separator;
  std::unordered_set<std::string_view> there;
  for (const Entry& entry : found.index().entries) there.insert(entry.name);
  Receipt receipt;
  receipt.separator = from;
  for (const Entry& entry : old.index().entries) {
    std::string name = entry.name;
    std::ranges::replace(name, from, to);
    if (!there.contains(entry.name) && there.contains(name)) {
      receipt.moves.push_back({entry.name, std::move(name)});
    }
  }
  return receipt;
}

// The receipt that says how the file at `path` became what it is; empty where there is none. One
// that is of another state of the file is told and left out.
std::string receipt_beside(const std::string& path, Console& console) {
  const LockedCheckpoint locked = lock_checkpoint(path, LockFor::kReading, Wait::zero());
  const auto known = known_receipts(locked, true);
  using State = KnownReceipt::State;
  const auto fits = std::ranges::find(known, State::kFits, &KnownReceipt::state);
  for (auto it = known.begin(); it != fits; ++it) {
    if (it->state == State::kUndone || it->state == State::kBefore) continue;
    console.complain(cat("note: ", escape(it->path), " is not of this file as it is now (", it->why,
                         "), and is not used"));
  }
  if (fits == known.end()) return "";
  // What edits in place came before it, down to the file's making, was another step of the way.
  const bool has_more =
      fits->is_in_place && std::any_of(fits + 1, known.end(), [](const KnownReceipt& other) {
        return other.state == State::kOther || other.state == State::kFits;
      });
  if (!has_more) return fits->path;
  throw Error(Errc::kInvalid, cat(escape(path), ": was edited several times, the last receipt is ",
                                  escape(fits->path),
                                  "; --map RECEIPT says which edit led from OLD to it, "
                                  "--no-receipt compares equal names"));
}

}  // namespace

Correspondence correspond(const Reader& old, const Reader& found, const std::string& found_path,
                          const std::string& map, bool use_receipt, Console& console) {
  const std::string newest =
      use_receipt && map.empty() ? receipt_beside(found_path, console) : std::string();
  const std::string source = map.empty() ? newest : map;
  Correspondence out;
  if (source.empty()) {
    out.words = "by equal names";
    out.expected = &old;
    out.returned = &found;
    const Receipt separators = receipt_of_separators(old, found);
    if (separators.moves.empty()) return out;
    set_views(old, found, separators, out);
    out.words = cat("by equal names, '", std::string_view(&old.index().separator, 1), "' as '",
                    std::string_view(&found.index().separator, 1), "'");
    return out;
  }
  try {
    set_views(old, found, receipt_of_map(source, old), out);
  } catch (const Error& e) {
    const bool is_unasked = map.empty() && e.code() == Errc::kConflict;
    const Error named = e.in(escape(source));
    if (!is_unasked) throw named;
    throw Error(Errc::kConflict,
                cat(named.what(),
                    "; it does not lead from OLD to NEW, --no-receipt compares equal "
                    "names"));
  }
  out.words = cat("by ", escape(source));
  return out;
}

std::optional<Correspondence> correspond_by_parts(const Reader& old, const Graph& old_graph,
                                                  const Reader& found, const Graph& found_graph) {
  const auto& entries = old.index().entries;
  const auto is_common = [&](const Entry& entry) { return found.find(entry.name).has_value(); };
  if (std::ranges::any_of(entries, is_common) || !same_wiring(old_graph, found_graph)) {
    return std::nullopt;
  }
  Receipt receipt;
  receipt.separator = old.index().separator;
  for (const Counterparts& pair : counterparts(old_graph, found_graph)) {
    receipt.moves.push_back({pair.was, pair.is});
  }
  Correspondence out;
  set_views(old, found, receipt, out);
  out.words = "by the parts that they play in the networks";
  return out;
}

}  // namespace ckpt
