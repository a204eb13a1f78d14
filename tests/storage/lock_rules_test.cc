// What locks, stamps, leases and names of files promise.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "storage/locked_file.h"
#include "support/child.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;

TEST_SUITE("storage/lock_rules") {
  TEST_CASE("a lock is waited for, and the file that is there then is the one that is locked") {
    const TempDir dir;
    write_file(dir / "f", "old");
    auto held = std::make_unique<LockedFile>(dir / "f", LockFor::kChanging);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      write_file(dir / "g", "newer");
      std::filesystem::rename(dir / "g", dir / "f");
      held.reset();
    });
    const LockedFile waited(dir / "f", LockFor::kChanging, Wait(5000));
    other.join();
    CHECK(waited.stamp().size == 5);
    CHECK(is_same_file(waited.stamp(), stamp_of(dir / "f")));
  }

  TEST_CASE("who has waited in vain is told how long") {
    const TempDir dir;
    write_file(dir / "f", "old");
    const LockedFile held(dir / "f", LockFor::kReading);
    CHECK(error_of([&] { LockedFile(dir / "f", LockFor::kReading); }) == "no error");
    CHECK(error_of([&] { LockedFile(dir / "f", LockFor::kChanging, Wait(30)); }) ==
          "another program has it open (it holds a lock), still after 30 ms; try again when that "
          "program has closed it");
    CHECK(error_code_of([&] { LockedFile(dir / "f", LockFor::kChanging); }) == Errc::kWrite);
  }

  TEST_CASE("a file that was written, replaced or removed since is not as it was") {
    const TempDir dir;
    const auto check = [&](const std::function<void()>& f, bool is_same) {
      write_file(dir / "f", "old");
      const LockedFile locked(dir / "f", LockFor::kReading);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      f();
      CHECK(error_of([&] { locked.check_unchanged(); }) ==
            (is_same ? "no error"
                     : "was changed by another program while it was edited; nothing was written"));
    };
    check([] {}, true);
    check([&] { read_file(dir / "f"); }, true);
    check([&] { write_file(dir / "f", "new"); }, false);
    check([&] { std::filesystem::remove(dir / "f"); }, false);
    check([&] { std::filesystem::permissions(dir / "f", std::filesystem::perms(0600)); }, false);
    check(
        [&] {
          write_file(dir / "g", "old");
          std::filesystem::rename(dir / "g", dir / "f");
        },
        false);
    check([&] { std::filesystem::create_hard_link(dir / "f", dir / "h"); }, false);
  }

  TEST_CASE("further names of a file are told") {
    const TempDir dir;
    write_file(dir / "f", "x");
    CHECK(error_of([&] { LockedFile(dir / "f", LockFor::kChanging).check_single_name(); }) ==
          "no error");
    std::filesystem::create_hard_link(dir / "f", dir / "g");
    CHECK(error_of([&] {
            LockedFile(dir / "f", LockFor::kChanging).check_single_name();
          }).starts_with("has 1 more name (a hard link), under which it would change, too; "));
    std::filesystem::create_hard_link(dir / "f", dir / "h");
    CHECK(error_of([&] {
            LockedFile(dir / "f", LockFor::kChanging).check_single_name();
          }).starts_with("has 2 more names (hard links), under which "));
  }

  TEST_CASE("another program's open writer is noticed, a reader is not in the way") {
    const TempDir dir;
    write_file(dir / "f", "x");
    int to_child[2];
    int from_child[2];
    REQUIRE(::pipe(to_child) == 0);
    REQUIRE(::pipe(from_child) == 0);
    for (const int flags : {O_RDWR, O_WRONLY, O_RDONLY}) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        const int fd = ::open((dir / "f").c_str(), flags);
        char c = 'o';
        const bool is_told = fd >= 0 && ::write(from_child[1], &c, 1) == 1;
        ::_exit(is_told && ::read(to_child[0], &c, 1) == 1 ? 0 : 1);
      }
      char c = 'x';
      REQUIRE(::read(from_child[0], &c, 1) == 1);
      CHECK(error_of([&] { LockedFile(dir / "f", LockFor::kChanging); }) ==
            (flags == O_RDONLY ? "no error"
                               : "another program has it open for writing; try again when that "
                                 "program has closed it"));
      CHECK(error_of([&] { LockedFile(dir / "f", LockFor::kReading); }) == "no error");
      REQUIRE(::write(to_child[1], &c, 1) == 1);
      ::waitpid(pid, nullptr, 0);
    }
    for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) ::close(fd);
  }

  TEST_CASE("a file that may not be written is not locked for changing") {
    const TempDir dir;
    write_file(dir / "f", "x");
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(dir / "f", std::filesystem::perms(0444));
    const int status = run_in_child([&] {
      if (::geteuid() == 0 && ::setuid(65534) != 0) return 3;  // root may write anything
      const std::string error = error_of([&] { LockedFile(dir / "f", LockFor::kChanging); });
      const bool is_read =
          error_of([&] { LockedFile(dir / "f", LockFor::kReading); }) == "no error";
      return error == "may not be written: Permission denied" && is_read ? 0 : 1;
    });
    CHECK(status == 0);
  }
}
