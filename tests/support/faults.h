#pragma once

#include <string>

// Makes the system calls by which files are written fail, or ends the process at one of them: the
// calls that support/calls.h lets a test see. Only calls of this process count; a program that it
// starts is not touched.
struct Faults {
  enum class Kind {
    kCount,  // nothing fails
    kKill,   // SIGKILL in place of the call number `at`
    kTear,   // a write does half of its work, then SIGKILL; other calls as kKill
    kFail,   // from the call number `at` on, all fail with `error`
    kOnce,   // only that one fails
  };
  Kind kind = Kind::kCount;
  int at = 0;  // the first call is number 1
  int error = 0;
  bool is_flushed = true;  // false: fsync and fdatasync are counted, and do nothing
};

// The exit status of a child whose work ended in an Error, and in one behind the decision.
inline constexpr int kFailed = 5;
inline constexpr int kFailedBehind = 7;

// From here on; the count starts anew.
void arm(const Faults& faults);

// Ends it and gives the number of calls since arm().
int disarm();
