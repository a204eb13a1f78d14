// Generated changes of one to five files, and a power cut behind each of their system calls.
#include <doctest/doctest.h>

#include <string>

#include "core/error.h"
#include "core/text.h"
#include "support/disk_log.h"
#include "support/error_of.h"
#include "support/faults.h"
#include "support/sanitized.h"
#include "support/storage_change.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr std::uint64_t kCutSeeds = 12;
constexpr std::size_t kMostStates = 24;  // a cut, where there are more

struct CutTally {
  int cuts = 0;
  int states = 0;
  int old_files = 0;
  int new_files = 0;
};

std::string words_of_cuts(const CutTally& tally) {
  return cat(tally.cuts, " cuts, ", tally.states, " states of the disk, ", tally.old_files,
             " old, ", tally.new_files, " new");
}

// Looks at what cuts behind the calls of `log` leave. After the last call `last` is to be there.
void cut_behind_each_call(const GeneratedChange& change, DiskLog& log, const std::string& folder,
                          int stride, Outcome last, CutTally& tally) {
  arm({.kind = Faults::Kind::kCount, .is_flushed = false});
  const auto look = [&](int at, Outcome outcome) {
    ++tally.cuts;
    log.for_each_state(at, kMostStates, 1, [&](const DiskState& state) {
      CAPTURE(at);
      lay_state(folder, state);
      ++tally.states;
      ++(check_settles(change, folder, outcome) ? tally.new_files : tally.old_files);
    });
  };
  // The last one first, since a state that was seen is not looked at again.
  look(log.calls(), last);
  for (int at = 0; at < log.calls(); at += stride) look(at, Outcome::kAny);
  disarm();
}

std::string cut_word_of(ChangeKind kind) {
  constexpr const char* kWords[] = {"new files", "patches under the journal", "changes by names",
                                    "changes by record"};
  return kWords[static_cast<std::size_t>(kind)];
}

}  // namespace

TEST_SUITE("storage/power_cut") {
  TEST_CASE(
      "after a power cut at any moment all files are old or all new, and the way back is there") {
    const TempDir dir(TempDir::Where::kMemory);
    const std::string folder = dir.path();
    for (const ChangeKind kind : kChangeKinds) {
      CutTally tally;
      for (std::uint64_t seed = 1; seed <= kCutSeeds; ++seed) {
        const GeneratedChange change = generate_change(kind, seed, seed % 3 != 0);
        fill_folder(folder, change.before);
        DiskLog log(folder);
        {
          const HookedCalls hooked(log);
          change.run(folder);
        }
        cut_behind_each_call(change, log, folder, kStride<4>, Outcome::kNew, tally);
      }
      CHECK(tally.old_files > 0);
      CHECK(tally.new_files > 0);
      MESSAGE(cut_word_of(kind), ": ", words_of_cuts(tally));
    }
  }

  TEST_CASE("a power cut after a run that failed leaves what its error says") {
    const TempDir dir(TempDir::Where::kMemory);
    const std::string folder = dir.path();
    CutTally tally;
    for (const ChangeKind kind : kChangeKinds) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const GeneratedChange change = generate_change(kind, seed, seed != 3);
        for (int at = 1 + static_cast<int>(seed);; at += 5 * kStride<4>) {
          fill_folder(folder, change.before);
          DiskLog log(folder);
          if (seed % 2 == 0) {
            log.fail_from(at);
          } else {
            log.fail_once(at);
          }
          std::optional<Errc> code;
          {
            const HookedCalls hooked(log);
            code = error_code_of([&] { change.run(folder); });
          }
          if (!code || *code == Errc::kUnfinished) {
            if (log.calls() < at) break;
            // Done, or decided: but where a flush failed nobody knows of what is on the device.
            continue;
          }
          CAPTURE(at);
          cut_behind_each_call(change, log, folder, 1000, Outcome::kOld, tally);
        }
      }
    }
    CHECK(tally.new_files == 0);
    MESSAGE("after failures: ", words_of_cuts(tally));
  }

  TEST_CASE("a recovery whose power is cut can be done again") {
    const TempDir dir(TempDir::Where::kMemory);
    const std::string folder = dir.path();
    CutTally tally;
    for (const ChangeKind kind :
         {ChangeKind::kJournal, ChangeKind::kByNames, ChangeKind::kByRecord}) {
      for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        const GeneratedChange change = generate_change(kind, seed, false);
        fill_folder(folder, change.before);
        DiskLog log(folder);
        {
          const HookedCalls hooked(log);
          change.run(folder);
        }
        for (int at = 1; at < log.calls(); at += 4 * kStride<4>) {
          log.for_each_state(at, 3, seed, [&](const DiskState& state) {
            lay_state(folder, state);
            DiskLog recovery(folder);
            {
              const HookedCalls hooked(recovery);
              CHECK(error_of([&] { change.recover(folder); }) == "no error");
            }
            if (recovery.calls() == 0) return;
            cut_behind_each_call(change, recovery, folder, 2, Outcome::kAny, tally);
          });
        }
      }
    }
    MESSAGE("recoveries: ", words_of_cuts(tally));
  }
}
