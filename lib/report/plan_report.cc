#include "report/plan_report.h"

#include <algorithm>
#include <map>

#include "core/escape.h"
#include "core/shell_word.h"
#include "core/text.h"
#include "report/colors.h"
#include "report/units.h"

namespace ckpt {
namespace {

// What two names have before the segments they end in alike: "model/dense/kernel" and
// "net/dense/kernel" are told apart by "model/" and "net/". Names without such segments, whole.
struct Difference {
  std::string from;
  std::string to;
  bool is_scope = false;
  auto operator<=>(const Difference&) const = default;
};

Difference difference(std::string_view from, std::string_view to, char separator) {
  bool is_scope = false;
  while (true) {
    const auto a = from.rfind(separator);
    const auto b = to.rfind(separator);
    const auto last_a = from.substr(a == from.npos ? 0 : a + 1);
    const auto last_b = to.substr(b == to.npos ? 0 : b + 1);
    if (last_a != last_b || (a == from.npos && b == to.npos)) break;
    is_scope = true;
    from = a == from.npos ? std::string_view{} : from.substr(0, a);
    to = b == to.npos ? std::string_view{} : to.substr(0, b);
    if (from.empty() || to.empty()) break;
  }
  const auto shown = [&](std::string_view scope) {
    return is_scope ? cat(scope, separator) : std::string(scope);
  };
  return {shown(from), shown(to), is_scope};
}

// A line of the plan and the names it stands for.
struct PlanLine {
  Difference difference;
  std::size_t count = 0;
  std::int32_t rule = kNoIndex;
};

std::string rule_text(const Rules& rules, std::int32_t rule) {
  return rule == kNoIndex ? "" : describe(rules, static_cast<std::size_t>(rule));
}

class PlanPrinter {
 public:
  PlanPrinter(const Plan& plan, const Rules& rules, const TextStyle& style, const Output& out)
      : plan_(plan), rules_(rules), style_(style), out_(out) {}

  void print_moves(Why why, std::string_view title) {
    std::map<Difference, PlanLine> lines;
    for (const Move& move : plan_.moves) {
      if (move.why != why || is_drop(move) || is_unchanged(move) || move.transform != kNoIndex)
        continue;
      PlanLine& line =
          lines.try_emplace(difference(move.from, move.to, rules_.separator)).first->second;
      ++line.count;
      line.rule = move.rule;
    }
    if (lines.empty()) return;
    if (!title.empty()) out_(cat(title, "\n"));
    for (const bool scopes : {true, false}) {
      for (const auto& [difference, line] : lines) {
        if (difference.is_scope != scopes) continue;
        out_(paint(cat("- ", escape(difference.from)), kRed, style_) + "\n");
        std::string added = paint(cat("+ ", escape(difference.to)), kGreen, style_);
        if (scopes) added += cat("   ", count_of(line.count, "variable"));
        if (line.rule != kNoIndex) added += cat("   ", escape(rule_text(rules_, line.rule)));
        out_(added + "\n");
      }
    }
  }

  void print_transforms() {
    for (const Transform& transform : plan_.transforms) {
      for (std::size_t i = 0; i < transform.from.size(); ++i) {
        out_(paint(cat("- ", escape(transform.from[i]), "  ", spec_text(transform.before[i])), kRed,
                   style_) +
             "\n");
      }
      std::vector<std::string> ops;
      for (const Op& op : transform.ops) ops.push_back(to_string(op));
      for (const auto& [name, spec] : transform.to) {
        out_(paint(cat("+ ", escape(name), "  ", spec_text(spec)), kGreen, style_) +
             cat("   ", join(ops, " | "), "\n"));
      }
    }
  }

  void print_drops() {
    std::map<std::int32_t, std::vector<std::string>> dropped;
    for (const Move& move : plan_.moves) {
      if (is_drop(move) && move.transform == kNoIndex) dropped[move.rule].emplace_back(move.from);
    }
    for (const auto& [rule, names] : dropped) {
      out_(cat("dropped: ", list_names(names, 3), " (", count_of(names.size(), "variable"), ")"));
      if (rule != kNoIndex) out_(cat("   ", escape(rule_text(rules_, rule))));
      out_("\n");
    }
  }

 private:
  static std::string spec_text(const TensorSpec& spec) {
    return cat(name_of(spec.dtype), " ", to_string(spec.shape));
  }

  const Plan& plan_;
  const Rules& rules_;
  const TextStyle& style_;
  const Output& out_;
};

struct Counts {
  std::size_t renamed = 0, made = 0, dropped = 0, kept = 0;
};

Counts counts_of(const Plan& plan) {
  Counts counts;
  for (const Move& move : plan.moves) {
    if (move.is_alias) continue;
    if (move.transform != kNoIndex) continue;
    if (is_drop(move)) {
      ++counts.dropped;
    } else if (is_unchanged(move)) {
      ++counts.kept;
    } else {
      ++counts.renamed;
    }
  }
  for (const Transform& transform : plan.transforms) counts.made += transform.to.size();
  return counts;
}

void print_explanations(const Plan& plan, const Rules& rules, const Output& out) {
  for (const Move& move : plan.moves) {
    const std::string_view why = move.why == Why::kCompanion ? "follows its variable, "
                                 : move.why == Why::kRest    ? "no rule"
                                                             : "";
    out(cat(escape(move.from), " -> ", is_drop(move) ? "dropped" : escape(move.to), "   ", why,
            escape(rule_text(rules, move.rule)), "\n"));
  }
  for (const Shadow& shadow : plan.shadows) {
    out(cat("shadowed: ", escape(describe(rules, shadow.rule)), " also matches ",
            count_of(shadow.count, "name"), " that ", escape(describe(rules, shadow.by)),
            " claimed, such as ", escape(shadow.example), "\n"));
  }
}

}  // namespace

void print_remap(const Plan& plan, const Rules& rules, const RemapReport& report,
                 const TextStyle& style, const Output& out) {
  if (plan.already_migrated) {
    out("already migrated: no rule matches, and every target is there; nothing to do\n");
    return;
  }
  PlanPrinter printer(plan, rules, style, out);
  if (report.explain) print_explanations(plan, rules, out);
  if (plan.problems.empty() && !report.explain) {
    printer.print_moves(Why::kRule, "");
    printer.print_transforms();
    printer.print_moves(Why::kCompanion, "slots and averages that follow:");
    printer.print_drops();
  }
  const Counts counts = counts_of(plan);
  std::string sums = cat(with_commas(counts.renamed), " renamed, ");
  if (counts.made > 0) sums += cat(with_commas(counts.made), " made, ");
  if (counts.dropped > 0) sums += cat(with_commas(counts.dropped), " dropped, ");
  sums += cat(with_commas(counts.kept), " kept");
  const EditResult& result = report.result;
  if (!plan.problems.empty()) {
    out(cat(count_of(plan.problems.size(), "problem"), "; nothing was written\n"));
  } else if (!report.expectation.empty()) {
    out(cat("plan: ", sums, "; not what is expected: ",
            count_of(report.expectation.size(), "difference"), "; nothing was written\n"));
  } else if (report.dry_run) {
    out(paint(cat("plan: ", sums), kBold, style) +
        cat("; ", count_of(result.operations.size(), "operation"), " on the file\n"));
  } else if (result.how == EditResult::How::kNothing) {
    out(cat(sums, "; nothing to do\n"));
  } else {
    const std::string where =
        report.output.empty() ? cat(escape(report.input), ", in place") : escape(report.output);
    out(paint(cat("done: ", sums), kBold, style) +
        cat("; ", where, ": ", human_bytes(result.size_after), ", ",
            human_bytes(result.patched_bytes + result.tensor_bytes), " of it changed\n"));
    if (!report.receipt.empty()) {
      const std::string way_back =
          result.can_undo && report.output.empty()
              ? cat(" (`ckpt undo ", shell_word(report.input), "` takes it back)")
              : "";
      out(cat("receipt: ", escape(report.receipt), way_back, "\n"));
    }
  }
}

void write_remap(const Plan& plan, const Rules& rules, const RemapReport& report,
                 std::string_view tool, JsonStream& json) {
  using Form = JsonStream::Form;
  json.begin_object(Form::kLines);
  json.key("schema").value("ckpt/remap/1");
  json.key("tool").value(tool);
  json.key("input").value(report.input);
  if (report.output.empty()) {
    json.key("output").value(report.input);
  } else {
    json.key("output").value(report.output);
  }
  json.key("dry_run").value(report.dry_run);
  json.key("already_migrated").value(plan.already_migrated);
  json.key("moves").begin_array(Form::kLines);
  for (const Move& move : plan.moves) {
    if (is_unchanged(move) && !report.explain) continue;
    json.begin_object();
    json.key("from").value(move.from);
    json.key("to");
    if (is_drop(move)) {
      json.null();
    } else {
      json.value(move.to);
    }
    json.key("rule");
    if (move.rule == kNoIndex) {
      json.null();
    } else {
      json.value(move.rule);
      json.key("rule_text")
          .value(print(rules.rules[static_cast<std::size_t>(move.rule)], rules.separator));
    }
    if (move.why == Why::kCompanion) json.key("companion").value(true);
    if (move.transform != kNoIndex) json.key("transform").value(move.transform);
    json.end_object();
  }
  json.end_array();
  json.key("transforms").begin_array(Form::kLines);
  for (const Transform& transform : plan.transforms) {
    json.begin_object();
    json.key("from").begin_array();
    for (const std::string& name : transform.from) json.value(name);
    json.end_array();
    json.key("to").begin_array();
    for (const auto& [name, spec] : transform.to) {
      json.begin_object();
      json.key("name").value(name).key("dtype").value(name_of(spec.dtype));
      json.key("shape").begin_array();
      for (const std::int64_t extent : spec.shape) json.value(extent);
      json.end_array().end_object();
    }
    json.end_array();
    json.key("ops").begin_array();
    for (const Op& op : transform.ops) json.value(to_string(op));
    json.end_array().end_object();
  }
  json.end_array();
  json.key("problems").begin_array(Form::kLines);
  for (const Problem& problem : plan.problems) {
    json.begin_object();
    json.key("code").value(name_of(problem.code)).key("message").value(problem.message);
    json.key("names").begin_array();
    for (const std::string& name : problem.names) json.value(name);
    json.end_array().end_object();
  }
  json.end_array();
  json.key("expectation").begin_array(Form::kLines);
  for (const ExpectationFault& fault : report.expectation) {
    json.begin_object();
    json.key("name").value(fault.name).key("message").value(fault.message).end_object();
  }
  json.end_array();
  json.key("operations").begin_array(Form::kLines);
  for (const EditOperation& operation : report.result.operations) {
    json.begin_object();
    json.key("operation").value(name_of(operation.kind)).key("place").value(operation.place);
    if (!operation.to.empty()) json.key("to").value(operation.to);
    json.end_object();
  }
  json.end_array();
  json.key("receipt");
  if (report.receipt.empty()) {
    json.null();
  } else {
    json.value(report.receipt);
  }
  json.end_object();
}

}  // namespace ckpt
