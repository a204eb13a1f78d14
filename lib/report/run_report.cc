#include "report/run_report.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/escape.h"
#include "core/numbers.h"
#include "core/text.h"
#include "report/units.h"
#include "report/verify_report.h"

namespace ckpt {
namespace {

struct Cells {
  std::string name;
  std::string type;
  std::string range;
};

Cells cells_of(const RunReport::Row& row) {
  const std::string nan = row.nan == 0 ? "" : cat(", ", with_commas(row.nan), " NaN");
  return {escape(row.name), cat(name_of(row.dtype), " ", to_string(row.shape)),
          cat("from ", human_number(row.min), " to ", human_number(row.max), nan)};
}

void write_rows(const std::vector<RunReport::Row>& rows, JsonStream& json) {
  json.begin_array(JsonStream::Form::kLines);
  for (const RunReport::Row& row : rows) {
    json.begin_object().key("name").value(row.name).key("dtype").value(name_of(row.dtype));
    json.key("shape").begin_array();
    for (const std::int64_t extent : row.shape) json.value(extent);
    json.end_array().key("min").value(row.min).key("max").value(row.max);
    json.key("nan").value(row.nan).end_object();
  }
  json.end_array();
}

}  // namespace

RunReport::Row::Row(std::string row_name, const Tensor& tensor)
    : name(std::move(row_name)), dtype(tensor.dtype), shape(tensor.shape) {
  std::vector<double> values(static_cast<std::size_t>(num_elements(shape).value_or(0)));
  decode(dtype, tensor.bytes, values);
  const auto end =
      std::partition(values.begin(), values.end(), [](double x) { return !std::isnan(x); });
  nan = static_cast<std::uint64_t>(values.end() - end);
  if (end == values.begin()) return;
  const auto [least, most] = std::minmax_element(values.begin(), end);
  min = *least;
  max = *most;
}

std::string describe(const Accuracy& accuracy) {
  const double percent = accuracy.all == 0 ? 0
                                           : 100 * static_cast<double>(accuracy.right) /
                                                 static_cast<double>(accuracy.all);
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), percent, std::chars_format::fixed, 2)
          .ptr;
  return cat(std::string_view(text.data(), static_cast<std::size_t>(end - text.data())), " % (",
             accuracy.right, " of ", accuracy.all, ")");
}

void print_run(const RunReport& report, const Output& out) {
  out(cat(escape(report.input), ": ", report.graph, "\n"));
  std::vector<Cells> rows;
  for (const auto* list : {&report.inputs, &report.outputs}) {
    for (const RunReport::Row& row : *list) rows.push_back(cells_of(row));
  }
  std::size_t name = 0;
  std::size_t type = 0;
  for (const Cells& row : rows) {
    name = std::max(name, display_width(row.name));
    type = std::max(type, row.type.size());
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out(cat(i < report.inputs.size() ? "in   " : "out  ", pad_right(rows[i].name, name), "  ",
            pad_right(rows[i].type, type), "  ", rows[i].range, "\n"));
  }
  if (report.engine == Engine::kFast) out(cat("by   ", describe_fast(report.references), "\n"));
  if (report.engines) {
    for (const std::string& line : describe(*report.engines)) out(cat("by   ", line, "\n"));
  }
  if (report.accuracy) out(cat("accuracy ", describe(*report.accuracy), "\n"));
  if (report.written.empty()) return;
  out(cat(escape(report.written), ": ", count_of(report.outputs.size(), "output"),
          report.layers == 0 ? "" : cat(" and ", count_of(report.layers, "layer tensor")),
          " written\n"));
}

void write_run(const RunReport& report, std::string_view tool, JsonStream& json) {
  json.begin_object(JsonStream::Form::kLines).key("schema").value("ckpt/run/1");
  json.key("tool").value(tool).key("input").value(report.input).key("graph").value(report.graph);
  json.key("inputs");
  write_rows(report.inputs, json);
  json.key("outputs");
  write_rows(report.outputs, json);
  json.key("engine").value(name_of(report.engine)).key("by_reference").begin_array();
  for (const std::string& each : report.references) json.value(each);
  json.end_array().key("engines_agree");
  if (report.engines) {
    json.value(report.engines->agree).key("engines_max_rel");
    json.value(report.engines->worst.difference.max_rel());
  } else {
    json.null();
  }
  json.key("layers").value(report.layers).key("accuracy");
  if (report.accuracy) {
    json.begin_object().key("right").value(report.accuracy->right);
    json.key("all").value(report.accuracy->all).end_object();
  } else {
    json.null();
  }
  json.key("written");
  if (report.written.empty()) {
    json.null();
  } else {
    json.value(report.written);
  }
  json.end_object();
}

}  // namespace ckpt
