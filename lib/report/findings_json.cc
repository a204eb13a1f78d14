#include <array>

#include "core/escape.h"
#include "core/text.h"
#include "dups/fix_rules.h"
#include "report/findings_report.h"

namespace ckpt {
namespace {

std::string_view name_of(Fix fix) {
  switch (fix) {
    case Fix::kNone:
      return "none";
    case Fix::kOnRequest:
      return "on-request";
    case Fix::kOffered:
      return "offered";
  }
  return "";
}

void write_member(const FindingsReport& report, const Member& member, JsonStream& json) {
  json.begin_object();
  json.key("input").value(member.input);
  json.key("name").value(member.name);
  if (!is_utf8(member.name)) json.key("name_hex").value(to_hex(member.name));
  json.key("path").begin_array();
  const std::string_view separator(&report.inputs[member.input].index->separator, 1);
  std::string_view name = member.name;
  if (name.ends_with(separator)) name.remove_suffix(1);
  if (!name.empty()) {
    for (const auto segment : split(name, separator)) json.value(segment);
  }
  json.end_array();
  json.end_object();
}

void write_texts(std::string_view key, const std::vector<std::string>& texts, JsonStream& json) {
  json.key(key).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

void write_finding(const FindingsReport& report, const Finding& finding, JsonStream& json) {
  json.begin_object(JsonStream::Form::kLines);
  json.key("code").value(ckpt::name_of(finding.code));
  json.key("confidence").value(ckpt::name_of(finding.confidence));
  json.key("members").begin_array();
  for (const Member& member : finding.members) write_member(report, member, json);
  json.end_array();
  // The members to keep; null where that is not decided.
  if (finding.keep.empty()) {
    json.key("keep").null();
  } else {
    json.key("keep").begin_array();
    for (const std::size_t i : finding.keep) json.value(finding.members[i].name);
    json.end_array();
  }
  json.key("why").value(finding.why);
  write_texts("evidence", finding.evidence, json);
  json.key("fix").value(name_of(finding.fix));
  write_texts("rules", finding.rules, json);
  json.key("nbytes").value(finding.nbytes);
  json.end_object();
}

}  // namespace

void write_findings(const FindingsReport& report, std::string_view tool, JsonStream& json) {
  json.begin_object(JsonStream::Form::kLines);
  json.key("schema").value("ckpt/dups/1");
  json.key("tool").value(tool);
  json.key("inputs").begin_array(JsonStream::Form::kLines);
  for (const auto& input : report.inputs) {
    json.begin_object();
    json.key("path").value(input.path);
    json.key("format").value(input.index->format);
    json.key("layout").value(input.index->layout);
    json.key("bytes").value(input.index->file_bytes);
    json.end_object();
  }
  json.end_array();
  json.key("findings").begin_array(JsonStream::Form::kLines);
  std::array<std::uint64_t, kConfidenceCount> counts{};
  for (const Finding& finding : report.found->findings) {
    ++counts[static_cast<std::size_t>(finding.confidence)];
    if (finding.confidence >= report.least) write_finding(report, finding, json);
  }
  json.end_array();
  json.key("totals").begin_object();
  json.key("variables").value(report.found->variables);
  json.key("compared").value(report.found->compared);
  json.key("unread").value(report.found->unread);
  for (int i = kConfidenceCount; i-- > 0;) {
    json.key(ckpt::name_of(static_cast<Confidence>(i))).value(counts[static_cast<std::size_t>(i)]);
  }
  json.end_object();
  write_texts("notes", report.found->notes, json);
  json.end_object();
}

void write_fix_map(const FindingsReport& report, bool all, JsonStream& json) {
  json.begin_object(JsonStream::Form::kLines);
  json.key("schema").value("ckpt/map/1");
  json.key("rules").begin_array(JsonStream::Form::kLines);
  for (const std::string& rule : fix_rules(report.found->findings, all, report.least)) {
    json.value(rule);
  }
  json.end_array();
  json.end_object();
}

}  // namespace ckpt
