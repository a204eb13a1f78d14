#include <string_view>

#include "report/verify_report.h"

namespace ckpt {
namespace {

using Form = JsonStream::Form;

void write_text(std::string_view text, JsonStream& json) {
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

void write_names(const std::vector<std::string>& names, JsonStream& json) {
  json.begin_array();
  for (const std::string& name : names) json.value(name);
  json.end_array();
}

std::string_view name_of(Standing standing) {
  switch (standing) {
    case Standing::kSame:
      return "same";
    case Standing::kValues:
      return "values";
    case Standing::kSpec:
      return "spec";
    case Standing::kLost:
      return "missing";
    case Standing::kAdded:
      return "added";
    case Standing::kUnread:
      return "unread";
  }
  return "";
}

std::string_view name_of(Agreement agreement) {
  switch (agreement) {
    case Agreement::kIdentical:
      return "identical";
    case Agreement::kWithin:
      return "within";
    case Agreement::kDiffers:
      return "differs";
  }
  return "";
}

void write_output(const OutputCheck& check, JsonStream& json) {
  json.begin_object().key("name").value(check.name).key("shape").begin_array();
  for (const std::int64_t extent : check.shape) json.value(extent);
  json.end_array().key("max_abs").value(check.difference.max_abs);
  json.key("max_rel").value(check.difference.max_rel()).key("bound").value(check.allowed);
  json.key("agreement").value(name_of(check.agreement)).key("message");
  write_text(check.what, json);
  json.end_object();
}

// Variables that are not as they should be; the others are counted.
void write_variables(const Verification& result, JsonStream& json) {
  json.begin_array(Form::kLines);
  for (const VariableCheck& check : result.variables) {
    if (check.standing == Standing::kSame) continue;
    json.begin_object().key("name").value(check.name).key("origin");
    write_names(check.origin, json);
    json.key("standing").value(name_of(check.standing)).key("message");
    write_text(check.what, json);
    if (check.standing == Standing::kValues) {
      json.key("elements").value(check.difference.elements);
      json.key("differing").value(check.difference.differing);
      json.key("max_abs").value(check.difference.max_abs);
      json.key("max_rel").value(check.difference.max_rel());
    }
    json.end_object();
  }
  json.end_array();
}

void write_accuracy(const std::optional<Accuracy>& accuracy, JsonStream& json) {
  if (!accuracy) {
    json.null();
    return;
  }
  json.begin_object().key("right").value(accuracy->right).key("all").value(accuracy->all);
  json.end_object();
}

void write_forward(const Verification& result, JsonStream& json) {
  json.key("forward");
  if (!result.forward) {
    json.begin_object().key("run").value(false).key("why").value(result.no_forward).end_object();
    return;
  }
  const ForwardCheck& forward = *result.forward;
  json.begin_object(Form::kLines).key("run").value(true).key("old_graph");
  write_text(forward.old_graph, json);
  json.key("new_graph").value(forward.new_graph).key("inputs").value(forward.inputs);
  json.key("engine").value(name_of(forward.engine)).key("by_reference");
  write_names(forward.references, json);
  json.key("engines");
  if (forward.engines) {
    json.begin_object().key("agree").value(forward.engines->agree).key("worst");
    write_output(forward.engines->worst, json);
    json.key("bound").value(forward.engines->tolerance.words).end_object();
  } else {
    json.null();
  }
  json.key("tolerance").begin_object().key("relative").value(forward.tolerance.relative);
  json.key("absolute").value(forward.tolerance.absolute);
  json.key("words").value(forward.tolerance.words).end_object();
  json.key("unmatched");
  write_names(forward.unmatched, json);
  json.key("influence_tested").value(forward.influence_tested).key("unseen");
  write_names(forward.unseen, json);
  json.key("accuracy").begin_object().key("old");
  write_accuracy(forward.old_accuracy, json);
  json.key("new");
  write_accuracy(forward.new_accuracy, json);
  json.end_object().end_object();
}

void write_result(const Verification& result, JsonStream& json) {
  json.key("verdict").value(name_of(result.verdict)).key("reasons");
  write_names(result.reasons, json);
  json.key("variables");
  write_variables(result, json);
  json.key("outputs").begin_array(Form::kLines);
  if (result.forward) {
    for (const OutputCheck& check : result.forward->outputs) write_output(check, json);
  }
  json.end_array();
  write_forward(result, json);
  json.key("proven").begin_object().key("bytes").value(result.proven_by_bytes);
  json.key("outputs").value(result.proven_by_outputs).key("neither");
  write_names(result.proven_by_neither, json);
  json.end_object().key("first_difference");
  if (result.forward && result.forward->first_difference) {
    write_output(*result.forward->first_difference, json);
  } else {
    json.null();
  }
  json.key("diagnosis");
  if (result.diagnosis) {
    json.begin_object().key("faults");
    write_names(result.diagnosis->faults, json);
    json.key("variables");
    write_names(result.diagnosis->names, json);
    json.key("tried");
    write_text(result.diagnosis->tried, json);
    json.key("confirmed").value(result.diagnosis->is_confirmed).end_object();
  } else {
    json.null();
  }
}

}  // namespace

void write_verification(const VerifyReport& report, std::string_view tool, JsonStream& json) {
  json.begin_object(Form::kLines).key("schema").value("ckpt/verify/1").key("tool").value(tool);
  json.key("new").value(report.found).key("old");
  write_text(report.old, json);
  json.key("golden");
  write_text(report.golden, json);
  json.key("recorded");
  write_text(report.recorded, json);
  json.key("names");
  write_text(report.names, json);
  if (report.result != nullptr) write_result(*report.result, json);
  json.end_object();
}

}  // namespace ckpt
