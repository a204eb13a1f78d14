#include "report/conversion_report.h"

#include "core/escape.h"
#include "core/tensor.h"
#include "core/text.h"
#include "report/units.h"

namespace ckpt {
namespace {

std::uint64_t bytes_of(const Conversion& conversion) {
  std::uint64_t bytes = 0;
  for (const auto& variable : conversion.variables) {
    bytes += tensor_bytes(variable.target.dtype, variable.target.shape);
  }
  return bytes;
}

}  // namespace

void print_conversion(const Conversion& conversion, const ConversionReport& report,
                      const Output& out) {
  if (report.dry_run) {
    for (const auto& variable : conversion.variables) {
      std::string ops;
      if (variable.transform != kNoIndex) {
        const auto& transform = conversion.transforms[static_cast<std::size_t>(variable.transform)];
        for (const Op& op : transform.ops) ops += cat(" | ", to_string(op));
      }
      out(cat(escape(variable.from), " -> ", escape(variable.target.name), "   ",
              name_of(variable.target.dtype), " ", to_string(variable.target.shape), ops, "\n"));
    }
  }
  out(cat(report.dry_run ? "plan: " : "done: ", count_of(conversion.variables.size(), "variable"),
          ", ", human_bytes(bytes_of(conversion)), "; ", escape(report.output), ": ", report.format,
          "\n"));
}

void write_conversion(const Conversion& conversion, const ConversionReport& report,
                      std::string_view tool, JsonStream& json) {
  using Form = JsonStream::Form;
  json.begin_object(Form::kLines);
  json.key("schema").value("ckpt/convert/1");
  json.key("tool").value(tool);
  json.key("input").value(report.input);
  json.key("output").value(report.output);
  json.key("format").value(report.format);
  json.key("dry_run").value(report.dry_run);
  json.key("variables").begin_array(Form::kLines);
  for (const auto& variable : conversion.variables) {
    json.begin_object();
    json.key("from").value(variable.from).key("to").value(variable.target.name);
    json.key("dtype").value(name_of(variable.target.dtype));
    json.key("shape").begin_array();
    for (const std::int64_t extent : variable.target.shape) json.value(extent);
    json.end_array();
    if (variable.transform != kNoIndex) {
      const auto& transform = conversion.transforms[static_cast<std::size_t>(variable.transform)];
      json.key("ops").begin_array();
      for (const Op& op : transform.ops) json.value(to_string(op));
      json.end_array();
    }
    json.end_object();
  }
  json.end_array();
  json.key("notes").begin_array(Form::kLines);
  for (const std::string& note : conversion.notes) json.value(note);
  json.end_array();
  json.key("problems").begin_array(Form::kLines);
  for (const std::string& problem : conversion.problems) json.value(problem);
  json.end_array();
  json.end_object();
}

}  // namespace ckpt
