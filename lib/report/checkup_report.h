#pragma once

#include <string>
#include <string_view>

#include "checkpoint/checkup.h"
#include "report/json_stream.h"
#include "report/output.h"

namespace ckpt {

// What `ckpt doctor` says of a file.
struct CheckupReport {
  std::string path = {};
  std::string damage = {};  // why the file is refused; empty where it is not
  Checkup checkup = {};
  Upkeep upkeep = {};         // of a healthy file
  std::string salvaged = {};  // the new checkpoint of what is whole; empty where none was written
};

// Is nothing wrong?
bool is_healthy(const CheckupReport& report);

void print_checkup(const CheckupReport& report, const Index& index, const TextStyle& style,
                   const Output& out);

// The object of schema "ckpt/doctor/1".
void write_checkup(const CheckupReport& report, const Index& index, std::string_view tool,
                   JsonStream& json);

}  // namespace ckpt
