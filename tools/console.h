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
  // set_written(), else kWrite.
  void write(std::string_view text);
  void flush();
  [[nodiscard]] Output output() {
    return [this](std::string_view text) { write(text); };
  }

  // A file is written: when the report of that cannot be printed, it is another answer than when
  // nothing was done.
  void set_written(const std::string& path);

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
