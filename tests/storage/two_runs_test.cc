// Two changes at the same time, under every schedule of the calls by which they see one another.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/text.h"
#include "core/wire.h"
#include "storage/change.h"
#include "storage/fingerprint.h"
#include "storage/journal.h"
#include "storage/locked_file.h"
#include "storage/new_file.h"
#include "storage/receipt_files.h"
#include "storage/way_back.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/sanitized.h"
#include "support/schedule.h"
#include "support/storage_change.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A change that depends on what it finds: the letter comes behind it.
using LetterChange = std::function<void(const std::string& folder, char letter, Wait wait)>;

std::string text_in(const RandomFile& file) {
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

ByteView view_of(const std::string& text) { return as_byte_view(std::string_view(text)); }

// Writes a receipt under the lock, as edits do.
template <typename Commit>
void commit_with_receipt(const std::string& path, int like, const std::string& says,
                         const Undo& undo, Commit&& commit) {
  NewReceipt receipt(path, like);
  commit([&] { receipt.write([&](const NewReceipt::WriteText& out) { out(says); }, &undo); });
  receipt.keep();
}

Undo undo_to(const std::string& before, const std::string& after) {
  return make_undo(*memory_file(Bytes(view_of(before).begin(), view_of(before).end())),
                   *memory_file(Bytes(view_of(after).begin(), view_of(after).end())), {});
}

void create_named(const std::string& folder, char letter, Wait) {
  NewFile file(folder + "/new.bin", Overwrite::kNo);
  file.write_at(0, view_of(std::string(100, letter)));
  file.commit();
}

void replace_file(const std::string& folder, char letter, Wait wait) {
  const std::string path = folder + "/a.bin";
  const LockedFile locked(path, LockFor::kChanging, wait);
  const std::string before = text_in(*locked.view());
  const std::string after = before + letter;
  NewFile file(path, Overwrite::kYes, wait);
  file.write_at(0, view_of(after));
  commit_with_receipt(path, locked.fd(), after, undo_to(before, after), [&](const auto& receipt) {
    receipt();
    locked.check_unchanged();
    file.commit(true);
  });
}

void replace_unlocked(const std::string& folder, char letter, Wait wait) {
  NewFile file(folder + "/a.bin", Overwrite::kYes, wait);
  file.write_at(0, view_of(std::string(50, letter)));
  file.commit();
}

void edit_by_journal(const std::string& folder, char letter, Wait wait) {
  const std::string path = folder + "/a.bin";
  const LockedFile locked(path, LockFor::kChanging, wait);
  const std::string before = text_in(*locked.view());
  const std::string after = before.substr(0, 8) + letter + before.substr(8);
  Patch patch{
      .size_before = before.size(), .size_after = after.size(), .pieces = {}, .strings = {}};
  patch.add(8, view_of(after).subspan(8));
  const FileDescriptor fd = reopen_for_writing(locked.fd());
  commit_with_receipt(path, locked.fd(), after, make_undo(*locked.view(), patch),
                      [&](const auto& receipt) {
                        receipt();
                        locked.check_unchanged();
                        apply_with_journal(fd.get(), 0, patch, {}, {});
                      });
}

void change_by_names(const std::string& folder, char letter, Wait wait) {
  const std::string path = folder + "/m.toy";
  const LockedFile locked(path, LockFor::kChanging, wait);
  const std::string before = text_in(*locked.view());
  auto rows = parse_toy_set(before).value();
  Change change(locked, wait);
  const std::string name = std::string(1, letter) + ".bin";
  change.put(name).write_at(0, view_of(name));
  rows[name] = name.size();
  rows["m-1.bin"] = change.append("m-1.bin", view_of(std::string(1, letter)));
  const std::string after = print_toy_set(rows);
  change.decider().write_at(0, view_of(after));
  commit_with_receipt(path, locked.fd(), after, undo_to(before, after),
                      [&](const auto& receipt) { change.commit(receipt); });
}

void change_by_record(const std::string& folder, char letter, Wait wait) {
  const std::string path = folder + "/m.toy";
  const LockedFile locked(path, LockFor::kChanging, wait);
  const std::string before = text_in(*locked.view());
  auto rows = parse_toy_set(before).value();
  Change change(locked, wait);
  const std::string other = read_file(folder + "/m-2.bin") + letter;
  const std::string front = letter + read_file(folder + "/m-1.bin").substr(0, 20);
  change.put_front("m-1.bin", front, stamp_of(folder + "/m-1.bin"));
  change.put("m-2.bin").write_at(0, view_of(other));
  rows["m-2.bin"] = other.size();
  const std::string after = print_toy_set(rows);
  change.decider().write_at(0, view_of(after));
  commit_with_receipt(path, locked.fd(), after, undo_to(before, after),
                      [&](const auto& receipt) { change.commit(receipt, print_toy_record); });
}

// A set of files comes into being; both want the same names.
void create_set(const std::string& folder, char letter, Wait wait) {
  Change change(folder + "/n.toy", Overwrite::kNo, wait);
  change.put("n-1.bin").write_at(0, view_of(std::string(30, letter)));
  change.put("n-2.bin").write_at(0, view_of(std::string(40, letter)));
  change.decider().write_at(0, view_of(print_toy_set({{"n-1.bin", 30}, {"n-2.bin", 40}})));
  change.commit();
}

// Sets under names of their own, in one folder.
void create_own_set(const std::string& folder, char letter, Wait wait) {
  const std::string stem(1, letter);
  Change change(folder + "/" + stem + ".toy", Overwrite::kNo, wait);
  change.put(stem + "-1.bin").write_at(0, view_of(stem));
  change.decider().write_at(0, view_of(print_toy_set({{stem + "-1.bin", 1}})));
  change.commit({}, print_toy_record);
}

void recover_set_of_both(const std::string& folder, char, Wait) {
  recover_toy_set(folder + "/m.toy");
}

FolderFiles letter_folder() {
  FolderFiles files = neighbours();
  files["a.bin"] = "SIGNATUR" + std::string(600, 'x');
  files["m.toy"] = print_toy_set({{"m-1.bin", 200}, {"m-2.bin", 100}});
  files["m-1.bin"] = std::string(200, '1');
  files["m-2.bin"] = std::string(100, '2');
  return files;
}

// The status, and the sentence.
int try_change(const LetterChange& change, const std::string& folder, char letter, Wait wait,
               std::string& text) {
  try {
    change(folder, letter, wait);
    return 0;
  } catch (const Error& e) {
    text = e.what();
    return e.code() == Errc::kUnfinished ? kFailedBehind : kFailed;
  }
}

struct ScheduleTally {
  std::size_t schedules = 0;
  std::size_t both = 0;
  std::size_t one = 0;
};

constexpr int kChangesOver = kSanitized ? 1 : 2;
constexpr std::size_t kMostSchedules = kSanitized ? 40 : 260;

// What is there in the end must be what they make of it one after the other, in some order, those
// that were refused left out.
ScheduleTally try_schedules(const LetterChange& one, const LetterChange& other, Wait wait,
                            const FolderFiles& start) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string folder = dir.path();
  arm({.kind = Faults::Kind::kCount, .is_flushed = false});
  // By who has succeeded, in their order: "", "A", "B", "AB", "BA".
  std::map<std::string, FolderFiles> expected;
  for (const std::string order : {"A", "B", "AB", "BA"}) {
    fill_folder(folder, start);
    std::string done;
    for (const char letter : order) {
      std::string text;
      if (try_change(letter == 'A' ? one : other, folder, letter, wait, text) == 0) done += letter;
    }
    expected[done] = files_in_folder(folder);
  }
  disarm();
  ScheduleTally tally;
  tally.schedules = for_each_schedule(
      [&](std::string& text) { return try_change(one, folder, 'A', wait, text); },
      [&](std::string& text) { return try_change(other, folder, 'B', wait, text); }, kChangesOver,
      kMostSchedules, [&] { fill_folder(folder, start); },
      [&](const TwoRuns& runs) {
        CAPTURE(runs.status[0]);
        CAPTURE(runs.status[1]);
        CAPTURE(runs.text[0]);
        CAPTURE(runs.text[1]);
        const FolderFiles left = files_in_folder(folder);
        std::string names;
        for (const auto& [name, bytes] : left) names += cat(name, " (", bytes.size(), ") ");
        CAPTURE(names);
        std::string who;
        for (int i = 0; i < 2; ++i) {
          CHECK((runs.status[i] == 0 || runs.status[i] == kFailed));
          CHECK((runs.status[i] == 0) == runs.text[i].empty());
          if (runs.status[i] == 0) who += static_cast<char>('A' + i);
        }
        CHECK(!who.empty());
        ++(who.size() == 2 ? tally.both : tally.one);
        const bool is_as_in_some_order = std::ranges::any_of(expected, [&](const auto& outcome) {
          return std::ranges::is_permutation(outcome.first, who) && outcome.second == left;
        });
        CHECK(is_as_in_some_order);
      });
  return tally;
}

void try_pair(const std::string& word, const LetterChange& one, const LetterChange& other,
              bool both_succeed, const FolderFiles& start = letter_folder()) {
  CAPTURE(word);
  const ScheduleTally waiting = try_schedules(one, other, kUsualWait, start);
  if (both_succeed) CHECK(waiting.one == 0);
  MESSAGE(word, ": ", waiting.schedules, " schedules, both in ", waiting.both, ", one in ",
          waiting.one);
}

}  // namespace

TEST_SUITE("storage/two_runs") {
  TEST_CASE("two edits of one file at the same time are one after the other, each with a receipt") {
    try_pair("replaced twice", replace_file, replace_file, true);
    try_pair("by the journal twice", edit_by_journal, edit_by_journal, true);
    try_pair("replaced, and by the journal", replace_file, edit_by_journal, true);
    try_pair("replaced without a lock, twice", replace_unlocked, replace_unlocked, true);
  }

  TEST_CASE("two changes of one set of files at the same time are one after the other") {
    try_pair("by names twice", change_by_names, change_by_names, true);
    try_pair("by record twice", change_by_record, change_by_record, true);
    try_pair("by names, and by record", change_by_names, change_by_record, true);
  }

  TEST_CASE("of two that give the same name, one succeeds and the other says why") {
    try_pair("the same new file", create_named, create_named, false);
    try_pair("the same new set", create_set, create_set, false);
  }

  TEST_CASE("neighbours in a folder do not take one another's temporaries") {
    try_pair("sets of their own", create_own_set, create_own_set, true);
    try_pair("a set and a file", create_own_set, replace_unlocked, true);
    try_pair("by record, and a file", change_by_record, replace_file, true);
    try_pair("by names, and a file", change_by_names, replace_file, true);
  }

  TEST_CASE("who does not wait for a lock is refused, and has changed nothing") {
    for (const LetterChange& change :
         {LetterChange(replace_file), LetterChange(edit_by_journal), LetterChange(change_by_names),
          LetterChange(change_by_record)}) {
      const ScheduleTally tally = try_schedules(change, change, Wait::zero(), letter_folder());
      CHECK(tally.one > 0);
      CHECK(tally.both > 0);
      MESSAGE("not waiting: ", tally.schedules, " schedules, both in ", tally.both, ", one in ",
              tally.one);
    }
  }

  TEST_CASE("two recoveries at the same time leave what one leaves") {
    const TempDir dir(TempDir::Where::kMemory);
    const std::string folder = dir.path();
    std::size_t schedules = 0;
    for (const LetterChange& change :
         {LetterChange(change_by_names), LetterChange(change_by_record)}) {
      for (int at = 5; at < 60; at += 7) {
        const auto kill = [&] {
          fill_folder(folder, letter_folder());
          return run_in_child([&] {
            arm({.kind = Faults::Kind::kKill, .at = at, .is_flushed = false});
            change(folder, 'K', kUsualWait);
            return 0;
          });
        };
        if (kill() == 0) break;
        arm({.kind = Faults::Kind::kCount, .is_flushed = false});
        recover_toy_set(folder + "/m.toy");
        NewFile(folder + "/thesis.txt", Overwrite::kYes).commit();  // sweeps
        disarm();
        const FolderFiles whole = files_in_folder(folder);
        schedules += for_each_schedule(
            [&](std::string& text) {
              return try_change(recover_set_of_both, folder, 'A', kUsualWait, text);
            },
            [&](std::string& text) {
              return try_change(recover_set_of_both, folder, 'B', kUsualWait, text);
            },
            1, 60, [&] { kill(); },
            [&](const TwoRuns& runs) {
              CAPTURE(at);
              CAPTURE(runs.text[0]);
              CAPTURE(runs.text[1]);
              CHECK(runs.status[0] == 0);
              CHECK(runs.status[1] == 0);
              arm({.kind = Faults::Kind::kCount, .is_flushed = false});
              NewFile(folder + "/thesis.txt", Overwrite::kYes).commit();
              disarm();
              CHECK((files_in_folder(folder) == whole));
            });
      }
    }
    MESSAGE("two recoveries: ", schedules, " schedules");
  }
}
