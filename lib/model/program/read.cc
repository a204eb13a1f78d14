#include "core/error.h"
#include "core/text.h"
#include "model/program.h"
#include "model/program/machine.h"
#include "scope/scope_error.h"

namespace ckpt {
namespace {

constexpr std::string_view kSchema = "ckpt/graph/1";

// Throws with the place in the file in front: "12:5: …".
Graph run_program(std::string_view json, const ProgramOptions& options) {
  const program::Datum root = program::parse_data(json);
  const program::Datum* schema = root.find("schema");
  if (schema == nullptr || schema->text != kSchema) {
    throw Error(Errc::kUnsupported, cat("1:1: its schema is ",
                                        schema == nullptr ? "missing" : program::words_of(*schema),
                                        ", not '", kSchema, "'"));
  }
  Graph graph;
  graph.source = kGraphFileSource;
  program::Machine(root, options, graph).run();
  try {
    check(graph);
  } catch (const Error& e) {
    throw e.in("1:1");
  }
  return graph;
}

}  // namespace

bool is_graph_file(std::string_view json) {
  // Words that no Keras config has; whether they are where they should be is told on reading.
  return json.find("\"schema\"") != std::string_view::npos &&
         json.find("\"ckpt/graph/") != std::string_view::npos;
}

Graph read_graph_file(std::string_view json, const ProgramOptions& options) {
  const auto in_file = [&](const Error& e) { return cat(options.file, ":", e.what()); };
  try {
    return run_program(json, options);
  } catch (const ScopeError& e) {
    throw ScopeError(e.scope_code(), in_file(e));
  } catch (const Error& e) {
    throw Error(e.code(), in_file(e));
  }
}

}  // namespace ckpt
