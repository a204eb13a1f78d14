#include "graph_input.h"

#include <CLI/CLI.hpp>

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/text.h"
#include "model/fit.h"
#include "model/keras.h"
#include "model/program.h"
#include "model/variable_loader.h"
#include "rules_input.h"
#include "tensor_file.h"

namespace ckpt {
namespace {

constexpr std::string_view kWhatAGraphIs =
    "a graph is a graph file (schema ckpt/graph/1), a Keras config (JSON, as model.to_json() "
    "writes it) or a whole model with one";

std::vector<std::pair<std::string, std::string>> settings_of(const GraphChoice& choice) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const std::string& setting : choice.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(Errc::kInvalid, cat("--set ", escape(setting), ": NAME=VALUE is needed"));
    }
    settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return settings;
}

// The graph that is JSON.
Graph read_graph_text(const GraphChoice& choice, const Index* index) {
  const std::string text = read_text_file(choice.file, "a graph file or a Keras config");
  if (is_graph_file(text)) {
    return read_graph_file(text, {escape(choice.file), settings_of(choice)});
  }
  refuse_settings(choice);
  try {
    return read_keras_config(text, index == nullptr ? KerasOptions{} : keras_options(*index));
  } catch (const Error& e) {
    throw e.in(escape(choice.file));
  }
}

}  // namespace

CLI::Option* add_graph_options(CLI::App& app, GraphChoice& choice, const std::string& what) {
  CLI::Option* graph = app.add_option("--graph", choice.file, what)->type_name("G");
  add_settings(app, choice, graph);
  return graph;
}

void add_settings(CLI::App& app, GraphChoice& choice, CLI::Option* graph) {
  app.add_option("--set", choice.settings,
                 "a parameter of the graph file, instead of its own value; repeatable")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->needs(graph);
}

void refuse_settings(const GraphChoice& choice) {
  if (choice.settings.empty()) return;
  throw Error(Errc::kInvalid, cat(escape(choice.file),
                                  ": --set gives parameters to graph files alone; this is none"));
}

bool is_graph_text(const std::string& path) {
  try {
    const auto file = open_file(path);
    Bytes head(static_cast<std::size_t>(std::min<std::uint64_t>(file->size(), 64)));
    file->read_at(0, head);
    const auto first = as_text(head).find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && as_text(head)[first] == '{';
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

Graph read_graph(const GraphChoice& choice, const Index* index, Console& console) {
  Graph graph;
  if (is_graph_text(choice.file)) {
    graph = read_graph_text(choice, index);
  } else {
    refuse_settings(choice);
    const auto model = open_input(choice.file, false, console);
    const Metadata metadata = model->metadata();
    const auto config = metadata.find("model_config");
    if (config == metadata.end()) {
      throw Error(Errc::kInvalid,
                  cat(escape(choice.file), ": has no model_config; ", kWhatAGraphIs));
    }
    graph = read_keras_config(config->second,
                              keras_options(index == nullptr ? model->index() : *index, metadata));
  }
  for (const std::string& note : graph.notes) {
    console.complain(cat(escape(choice.file), ": note: ", note));
  }
  return graph;
}

std::optional<GraphInput> find_graph(const Reader& reader, const std::string& path,
                                     const GraphChoice& choice, Console& console) {
  GraphInput input;
  std::string source = "its own config";
  if (choice.file.empty()) {
    const Metadata metadata = reader.metadata();
    const auto config = metadata.find("model_config");
    if (config == metadata.end()) return std::nullopt;
    try {
      input.graph = read_keras_config(config->second, keras_options(reader.index(), metadata));
    } catch (const Error& e) {
      throw e.in(cat(escape(path), ": its model_config"));
    }
    for (const std::string& note : input.graph.notes) {
      console.complain(cat(source, ": note: ", note));
    }
  } else {
    input.graph = read_graph(choice, &reader.index(), console);
    source = escape(choice.file);
  }
  input.words = cat(source, " (", input.graph.source, ")");
  try {
    if (input.graph.source == kGraphFileSource) {
      bind_by_name(input.graph, reader.index());
    } else {
      bind_keras(input.graph, reader.index());
    }
  } catch (const Error& e) {
    input.misfit = e.what();
  }
  return input;
}

GraphInput need_graph(const Reader& reader, const std::string& path, const GraphChoice& choice,
                      Console& console) {
  auto graph = find_graph(reader, path, choice, console);
  if (!graph) {
    throw Error(Errc::kInvalid,
                cat(escape(path), ": ", reader.index().format, " (", reader.index().layout,
                    ") with no graph in it; --graph G gives one; ", kWhatAGraphIs));
  }
  if (!graph->misfit.empty()) {
    throw Error(Errc::kNotFound,
                cat(escape(path), ": does not fit ", graph->words, ": ", graph->misfit));
  }
  return std::move(*graph);
}

std::vector<std::string> misfits_of(Graph graph, const Reader& reader) {
  if (graph.source == kGraphFileSource) {
    return faults_of(fit_by_name(graph, reader.index()), reader.index());
  }
  try {
    bind_keras(graph, reader.index());
    (void)VariableLoader(graph, reader);
  } catch (const Error& e) {
    return {e.what()};
  }
  return {};
}

namespace {

std::vector<Tensor> read_file(const std::string& path, const Graph& graph, Console& console) {
  std::vector<NamedTensor> given = read_tensors(path, console);
  if (given.size() == 1 && graph.inputs.size() == 1) {
    std::string& name = given.front().name;
    if (name != graph.inputs.front().name && name != "input_0") {
      console.complain(cat(escape(path), ": note: '", escape(name), "' is taken for the input '",
                           escape(graph.inputs.front().name), "'"));
      name = "input_0";
    }
  }
  try {
    return match_inputs(graph, given);
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

// Puts the rows of `more` behind those of `rows`; false where they differ in more than their
// number.
bool append_rows(Tensor& rows, const Tensor& more) {
  const bool fits = rows.dtype == more.dtype && !rows.shape.empty() &&
                    rows.shape.size() == more.shape.size() &&
                    std::equal(rows.shape.begin() + 1, rows.shape.end(), more.shape.begin() + 1);
  if (!fits) return false;
  rows.shape.front() += more.shape.front();
  rows.bytes.insert(rows.bytes.end(), more.bytes.begin(), more.bytes.end());
  return true;
}

}  // namespace

std::vector<Tensor> read_inputs(const std::vector<std::string>& paths, const Graph& graph,
                                Console& console) {
  std::vector<Tensor> inputs = read_file(paths.front(), graph, console);
  for (std::size_t f = 1; f < paths.size(); ++f) {
    const std::vector<Tensor> more = read_file(paths[f], graph, console);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (append_rows(inputs[i], more[i])) continue;
      throw Error(Errc::kInvalid,
                  cat(escape(paths[f]), ": input '", escape(graph.inputs[i].name), "' is ",
                      name_of(more[i].dtype), " ", to_string(more[i].shape),
                      ", whose rows cannot follow those of ", escape(paths.front()), ", ",
                      name_of(inputs[i].dtype), " ", to_string(inputs[i].shape),
                      "; files of other lengths or types are verified one after the other"));
    }
  }
  return inputs;
}

}  // namespace ckpt
