#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace ckpt {

// Why an operation could not go on. Programs read the code, people the sentence. Each code maps to
// one exit status of the command (tools/exit_status.h).
enum class Errc {
  kNotFound,     // a file, a variable or a scope that was asked for is not there
  kCorrupt,      // the bytes contradict their format or themselves
  kUnsupported,  // well formed perhaps, but beyond what this library reads or writes
  kInvalid,      // what the caller asked for makes no sense
  kConflict,     // what was asked for contradicts what is already there
  kIo,           // reading failed: no permission, a device error, a file in use
  kWrite,        // writing failed: no space, no permission, in use; the target is as it was
  kUnfinished,   // it is done, or `ckpt recover` finishes it, but something after it failed
};

// The one exception of the library. `what()` is a full sentence "where: what was seen, what was
// needed"; each layer that knows more of the place puts its own "where" in front, once, by in().
class Error : public std::runtime_error {
 public:
  Error(Errc code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}

  [[nodiscard]] Errc code() const { return code_; }

  // The same error with `where` and ": " put before the sentence.
  [[nodiscard]] Error in(std::string_view where) const {
    return Error(code_, std::string(where) + ": " + what());
  }

 private:
  Errc code_;
};

}  // namespace ckpt
