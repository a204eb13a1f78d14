#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "report/json_stream.h"
#include "report/output.h"
#include "verify/verification.h"

namespace ckpt {

// A forward pass that was run, for its reports. Plain data.
struct RunReport {
  // A tensor that went in or came out, and what its values are like: NaN counts, the others range.
  struct Row {
    Row(std::string row_name, const Tensor& tensor);

    std::string name;
    DType dtype;
    Shape shape;
    std::uint64_t nan = 0;
    double min = 0;
    double max = 0;
  };
  std::string input;  // the checkpoint
  std::string graph;  // in words
  std::vector<Row> inputs;
  std::vector<Row> outputs;
  Engine engine = Engine::kReference;
  std::vector<std::string> references;      // see RunResult::references
  std::optional<EngineComparison> engines;  // where both were asked for
  std::size_t layers = 0;                   // tensors of layers that were written too
  std::optional<Accuracy> accuracy;
  std::string written;  // path; empty where nothing was written
};

// "97.75 % (347 of 355)".
std::string describe(const Accuracy& accuracy);

void print_run(const RunReport& report, const Output& out);

// The object of schema "ckpt/run/1".
void write_run(const RunReport& report, std::string_view tool, JsonStream& json);

}  // namespace ckpt
