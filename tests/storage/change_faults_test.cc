// Generated changes of one to five files, killed or failing at each of their system calls.
#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "core/error.h"
#include "core/text.h"
#include "support/child.h"
#include "support/error_of.h"
#include "support/faults.h"
#include "support/sanitized.h"
#include "support/storage_change.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr std::uint64_t kSeeds = 4;

struct ChangeTally {
  int points = 0;
  int old_files = 0;
  int new_files = 0;
};

bool is_of_kills(const Faults& faults) {
  return faults.kind == Faults::Kind::kKill || faults.kind == Faults::Kind::kTear;
}

// The status of `f` with the faults, in a child where they end it; nothing waits for the device.
int run_faulty(Faults faults, const std::function<void()>& f) {
  faults.is_flushed = false;
  const auto run = [&] {
    arm(faults);
    try {
      f();
    } catch (const Error& e) {
      return e.code() == Errc::kUnfinished ? kFailedBehind : kFailed;
    }
    return 0;
  };
  const int status = is_of_kills(faults) ? run_in_child(run) : run();
  disarm();
  return status;
}

// As check_settles() does it, without waiting for the device.
bool check_settles_quickly(const GeneratedChange& change, const std::string& folder,
                           Outcome outcome) {
  arm({.kind = Faults::Kind::kCount, .is_flushed = false});
  const bool is_new = check_settles(change, folder, outcome);
  disarm();
  return is_new;
}

// An intent stays where a file that had grown was cut, but that could not be flushed: then it says
// how long the file was, for after a power cut.
FolderFiles files_but_intents(const std::string& folder) {
  FolderFiles files = files_in_folder(folder);
  std::erase_if(files, [](const auto& file) {
    return is_own_leftover(file.first) && file.first.ends_with(".intent");
  });
  return files;
}

// Sets the fault at every call, one after the other, and looks at what is left.
void inject_at_each_call(const GeneratedChange& change, Faults faults, ChangeTally& tally) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string folder = dir.path();
  int behind_the_end = 0;  // failing calls may be of no consequence; those behind the end are
  fill_folder(folder, change.before);
  arm({.kind = Faults::Kind::kCount, .is_flushed = false});
  change.run(folder);
  const int calls = disarm();
  REQUIRE((files_in_folder(folder) != change.before));
  for (faults.at = 1; faults.at <= calls + 5; faults.at += kStride<5>) {
    fill_folder(folder, change.before);
    const int status = run_faulty(faults, [&] { change.run(folder); });
    CAPTURE(change.name);
    CAPTURE(faults.at);
    CAPTURE(faults.error);
    CAPTURE(static_cast<int>(faults.kind));
    if (is_of_kills(faults)) {
      REQUIRE(status == (faults.at <= calls ? 128 + SIGKILL : 0));
    } else {
      REQUIRE((status == 0 || status == kFailed || status == kFailedBehind));
      if (status == kFailed) CHECK((files_but_intents(folder) == change.before));
    }
    ++tally.points;
    const Outcome outcome = status == 0 || status == kFailedBehind ? Outcome::kNew
                            : status == kFailed                    ? Outcome::kOld
                                                                   : Outcome::kAny;
    const bool is_new = check_settles_quickly(change, folder, outcome);
    ++(is_new ? tally.new_files : tally.old_files);
    behind_the_end += status == 0 ? 1 : 0;
  }
  CHECK(behind_the_end > 0);
}

std::string words_of_tally(const ChangeTally& tally) {
  return cat(tally.points, " points, ", tally.old_files, " old, ", tally.new_files, " new");
}

std::string word_of_kind(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kNewFile:
      return "new files";
    case ChangeKind::kJournal:
      return "patches under the journal";
    case ChangeKind::kByNames:
      return "changes by names";
    case ChangeKind::kByRecord:
      return "changes by record";
  }
  return "";
}

void inject_into_all(const std::string& word, const std::vector<Faults>& all) {
  for (const ChangeKind kind : kChangeKinds) {
    ChangeTally tally;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const GeneratedChange change = generate_change(kind, seed, seed % 3 != 0);
      for (const Faults& faults : all) inject_at_each_call(change, faults, tally);
    }
    CHECK(tally.old_files > 0);
    CHECK(tally.new_files > 0);
    MESSAGE(word_of_kind(kind), ", ", word, ": ", words_of_tally(tally));
  }
}

}  // namespace

TEST_SUITE("storage/change_faults") {
  TEST_CASE("killed at any call, a change leaves all files old or all new, and its way back") {
    inject_into_all("killed", {{.kind = Faults::Kind::kKill}, {.kind = Faults::Kind::kTear}});
  }

  TEST_CASE("on a full or broken disk a change is old where it says so, else it gets new") {
    inject_into_all("failing", {{.kind = Faults::Kind::kFail, .error = EIO},
                                {.kind = Faults::Kind::kFail, .error = ENOSPC},
                                {.kind = Faults::Kind::kOnce, .error = EIO},
                                {.kind = Faults::Kind::kOnce, .error = ENOSPC}});
  }

  TEST_CASE("a recovery that is killed as well can be done again") {
    ChangeTally tally;
    for (const ChangeKind kind :
         {ChangeKind::kJournal, ChangeKind::kByNames, ChangeKind::kByRecord}) {
      for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        const GeneratedChange change = generate_change(kind, seed, false);
        const TempDir dir(TempDir::Where::kMemory);
        const std::string folder = dir.path();
        fill_folder(folder, change.before);
        arm({.kind = Faults::Kind::kCount, .is_flushed = false});
        change.run(folder);
        const int calls = disarm();
        for (int at = 1; at <= calls; at += 3 * kStride<5>) {
          CAPTURE(change.name);
          CAPTURE(at);
          // Intents know files by their inodes: what was killed is killed anew for each try.
          for (int again = 1;; again += kStride<5>) {
            REQUIRE(again < 200);
            CAPTURE(again);
            fill_folder(folder, change.before);
            run_faulty({.kind = Faults::Kind::kTear, .at = at}, [&] { change.run(folder); });
            const int status = run_faulty({.kind = Faults::Kind::kTear, .at = again},
                                          [&] { change.recover(folder); });
            REQUIRE((status == 0 || status == 128 + SIGKILL));
            ++tally.points;
            ++(check_settles_quickly(change, folder, Outcome::kAny) ? tally.new_files
                                                                    : tally.old_files);
            if (status == 0) break;
          }
        }
      }
    }
    MESSAGE("recoveries killed: ", words_of_tally(tally));
  }
}
