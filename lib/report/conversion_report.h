#pragma once

#include <string>
#include <string_view>

#include "remap/conversion.h"
#include "report/json_stream.h"
#include "report/output.h"

namespace ckpt {

// A conversion that is planned or done, for its reports.
struct ConversionReport {
  std::string input;
  std::string output;
  std::string format;  // the target's name
  bool dry_run = false;
};

// For people: the names that change, where it is a dry run, and the sums.
void print_conversion(const Conversion& conversion, const ConversionReport& report,
                      const Output& out);

// The object of schema "ckpt/convert/1".
void write_conversion(const Conversion& conversion, const ConversionReport& report,
                      std::string_view tool, JsonStream& json);

}  // namespace ckpt
