#pragma once

#include <string>
#include <string_view>

#include "report/output.h"

namespace ckpt {

// The program's standard output and error. Output is gathered and written in large pieces.
class Console {
 public:
  // Where a reader such as `head` has closed the pipe: the program ends quietly, with status 0.
  struct PipeClosed {};

  Console() = default;
  ~Console() = default;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Throws PipeClosed, or Error where standard output cannot be written: kUnfinished behind
  // set_done(), else kWrite.
  void write(std::string_view text);
  void flush();
  [[nodiscard]] Output output() {
    return [this](std::string_view text) { write(text); };
  }

  // What was to be done is done, in a few words ("m.h5 is edited"): when the report of it cannot be
  // printed, that is another answer than when nothing was done.
  void set_done(std::string words) { done_ = std::move(words); }
  void set_written(std::string_view path);  // "PATH is written"

  // One line on standard error, behind "ckpt: ".
  void complain(std::string_view sentence);

  [[nodiscard]] bool is_terminal() const;

  // Colour and width for reports: colour when `color` is "always", or "auto" and standard output is
  // a terminal, NO_COLOR is not set and TERM is not "dumb"; the width is the terminal's, or
  // COLUMNS.
  [[nodiscard]] TextStyle style(std::string_view color) const;

 private:
  std::string pending_;
  std::string done_;
};

}  // namespace ckpt
