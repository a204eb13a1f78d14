#include "storage/locked_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;

TEST_SUITE("storage/locked_file") {
  TEST_CASE("bytes are read at their offset and not past the end") {
    const TempDir dir;
    write_file(dir / "f", "0123456789");
    const auto file = open_file(dir / "f");
    Bytes out(3);
    file->read_at(7, out);
    CHECK(as_text(out) == "789");
    CHECK(error_of([&] { file->read_at(8, out); }) ==
          "offset 8 + 3 bytes passes the end of the file (10)");
    CHECK(error_of([&] { file->read_at(~std::uint64_t{0}, out); }) ==
          "offset 18446744073709551615 + 3 bytes passes the end of the file (10)");
  }

  TEST_CASE("what is no readable regular file is answered with what it is") {
    const TempDir dir;
    CHECK(error_of([&] { open_file(dir / "none"); }) == "no such file");
    CHECK(error_code_of([&] { open_file(dir / "none"); }) == Errc::kNotFound);
    CHECK(error_of([&] { open_file(dir.path()); }) ==
          "is a directory; a checkpoint file is needed");
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK(error_of([&] { open_file(dir / "fifo"); }) ==
          "is a pipe or a device; a regular file is needed, since checkpoints are read at random "
          "places");
    CHECK(error_code_of([&] { open_file("/dev/zero"); }) == Errc::kIo);
  }

  TEST_CASE("a file that another holds a write lock on is not read") {
    const TempDir dir;
    write_file(dir / "f", "x");
    const FileDescriptor writer(::open((dir / "f").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::flock(writer.get(), LOCK_EX | LOCK_NB) == 0);
    CHECK(error_of([&] { open_file(dir / "f"); }) ==
          "another program has it open for writing (it holds a lock); try again when that program "
          "has closed it");
    CHECK(error_of([&] { LockedFile(dir / "f", LockFor::kChanging, Wait(20)); }) ==
          "another program has it open (it holds a lock), still after 20 ms; try again when that "
          "program has closed it");
  }
}
