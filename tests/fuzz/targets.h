#pragma once

#include <string_view>

#include "checkpoint/format.h"
#include "core/error.h"

// What the fuzzer does with bytes. An Error is a good answer; a crash, a hang, a leak or a run out
// of memory is not.

// Runs `f`, whatever Error it ends in.
template <typename F>
void survive(const F& f) {
  try {
    f();
  } catch (const ckpt::Error&) {
  }
}

// Opens, lists and reads them as a file of that format: strictly, and where the format can, for
// what is whole.
void fuzz_format(const ckpt::Format& format, std::string_view bytes);

// Reads them as a rule a line, as a rule file and as an assignment map, plans what comes of it over
// a few names, and inverts it. What prints must read back.
void fuzz_rules(std::string_view text);
