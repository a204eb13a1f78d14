#include <algorithm>
#include <cmath>

#include "core/escape.h"
#include "core/text.h"
#include "report/colors.h"
#include "report/run_report.h"
#include "report/units.h"
#include "report/verify_report.h"

namespace ckpt {
namespace {

constexpr std::size_t kItemsShown = 10;  // variables of one kind that are told one by one

std::string allowed(const Tolerance& tolerance) {
  std::vector<std::string> parts;
  if (tolerance.relative > 0) {
    parts.push_back(cat(human_number(tolerance.relative), " of the largest value"));
  }
  if (tolerance.absolute > 0) parts.push_back(human_number(tolerance.absolute));
  return cat(join(parts, " and "), ", ", tolerance.words);
}

std::string describe(const OutputCheck& check) {
  const std::string head = cat(escape(check.name), " ", to_string(check.shape));
  if (!check.what.empty()) return cat(escape(check.name), " ", check.what);
  if (check.agreement == Agreement::kIdentical) return cat(head, ": bit for bit the same");
  if (std::isinf(check.difference.max_abs)) {
    return cat(head, ": is NaN or infinite where it was not, or the other way round");
  }
  return cat(head,
             check.agreement == Agreement::kWithin ? ": agrees, within " : ": differs by up to ",
             human_number(check.difference.max_abs), " (", human_number(check.difference.max_rel()),
             " of the largest value)");
}

class Printer {
 public:
  Printer(const VerifyReport& report, const TextStyle& style, const Output& out)
      : report_(report), result_(*report.result), style_(style), out_(out) {}

  void print() {
    headline();
    for (const std::string& reason : result_.reasons) row("because", reason);
    if (!result_.variables.empty()) variables();
    forward();
    if (result_.diagnosis) diagnosis(*result_.diagnosis);
    accuracy();
    proof();
  }

 private:
  void row(std::string_view label, const std::string& text) {
    out_(cat(pad_right(label, 10), text, "\n"));
  }
  // Under a row.
  void item(const std::string& text) { row("", text); }

  void headline() {
    const bool is_same = result_.verdict == Verdict::kSame;
    const std::string_view word = is_same                                  ? "same"
                                  : result_.verdict == Verdict::kDifferent ? "DIFFERENT"
                                                                           : "NOT COMPARABLE";
    const std::string painted = paint(std::string(word), is_same ? kGreen : kRed, style_);
    out_(cat(escape(report_.found), " against ",
             escape(report_.old.empty() ? report_.golden : report_.old), ": ", painted, "\n"));
  }

  [[nodiscard]] std::size_t count(Standing standing) const {
    return static_cast<std::size_t>(
        std::ranges::count(result_.variables, standing, &VariableCheck::standing));
  }

  // Each variable of that standing on a line, up to some.
  template <typename F>
  void items(Standing standing, F&& text) {
    std::size_t shown = 0;
    const std::size_t all = count(standing);
    for (const VariableCheck& check : result_.variables) {
      if (check.standing != standing) continue;
      if (shown++ == kItemsShown) break;
      item(text(check));
    }
    if (all > kItemsShown) item(cat("and ", all - kItemsShown, " more"));
  }

  void variables() {
    const std::size_t added = count(Standing::kAdded);
    const std::size_t expected = result_.variables.size() - added;
    const std::size_t lost = count(Standing::kLost);
    const auto renamed = static_cast<std::size_t>(std::ranges::count_if(
        result_.variables, [](const VariableCheck& check) { return !check.origin.empty(); }));
    row("names", cat(with_commas(expected - lost), " of ", count_of(expected, "variable"),
                     renamed == 0 ? "" : cat(", ", with_commas(renamed), " under another name"),
                     ", ", report_.names));
    items(Standing::kLost,
          [](const VariableCheck& check) { return cat("missing  ", name(check)); });
    items(Standing::kAdded,
          [](const VariableCheck& check) { return cat("added    ", name(check)); });
    const std::size_t same = count(Standing::kSame);
    const std::size_t unread = count(Standing::kUnread);
    row("bytes", cat(with_commas(same), " of ", with_commas(expected - lost), " the same",
                     unread == 0 ? "" : cat(", ", with_commas(unread), " not compared")));
    items(Standing::kSpec,
          [](const VariableCheck& check) { return cat(name(check), " ", escape(check.what)); });
    items(Standing::kValues, [](const VariableCheck& check) {
      const TensorDifference& d = check.difference;
      return cat(name(check), " ", to_string(check.shape), ": ", with_commas(d.differing), " of ",
                 count_of(d.elements, "element"), " differ", d.differing == 1 ? "s" : "",
                 ", by up to ", human_number(d.max_abs));
    });
    items(Standing::kUnread,
          [](const VariableCheck& check) { return cat(name(check), ": ", escape(check.what)); });
  }

  static std::string name(const VariableCheck& check) {
    std::vector<std::string> origin;
    for (const std::string& each : check.origin) origin.push_back(escape(each));
    return cat(escape(check.name), origin.empty() ? "" : cat(" (", join(origin, " + "), ")"));
  }

  void forward() {
    if (!result_.forward) {
      row("outputs", cat("bytes only: ", result_.no_forward));
      return;
    }
    const ForwardCheck& forward = *result_.forward;
    if (forward.old_graph.empty()) {
      row("network", forward.new_graph);
    } else {
      row("network", cat("OLD: ", forward.old_graph));
      row("", cat("NEW: ", forward.new_graph));
    }
    row("inputs", forward.inputs);
    if (forward.engine == Engine::kFast) row("engine", describe_fast(forward.references));
    if (forward.engines) {
      std::string_view name = "engines";
      for (const std::string& line : describe(*forward.engines)) {
        row(name, line);
        name = "";
      }
    }
    std::string_view label = "outputs";
    for (const OutputCheck& check : forward.outputs) {
      row(label, describe(check));
      label = "";
    }
    item(forward.tolerance.is_exact() ? cat("allowed: ", forward.tolerance.words)
                                      : cat("allowed: ", allowed(forward.tolerance)));
    if (!forward.unmatched.empty()) {
      row("note", cat(count_of(forward.unmatched.size(), "tensor"),
                      " of the record not compared, which the network has not, first ",
                      escape(forward.unmatched.front())));
    }
    if (forward.first_difference) {
      row("first",
          cat("in the layer ", describe(*forward.first_difference), "; all before it agree"));
    }
  }

  void diagnosis(const Diagnosis& diagnosis) {
    std::string_view label = "diagnosis";
    for (std::size_t i = 0; i < diagnosis.faults.size() && i < kItemsShown; ++i) {
      row(label, diagnosis.faults[i]);
      label = "";
    }
    if (diagnosis.faults.size() > kItemsShown) {
      item(cat("and ", diagnosis.faults.size() - kItemsShown, " more"));
    }
    if (!diagnosis.tried.empty()) row("tried", diagnosis.tried);
  }

  void accuracy() {
    if (!result_.forward || !result_.forward->new_accuracy) return;
    row("accuracy", cat("before ", ckpt::describe(*result_.forward->old_accuracy), ", after ",
                        ckpt::describe(*result_.forward->new_accuracy)));
  }

  void proof() {
    std::vector<std::string> parts;
    if (!result_.variables.empty()) {
      parts.push_back(cat(with_commas(result_.proven_by_bytes), " by bytes"));
    }
    if (result_.forward) {
      const bool untested = !result_.forward->influence_tested &&
                            std::ranges::none_of(result_.forward->outputs, [](const auto& check) {
                              return check.agreement == Agreement::kDiffers;
                            });
      parts.push_back(untested ? std::string("by outputs not tested one by one (--influence)")
                               : cat(with_commas(result_.proven_by_outputs), " by outputs"));
    }
    const auto& neither = result_.proven_by_neither;
    parts.push_back(cat(with_commas(neither.size()), " by neither"));
    row("proven", join(parts, ", "));
    for (std::size_t i = 0; i < neither.size() && i < kItemsShown; ++i) {
      item(cat("neither  ", escape(neither[i])));
    }
    if (neither.size() > kItemsShown) item(cat("and ", neither.size() - kItemsShown, " more"));
    if (!result_.forward) return;
    const auto& unseen = result_.forward->unseen;
    for (std::size_t i = 0; i < unseen.size() && i < kItemsShown; ++i) {
      item(cat("not proven by the forward pass: no output follows ", escape(unseen[i])));
    }
    if (unseen.size() > kItemsShown) item(cat("and ", unseen.size() - kItemsShown, " more"));
  }

  const VerifyReport& report_;
  const Verification& result_;
  const TextStyle& style_;
  const Output& out_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSame:
      return "same";
    case Verdict::kDifferent:
      return "different";
    case Verdict::kNotComparable:
      return "not-comparable";
  }
  return "";
}

std::string describe_fast(const std::vector<std::string>& references) {
  if (references.empty()) return "fast";
  return cat("fast; without a fast kernel, by the reference: ", escape(join(references, ", ")));
}

std::vector<std::string> describe(const EngineComparison& comparison) {
  return {"the reference; beside it " + describe_fast(comparison.references),
          describe(comparison.worst), cat("allowed: ", allowed(comparison.tolerance))};
}

void print_verification(const VerifyReport& report, const TextStyle& style, const Output& out) {
  if (report.result != nullptr) Printer(report, style, out).print();
  if (!report.recorded.empty()) {
    out(cat(escape(report.recorded), ": the record of ", escape(report.found), " is written\n"));
  }
}

}  // namespace ckpt
