#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/statistics.h"
#include "dups/digest.h"
#include "report/json_stream.h"
#include "report/output.h"

namespace ckpt {

// All that is known of one variable. Plain data.
struct VariableReport {
  Entry entry;
  char separator = '/';
  std::string layer;  // what the file calls the layer that has it, where its name does not
  Details details;
  // Of a numeric variable:
  Statistics statistics;
  Digest digest;
  std::vector<double> first_values;
  std::vector<Entry> companions;  // its slots and averages
};

// Reads the variable twice, streaming, and tells `progress` how many bytes of how many are done.
// Throws what Reader::read() throws.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;
VariableReport describe_variable(const Reader& reader, std::size_t i,
                                 const Progress& progress = {});

// For people, with a histogram drawn in the terminal.
void print_variable(const VariableReport& report, const TextStyle& style, const Output& out);

// The object of schema "ckpt/show/1".
void write_variable(const VariableReport& report, std::string_view path, std::string_view tool,
                    JsonStream& json);

}  // namespace ckpt
