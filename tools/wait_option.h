#pragma once

#include <CLI/CLI.hpp>

#include "storage/locked_file.h"

namespace ckpt {

// "--wait SECONDS", of commands that change a file.
inline void add_wait_option(CLI::App& app, Wait& wait) {
  app.add_option_function<double>(
         "--wait", [&wait](double seconds) { wait = Wait(static_cast<Wait::rep>(seconds * 1000)); },
         "how long to wait while another program has the file locked (default 5)")
      ->check(CLI::Range(0.0, 86'400.0))
      ->type_name("SECONDS");
}

}  // namespace ckpt
