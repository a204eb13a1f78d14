#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

// Two runs at the same time: each in a child that stops before each of the calls by which runs see
// one another (flock, linkat, rename, renameat2, unlink, F_SETLEASE, open with O_CREAT), until it
// is let go. So every interleaving of these calls can be forced. Nobody waits for the device, and
// pauses take no time. A child whose lock is held by the other waits until that one has gone on.
struct TwoRuns {
  int status[2] = {0, 0};  // of the children
  std::string text[2];     // what they said
};

// What a child does: gives its status, and may say something. REQUIRES: less than a page of text.
using ScheduledRun = std::function<int(std::string& text)>;

// Runs both under every schedule that changes over from one to the other, where neither waits nor
// ends, at most `most_changes` times; calls `prepare` before each and `look` behind it. Gives how
// many schedules there were; ends early behind `most_schedules`.
std::size_t for_each_schedule(const ScheduledRun& first, const ScheduledRun& second,
                              int most_changes, std::size_t most_schedules,
                              const std::function<void()>& prepare,
                              const std::function<void(const TwoRuns&)>& look);
