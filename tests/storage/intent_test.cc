#include "storage/intent.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/text.h"
#include "core/wire.h"
#include "storage/checksum.h"
#include "storage/new_file.h"
#include "support/error_of.h"
#include "support/storage_change.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr std::string_view kSomeDigits = "00112233445566ff";

std::string intent_row(ByteView bytes) {
  WireWriter row;
  row.bytes(bytes);
  row.number(short_checksum(bytes));
  return std::string(as_text(row.result()));
}

// The first row of an intent, as intent.h draws it.
std::string mark_of(std::string_view mark, std::string_view digits, std::string_view decider) {
  WireWriter row;
  row.text(mark);
  row.text(digits);
  row.text(decider);
  return intent_row(row.result());
}

std::string row_of(std::uint64_t kind, std::uint64_t number, std::string_view name) {
  WireWriter row;
  row.number(kind);
  row.number(number);
  row.text(name);
  return intent_row(row.result());
}

std::string name_of_intent(std::string_view digits) { return cat(".ckpt-", digits, ".intent"); }

// A dead run's intent and its temporary, with a user's files around.
FolderFiles with_intent(const std::string& content, std::string_view digits = kSomeDigits) {
  FolderFiles files = neighbours();
  files[name_of_intent(digits)] = content;
  files[cat(".ckpt-", digits, "-1.tmp")] = "left behind";
  return files;
}

// What an Intent that comes and goes leaves of them.
FolderFiles after_sweep(const TempDir& dir, const FolderFiles& files) {
  fill_folder(dir.path(), files);
  { const Intent intent(dir.path()); }
  return files_in_folder(dir.path());
}

}  // namespace

TEST_SUITE("storage/intent") {
  TEST_CASE("what a dead run left is swept, with its temporaries and nothing else") {
    const TempDir dir;
    auto files = with_intent(mark_of("CKPTINT1", kSomeDigits, ""));
    files[cat(".ckpt-", kSomeDigits, "-x.tmp")] = "no number";
    files[cat(".ckpt-", kSomeDigits, "-1.tmp.bak")] = "no temporary";
    files[cat(".ckpt-", kSomeDigits, "-.tmp")] = "no number";
    FolderFiles wanted = files;
    wanted.erase(name_of_intent(kSomeDigits));
    wanted.erase(cat(".ckpt-", kSomeDigits, "-1.tmp"));
    CHECK((after_sweep(dir, files) == wanted));
  }

  TEST_CASE("without the mark, its own digits, or the exact form of name, nothing is swept") {
    const TempDir dir;
    for (const auto& files :
         {with_intent(""), with_intent("my notes"),
          with_intent(mark_of("CKPTINT2", kSomeDigits, "")),
          with_intent(mark_of("CKPTINT1", "00112233445566fe", "")),
          with_intent(mark_of("CKPTINT1", kSomeDigits, "../m.toy")),
          with_intent(mark_of("CKPTINT1", kSomeDigits, "").substr(0, 60)),
          with_intent(mark_of("CKPTINT1", "00112233445566FF", ""), "00112233445566FF"),
          with_intent(mark_of("CKPTINT1", "001122", ""), "001122"),
          with_intent(mark_of("CKPTINT1", kSomeDigits, "m.toy") + row_of(1, 2, "../x"))}) {
      CHECK((after_sweep(dir, files) == files));
    }
  }

  TEST_CASE("an intent whose lock is held is not swept") {
    const TempDir dir;
    const auto files = with_intent(mark_of("CKPTINT1", kSomeDigits, ""));
    fill_folder(dir.path(), files);
    const FileDescriptor owner(::open((dir / name_of_intent(kSomeDigits)).c_str(), O_RDWR));
    REQUIRE(::flock(owner.get(), LOCK_EX | LOCK_NB) == 0);
    { const Intent intent(dir.path()); }
    CHECK((files_in_folder(dir.path()) == files));
  }

  TEST_CASE("symbolic links are neither intents nor temporaries") {
    const TempDir dir;
    const TempDir elsewhere;
    write_file(elsewhere / "intent", mark_of("CKPTINT1", kSomeDigits, ""));
    write_file(elsewhere / "thesis", "all of it");
    const std::string intent_path = dir / name_of_intent(kSomeDigits);
    const std::string temporary_path = dir / cat(".ckpt-", kSomeDigits, "-1.tmp");
    std::filesystem::create_symlink(elsewhere / "intent", intent_path);
    write_file(temporary_path, "x");
    { const Intent intent(dir.path()); }
    CHECK(std::filesystem::is_symlink(intent_path));
    CHECK(read_file(temporary_path) == "x");
    std::filesystem::remove(intent_path);
    std::filesystem::remove(temporary_path);
    write_file(intent_path, mark_of("CKPTINT1", kSomeDigits, ""));
    std::filesystem::create_symlink(elsewhere / "thesis", temporary_path);
    { const Intent intent(dir.path()); }
    CHECK(!std::filesystem::exists(intent_path));
    CHECK(std::filesystem::is_symlink(temporary_path));
    CHECK(read_file(elsewhere / "thesis") == "all of it");
  }

  TEST_CASE("temporaries that the decider speaks of stay until it does not any more") {
    const TempDir dir;
    auto files = with_intent(mark_of("CKPTINT1", kSomeDigits, "m.toy"));
    // Behind a megabyte, and over the end of the block that is read at once.
    const std::string spoken = cat(".ckpt-", kSomeDigits, "-1.tmp");
    for (const std::size_t at :
         {std::size_t{0}, (std::size_t{1} << 20U) - 5, std::size_t{3} << 20U}) {
      files["m.toy"] = std::string(at, '.') + spoken + "....";
      CHECK((after_sweep(dir, files) == files));
    }
    files["m.toy"] = "of others: .ckpt-00112233445566fe-1.tmp";
    const FolderFiles left = after_sweep(dir, files);
    CHECK(!left.contains(spoken));
    CHECK(!left.contains(name_of_intent(kSomeDigits)));
  }

  TEST_CASE("what has rows is taken back for its decider alone") {
    const TempDir dir;
    auto files = with_intent(mark_of("CKPTINT1", kSomeDigits, "m.toy") + row_of(1, 4, "grown.bin") +
                             row_of(1, 4, "needed.bin") + row_of(1, 9, "short.bin"));
    files["grown.bin"] = "old-and-new";
    files["needed.bin"] = "old-and-new";
    files["short.bin"] = "old";
    CHECK((after_sweep(dir, files) == files));
    const NeededBytes needed = [](const std::string& name) -> std::optional<std::uint64_t> {
      return name == "needed.bin" ? 11 : 4;
    };
    CHECK(!has_abandoned_intent(dir / "other.toy"));
    CHECK(!take_back_intents(dir / "other.toy", needed));
    CHECK((files_in_folder(dir.path()) == files));
    CHECK(has_abandoned_intent(dir / "m.toy"));
    CHECK((files_in_folder(dir.path()) == files));
    CHECK(take_back_intents(dir / "m.toy", needed));
    FolderFiles wanted = neighbours();
    wanted["grown.bin"] = "old-";
    wanted["needed.bin"] = "old-and-new";
    wanted["short.bin"] = "old";
    CHECK((files_in_folder(dir.path()) == wanted));
    CHECK(!take_back_intents(dir / "m.toy", needed));
  }

  TEST_CASE("a loose file goes only where it is the very file, and no decider names it") {
    const TempDir dir;
    write_file(dir / "own.bin", "own");
    write_file(dir / "named.bin", "named");
    write_file(dir / "theirs.bin", "theirs");
    write_file(dir / "target", "target");
    std::filesystem::create_symlink("target", dir / "link.bin");
    const auto loose_row = [&](const std::string& of, const std::string& name) {
      struct stat status {};
      REQUIRE(::stat((dir / of).c_str(), &status) == 0);
      WireWriter row;
      row.number(2);
      row.number(status.st_ino);
      row.text(name);
      for (const auto number : {static_cast<std::int64_t>(status.st_size),
                                static_cast<std::int64_t>(status.st_mtim.tv_sec),
                                static_cast<std::int64_t>(status.st_mtim.tv_nsec)}) {
        row.number(static_cast<std::uint64_t>(number));
      }
      return intent_row(row.result());
    };
    write_file(dir / "anew.bin", "a file that");
    const std::string old_row = loose_row("anew.bin", "anew.bin");
    // As if the inode had been given to another file of the same name.
    write_file(dir / "anew.bin", "another run made");
    write_file(dir / name_of_intent(kSomeDigits),
               mark_of("CKPTINT1", kSomeDigits, "m.toy") + loose_row("own.bin", "own.bin") +
                   loose_row("named.bin", "named.bin") + loose_row("own.bin", "theirs.bin") +
                   loose_row("link.bin", "link.bin") + old_row + loose_row("own.bin", "none.bin"));
    const NeededBytes needed = [](const std::string& name) -> std::optional<std::uint64_t> {
      return name == "named.bin" ? std::optional<std::uint64_t>(5) : std::nullopt;
    };
    CHECK(take_back_intents(dir / "m.toy", needed));
    CHECK(!std::filesystem::exists(dir / "own.bin"));
    CHECK(read_file(dir / "named.bin") == "named");
    CHECK(read_file(dir / "theirs.bin") == "theirs");
    CHECK(read_file(dir / "link.bin") == "target");
    CHECK(read_file(dir / "anew.bin") == "another run made");
  }
}
