#include "report/diff_report.h"

#include <algorithm>

#include "core/escape.h"
#include "core/text.h"
#include "report/units.h"

namespace ckpt {
namespace {

constexpr std::size_t kLinesShown = 20;  // of one kind

// Prints each line behind the label, which stands before the first alone.
void print_lines(std::string_view label, const std::vector<std::string>& lines, bool all,
                 const Output& out) {
  const std::size_t count = all ? lines.size() : std::min(kLinesShown, lines.size());
  for (std::size_t i = 0; i < count; ++i) {
    out(cat(pad_right(i == 0 ? label : std::string_view(), 11), lines[i], "\n"));
  }
  if (count < lines.size()) {
    out(cat(pad_right("", 11), "… and ", lines.size() - count, " more (--all)\n"));
  }
}

std::string words_of(const CheckpointDiff::Changed& changed) {
  const VariableCheck& check = changed.check;
  if (check.standing == Standing::kSpec) return cat(escape(check.name), "   ", check.what);
  const TensorDifference& difference = check.difference;
  std::string words = cat(escape(check.name), "   ", with_commas(difference.differing), " of ",
                          with_commas(difference.elements), " differ, by at most ",
                          human_number(difference.max_abs), " (",
                          human_number(difference.max_rel()), " of the largest)");
  if (changed.closeness.ulps) words += cat(", ", with_commas(*changed.closeness.ulps), " ulps");
  if (changed.closeness.cosine) words += cat(", cosine ", human_number(*changed.closeness.cosine));
  return words;
}

template <typename T>
void value_or_null(const std::optional<T>& value, JsonStream& json) {
  if (value) {
    json.value(*value);
  } else {
    json.null();
  }
}

}  // namespace

void print_diff(const DiffReport& report, const Output& out) {
  const CheckpointDiff& diff = *report.diff;
  out(cat(escape(report.a), " and ", escape(report.b), ": ",
          diff.is_same() ? "the same, " : "different; ", count_of(diff.same, "variable"),
          diff.is_same()   ? ""
          : diff.same == 1 ? " is the same"
                           : " are the same",
          "\n"));
  const auto lines = [](const auto& list, auto&& text) {
    std::vector<std::string> texts;
    for (const auto& item : list) texts.push_back(text(item));
    return texts;
  };
  const auto name = [](const std::string& text) { return escape(text); };
  print_lines("renamed",
              lines(diff.renamed,
                    [](const CheckpointDiff::Renamed& renamed) {
                      return cat(escape(renamed.a), " -> ", escape(renamed.b),
                                 renamed.how.empty() ? "" : cat("   ", renamed.how));
                    }),
              report.all, out);
  print_lines("changed", lines(diff.changed, words_of), report.all, out);
  print_lines("only in A", lines(diff.only_a, name), report.all, out);
  print_lines("only in B", lines(diff.only_b, name), report.all, out);
  print_lines("not read", diff.unread, report.all, out);
}

void write_diff(const DiffReport& report, std::string_view tool, JsonStream& json) {
  using Form = JsonStream::Form;
  const CheckpointDiff& diff = *report.diff;
  const auto names = [&](std::string_view key, const std::vector<std::string>& list) {
    json.key(key).begin_array(Form::kLines);
    for (const std::string& name : list) json.value(name);
    json.end_array();
  };
  json.begin_object(Form::kLines);
  json.key("schema").value("ckpt/diff/1").key("tool").value(tool);
  json.key("a").value(report.a).key("b").value(report.b);
  json.key("same").value(diff.is_same()).key("same_variables").value(diff.same);
  json.key("renamed").begin_array(Form::kLines);
  for (const auto& renamed : diff.renamed) {
    json.begin_object().key("a").value(renamed.a).key("b").value(renamed.b);
    json.key("how").value(renamed.how.empty() ? "equal" : renamed.how).end_object();
  }
  json.end_array();
  json.key("changed").begin_array(Form::kLines);
  for (const auto& [check, closeness] : diff.changed) {
    json.begin_object().key("name").value(check.name);
    if (check.standing == Standing::kSpec) {
      json.key("what").value(check.what);
    } else {
      json.key("max_abs").value(check.difference.max_abs);
      json.key("max_rel").value(check.difference.max_rel());
      json.key("ulps");
      value_or_null(closeness.ulps, json);
      json.key("cosine");
      value_or_null(closeness.cosine, json);
      json.key("differing").value(check.difference.differing);
      json.key("elements").value(check.difference.elements);
    }
    json.end_object();
  }
  json.end_array();
  names("only_a", diff.only_a);
  names("only_b", diff.only_b);
  names("unread", diff.unread);
  json.end_object();
}

}  // namespace ckpt
