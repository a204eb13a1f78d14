#pragma once

#include <optional>
#include <string>

#include "core/error.h"

// Runs `f` and gives the sentence of the ckpt::Error it throws, "no error" where it throws none.
// For the code, use error_code_of().
template <typename F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const ckpt::Error& e) {
    return e.what();
  }
  return "no error";
}

template <typename F>
std::optional<ckpt::Errc> error_code_of(F&& f) {
  try {
    f();
  } catch (const ckpt::Error& e) {
    return e.code();
  }
  return std::nullopt;
}
