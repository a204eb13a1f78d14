#pragma once

#include <functional>

#include "checkpoint/edit.h"

namespace ckpt {

// From here on Ctrl-C (SIGINT) ends this program with a line on standard error, "ckpt: interrupted"
// and what is known of the user's files then. It dies of the signal as ever, which a shell sees as
// status 130, and a helper of it dies too. A caller's wish that the signal be ignored stays.
void answer_interrupts();

// What an interruption says while this lives. One at a time.
class InterruptWords {
 public:
  // "; nothing was changed"
  InterruptWords();
  ~InterruptWords();
  InterruptWords(const InterruptWords&) = delete;
  InterruptWords& operator=(const InterruptWords&) = delete;

  // For EditOptions::before_commit: `then`, which may be empty, and other words from then on.
  static std::function<void(const EditResult&)> until_written(
      std::function<void(const EditResult&)> then, bool in_place);
};

}  // namespace ckpt
