#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "model/program.h"
#include "model/program/machine.h"

namespace ckpt {
namespace {

constexpr std::string_view kFamily = "ckpt/graph/";
constexpr std::string_view kSchema = "ckpt/graph/1";

}  // namespace

bool is_graph_file(std::string_view json) {
  // A word that no Keras config has: what it stands in is told when the file is read.
  return json.find(cat("\"", kFamily)) != std::string_view::npos &&
         json.find("\"schema\"") != std::string_view::npos;
}

Graph read_graph_file(std::string_view json, const ProgramOptions& options) {
  program::Datum root;
  try {
    root = program::parse_data(json);
  } catch (const Error& e) {
    throw e.in(options.file);
  }
  const program::Datum* schema = root.find("schema");
  if (schema == nullptr || schema->text != kSchema) {
    throw Error(Errc::kUnsupported, cat(options.file, ": its schema is ",
                                        schema == nullptr ? "missing" : program::words_of(*schema),
                                        ", not '", kSchema, "'"));
  }
  Graph graph;
  graph.source = kGraphFileSource;
  program::Machine(root, options, graph).run();
  check(graph);
  return graph;
}

}  // namespace ckpt
