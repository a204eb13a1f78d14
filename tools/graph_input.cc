#include "graph_input.h"

#include "command.h"
#include "core/error.h"
#include "core/escape.h"
#include "core/file.h"
#include "core/text.h"
#include "model/keras.h"
#include "rules_input.h"
#include "tensor_file.h"

namespace ckpt {
namespace {

// Is it text that begins as a JSON object does? A whole model never does.
bool is_json(const std::string& path) {
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

Graph read_graph_file(const std::string& path, const Index& index, Console& console) {
  if (!is_json(path)) {
    const Metadata metadata = open_input(path, false, console)->metadata();
    const auto config = metadata.find("model_config");
    if (config == metadata.end()) {
      throw Error(Errc::kInvalid, cat(escape(path),
                                      ": has no model_config; a graph is a Keras config (JSON, as "
                                      "model.to_json() writes it) or a whole model with one"));
    }
    return read_keras_config(config->second, keras_options(index, metadata));
  }
  const std::string text = read_text_file(path, "a Keras config");
  try {
    return read_keras_config(text, keras_options(index));
  } catch (const Error& e) {
    throw e.in(escape(path));
  }
}

}  // namespace

std::optional<GraphInput> find_graph(const Reader& reader, const std::string& path,
                                     const std::string& graph_file, Console& console) {
  GraphInput input;
  std::string source = "its own config";
  if (graph_file.empty()) {
    const Metadata metadata = reader.metadata();
    const auto config = metadata.find("model_config");
    if (config == metadata.end()) return std::nullopt;
    try {
      input.graph = read_keras_config(config->second, keras_options(reader.index(), metadata));
    } catch (const Error& e) {
      throw e.in(cat(escape(path), ": its model_config"));
    }
  } else {
    input.graph = read_graph_file(graph_file, reader.index(), console);
    source = escape(graph_file);
  }
  for (const std::string& note : input.graph.notes) console.complain(cat(source, ": note: ", note));
  input.words = cat(source, " (", input.graph.source, ")");
  try {
    bind_keras(input.graph, reader.index());
  } catch (const Error& e) {
    input.misfit = e.what();
  }
  return input;
}

GraphInput need_graph(const Reader& reader, const std::string& path, const std::string& graph_file,
                      Console& console) {
  auto graph = find_graph(reader, path, graph_file, console);
  if (!graph) {
    throw Error(Errc::kInvalid,
                cat(escape(path), ": ", reader.index().format, " (", reader.index().layout,
                    ") with no graph in it; --graph CONFIG gives one, a Keras config as "
                    "model.to_json() writes it"));
  }
  if (!graph->misfit.empty()) {
    throw Error(Errc::kNotFound,
                cat(escape(path), ": does not fit ", graph->words, ": ", graph->misfit));
  }
  return std::move(*graph);
}

std::vector<Tensor> read_inputs(const std::string& path, const Graph& graph, Console& console) {
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

}  // namespace ckpt
