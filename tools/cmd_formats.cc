#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.h"
#include "core/text.h"
#include "formats/formats.h"
#include "report/json_stream.h"

namespace ckpt {
namespace {

// Each text in a column as wide as its widest.
void print_rows(const std::vector<std::vector<std::string>>& rows, Console& console) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += row[c];
      if (c + 1 < row.size()) line.append(widths[c] - row[c].size() + 2, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);
    console.write(line + "\n");
  }
}

void print_table(Console& console) {
  std::vector<std::vector<std::string>> rows{
      {"--to", "files", "called", "read", "write", "remap", "undo"}};
  const auto mark = [](bool can) { return std::string(can ? "yes" : "-"); };
  for (const Format* format : formats()) {
    rows.push_back({std::string(format->id), std::string(format->name),
                    std::string(format->suffixes), mark(true), mark(format->create != nullptr),
                    mark(format->edit != nullptr), mark(format->undo != nullptr)});
  }
  print_rows(rows, console);
}

void write_json(const Output& out) {
  JsonStream json(out);
  json.begin_object(JsonStream::Form::kLines);
  json.key("schema").value("ckpt/formats/1").key("tool").value(kTool);
  json.key("formats").begin_array(JsonStream::Form::kLines);
  for (const Format* format : formats()) {
    json.begin_object().key("id").value(format->id).key("name").value(format->name);
    json.key("suffixes").begin_array();
    for (const std::string_view suffix : split(format->suffixes, " ")) {
      if (!suffix.empty()) json.value(suffix);
    }
    json.end_array();
    json.key("separator").value(std::string(1, format->separator));
    json.key("write").value(format->create != nullptr);
    json.key("remap").value(format->edit != nullptr);
    json.key("undo").value(format->undo != nullptr).end_object();
  }
  json.end_array().end_object();
}

}  // namespace

Action add_formats(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "one JSON object, schema ckpt/formats/1");
  app.footer(help_footer("a few MiB.", "  ckpt formats\n"));
  return [json](Console& console) {
    if (*json) {
      write_json(console.output());
    } else {
      print_table(console);
    }
    return ExitStatus::kDone;
  };
}

}  // namespace ckpt
