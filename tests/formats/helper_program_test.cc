#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "core/text.h"
#include "formats/hdf5_helper/helper_folder.h"
#include "formats/hdf5_helper/helper_program.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;
using namespace ckpt::hdf5;

namespace {

namespace fs = std::filesystem;

struct stat program_of(uid_t user, gid_t group, mode_t mode) {
  struct stat status {};
  status.st_uid = user;
  status.st_gid = group;
  status.st_mode = mode;
  return status;
}

// A copy of ckpt in a folder of its own, with a file to edit.
struct Copied {
  Copied() {
    fs::create_directory(dir / "bin");
    fs::copy(CKPT_TOOL, dir / "bin/ckpt");
    fs::permissions(dir / "bin/ckpt", fs::perms(0755));
    fs::copy(CKPT_FIXTURES "/digits/digits.h5", dir / "d.h5");
    for (const std::string& place : {beside, below})
      fs::create_directories(fs::path(place).parent_path());
  }
  // A script that leaves a trace where it is run.
  void plant(const std::string& place) const {
    write_file(place, "#!/bin/sh\necho run >> " + (dir / "trace") + "\n");
    fs::permissions(place, fs::perms(0755));
  }
  [[nodiscard]] ProcessResult remap() const {
    return run({dir / "bin/ckpt", "remap", "-i", "--no-receipt", "d.h5", "-r", "conv1/ = zz/"},
               dir.path());
  }
  [[nodiscard]] bool was_run() const { return fs::exists(dir / "trace"); }
  // What is said where nothing is left.
  [[nodiscard]] std::string missing(const std::string& faults) const {
    const std::string bin = fs::canonical(dir / "bin");
    return cat("ckpt: d.h5: the helper program ckpt-hdf5-helper is missing; it was looked for at ",
               bin, "/../libexec/ckpt/ckpt-hdf5-helper, ", bin, "/libexec/ckpt/ckpt-hdf5-helper, ",
               helper_folder, "/ckpt-hdf5-helper; ", bin, "/../libexec/ckpt/ckpt-hdf5-helper ",
               faults, ", so it is not run; the file is untouched\n");
  }

  TempDir dir;
  std::string beside = dir / "libexec/ckpt/ckpt-hdf5-helper";
  std::string below = dir / "bin/libexec/ckpt/ckpt-hdf5-helper";
};

}  // namespace

TEST_SUITE("formats/helper_program") {
  TEST_CASE("a helper is run where nobody could write it who cannot write the program") {
    constexpr mode_t kFile = S_IFREG;
    const auto ours = program_of(1000, 1000, kFile | 0755);
    CHECK(why_not_run(program_of(1000, 1000, kFile | 0755), ours) == "");
    CHECK(why_not_run(program_of(0, 0, kFile | 0755), ours) == "");
    CHECK(why_not_run(program_of(1001, 1000, kFile | 0755), ours) ==
          "belongs to user 1001, who is neither root nor the owner of the running program (user "
          "1000)");
    CHECK(why_not_run(program_of(1000, 1000, S_IFLNK | 0777), ours) == "is no regular file");
    CHECK(why_not_run(program_of(1000, 1000, kFile | 0757), ours) == "may be written by anybody");
    CHECK(why_not_run(program_of(1000, 1000, kFile | 0775), ours) ==
          "may be written by group 1000, which may not write the running program");
    const auto shared = program_of(1000, 1000, kFile | 0775);  // built under umask 002
    CHECK(why_not_run(program_of(1000, 1000, kFile | 0775), shared) == "");
    CHECK(why_not_run(program_of(1000, 50, kFile | 0775), shared) ==
          "may be written by group 50, which may not write the running program");
    CHECK(why_not_run(program_of(1000, 1000, kFile | 0777), shared) == "may be written by anybody");
    const auto without_modes = program_of(1000, 1000, kFile | 0777);
    CHECK(why_not_run(program_of(1000, 50, kFile | 0777), without_modes) == "");
  }

  TEST_CASE("a helper that was planted beside a copy of ckpt is not run") {
    if (fs::exists(cat(helper_folder, "/ckpt-hdf5-helper"))) {
      MESSAGE("SKIPPED: there is a helper in " << helper_folder);
      return;
    }
    const Copied copied;
    const std::string before = read_file(copied.dir / "d.h5");
    const auto check = [&](const std::string& fault) {
      const ProcessResult result = copied.remap();
      CHECK(result.status == 4);
      CHECK(result.err == copied.missing(fault));
      CHECK_FALSE(copied.was_run());
      CHECK((read_file(copied.dir / "d.h5") == before));
    };
    copied.plant(copied.beside);
    fs::permissions(copied.beside, fs::perms(0777));
    check("may be written by anybody");
    fs::rename(copied.beside, copied.dir / "elsewhere");
    fs::permissions(copied.dir / "elsewhere", fs::perms(0755));
    fs::create_symlink(copied.dir / "elsewhere", copied.beside);
    check("is no regular file");
    if (::geteuid() == 0) {
      fs::remove(copied.beside);
      copied.plant(copied.beside);
      REQUIRE(::chown(copied.beside.c_str(), 65534, 65534) == 0);
      check(
          "belongs to user 65534, who is neither root nor the owner of the running program (user "
          "0)");
    }
  }

  TEST_CASE("a helper that may be run is, behind one that may not") {
    const Copied copied;
    copied.plant(copied.beside);
    fs::permissions(copied.beside, fs::perms(0777));
    fs::copy(fs::path(CKPT_TOOL).parent_path() / "libexec/ckpt/ckpt-hdf5-helper", copied.below);
    fs::permissions(copied.below, fs::perms(0755));
    const ProcessResult result = copied.remap();
    CHECK(result.err == "");
    CHECK(result.status == 0);
    CHECK_FALSE(copied.was_run());
  }
}
