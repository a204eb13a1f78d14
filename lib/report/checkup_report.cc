#include "report/checkup_report.h"

#include "core/escape.h"
#include "core/text.h"
#include "report/units.h"

namespace ckpt {
namespace {

constexpr std::size_t kLossesShown = 20;  // losses; JSON has all
constexpr std::size_t kLabelWidth = 9;

std::uint64_t whole_bytes(const Checkup& checkup, const Index& index) {
  std::uint64_t bytes = 0;
  for (const std::size_t i : checkup.whole) bytes += index.entries[i].nbytes;
  return bytes;
}

std::string name_of(const Loss& loss) { return loss.name.empty() ? "/" : escape(loss.name); }

}  // namespace

bool is_healthy(const CheckupReport& report) {
  return report.damage.empty() && report.checkup.lost.empty();
}

void print_checkup(const CheckupReport& report, const Index& index, const TextStyle& style,
                   const Output& out) {
  const auto row = [&](std::string_view label, std::string_view text) {
    out(cat(pad_right(label, kLabelWidth), text, "\n"));
  };
  const Checkup& checkup = report.checkup;
  const std::string path = escape(report.path);
  const bool healthy = is_healthy(report);
  out(cat(style.color ? "\x1b[1m" : "", path, ": ", healthy ? "healthy" : "DAMAGED",
          style.color ? "\x1b[0m" : "", "\n"));
  if (!report.damage.empty()) row("because", report.damage);
  row("kind", cat(index.format, ", ", index.layout, ", ", human_bytes(index.file_bytes)));
  row("whole", cat(count_of(checkup.whole.size(), "variable"), ", ",
                   human_bytes(whole_bytes(checkup, index))));
  if (checkup.others > 0) row("others", cat(with_commas(checkup.others), ", which are no tensors"));
  for (std::size_t i = 0; i < std::min(kLossesShown, checkup.lost.size()); ++i) {
    row("lost", cat(name_of(checkup.lost[i]), ": ", checkup.lost[i].reason));
  }
  if (checkup.lost.size() > kLossesShown) {
    row("lost",
        cat("… and ", with_commas(checkup.lost.size() - kLossesShown), " more; --json has all"));
  }
  for (const std::string& note : index.notes) {
    if (note != report.damage) row("note", note);
  }
  for (const std::string& note : report.upkeep.notes) row("note", note);
  if (const std::uint64_t spare = report.upkeep.spare_bytes; spare > 0) {
    row("spare",
        cat(human_bytes(spare), " (", spare * 100 / index.file_bytes,
            " %) that nothing uses; written anew, as by h5repack or `ckpt remap --repack`, "
            "the file is shorter"));
  }
  if (!report.salvaged.empty()) {
    row("written",
        cat(escape(report.salvaged), ": the ", count_of(checkup.whole.size(), "whole variable")));
  } else if (!healthy && !checkup.whole.empty()) {
    row("next", cat("`ckpt doctor ", path, " --salvage OUT` writes what is whole to a new file"));
  }
}

void write_checkup(const CheckupReport& report, const Index& index, std::string_view tool,
                   JsonStream& json) {
  json.begin_object(JsonStream::Form::kLines);
  json.key("schema").value("ckpt/doctor/1");
  json.key("tool").value(tool);
  json.key("input").begin_object();
  json.key("path").value(report.path);
  json.key("format").value(index.format);
  json.key("layout").value(index.layout);
  json.key("bytes").value(index.file_bytes);
  json.end_object();
  json.key("verdict").value(is_healthy(report) ? "healthy" : "damaged");
  json.key("damage").value(report.damage);
  json.key("whole").begin_array(JsonStream::Form::kLines);
  for (const std::size_t i : report.checkup.whole) json.value(index.entries[i].name);
  json.end_array();
  json.key("lost").begin_array(JsonStream::Form::kLines);
  for (const Loss& loss : report.checkup.lost) {
    json.begin_object();
    json.key("name").value(loss.name);
    json.key("reason").value(loss.reason);
    json.end_object();
  }
  json.end_array();
  json.key("notes").begin_array();
  for (const std::string& note : index.notes) json.value(note);
  for (const std::string& note : report.upkeep.notes) json.value(note);
  json.end_array();
  json.key("spare_bytes").value(report.upkeep.spare_bytes);
  json.key("salvaged").value(report.salvaged);
  json.end_object();
}

}  // namespace ckpt
