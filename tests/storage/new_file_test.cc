#include "storage/new_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "storage/new_file.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    names.push_back(item.path().filename());
  }
  return names;
}

}  // namespace

TEST_SUITE("storage/new_file") {
  TEST_CASE("nothing is seen before the commit, all of it after") {
    const TempDir dir;
    {
      NewFile file(dir / "out", Overwrite::kNo);
      file.write_at(3, as_byte_view("def"));
      file.write_at(0, as_byte_view("abc"));
      CHECK(names_in(dir.path()).empty());
      file.commit();
    }
    CHECK(read_file(dir / "out") == "abcdef");
    CHECK(names_in(dir.path()) == std::vector<std::string>{"out"});
  }

  TEST_CASE("without a commit no trace is left") {
    const TempDir dir;
    { NewFile(dir / "out", Overwrite::kNo).write_at(0, as_byte_view("abc")); }
    CHECK(names_in(dir.path()).empty());
  }

  TEST_CASE("an existing file is kept, or replaced with its permission bits and its links") {
    const TempDir dir;
    write_file(dir / "out", "old");
    CHECK(error_of([&] { NewFile(dir / "out", Overwrite::kNo); }) ==
          "exists already; give another name, or replace it with --overwrite");
    REQUIRE(::chmod((dir / "out").c_str(), 0640) == 0);
    std::filesystem::create_symlink("out", dir / "link");
    NewFile file(dir / "link", Overwrite::kYes);
    file.write_at(0, as_byte_view("new"));
    file.commit();
    CHECK(read_file(dir / "out") == "new");
    CHECK(std::filesystem::is_symlink(dir / "link"));
    struct stat status {};
    REQUIRE(::stat((dir / "out").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
  }

  TEST_CASE("a file that comes into being meanwhile is not replaced") {
    const TempDir dir;
    NewFile file(dir / "out", Overwrite::kNo);
    write_file(dir / "out", "theirs");
    CHECK(error_of([&] { file.commit(); }) ==
          "came into being while it was written; give another name");
    CHECK(read_file(dir / "out") == "theirs");
  }

  TEST_CASE("a failed write sticks: the commit fails too and nothing appears") {
    const TempDir dir;
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1000, before.rlim_max};
    NewFile file(dir / "out", Overwrite::kNo);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Bytes bytes(2000);
    const std::string first = error_of([&] { file.write_at(0, bytes); });
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_handler);
    CHECK(first == "cannot write 1000 bytes at 1000: File too large");
    CHECK(error_of([&] { file.commit(); }) == first);
    CHECK(names_in(dir.path()).empty());
  }

  TEST_CASE("small pieces go to a file from a place on, which moves along") {
    const TempDir dir;
    NewFile file(dir / "f", Overwrite::kNo);
    file.write_at(0, as_byte_view("head"));
    std::uint64_t at = 4;
    Blocks blocks = blocks_into(file, at);
    blocks.add("body");
    CHECK(at == 4);
    blocks.flush();
    CHECK(at == 8);
    file.commit();
    CHECK(read_file(dir / "f") == "headbody");
  }

  TEST_CASE("what is called like a temporary and is not proven to be one stays") {
    const TempDir dir;
    const std::vector<std::string> names{".ckpt-0123456789abcdef-1.tmp",
                                         ".ckpt-0123456789abcdef.intent", ".ckpt-1-0.tmp",
                                         ".ckpt-best.pt.tmp", "out"};
    for (const std::string& name : names) write_file(dir / name, "somebody's");
    NewFile file(dir / "out", Overwrite::kYes);
    file.write_at(0, as_byte_view("new"));
    file.commit();
    auto there = names_in(dir.path());
    std::ranges::sort(there);
    CHECK(there == names);
    for (const std::string& name : names) {
      CHECK(read_file(dir / name) == (name == "out" ? "new" : "somebody's"));
    }
  }

  TEST_CASE("a folder that cannot be written to or a folder as the target is said so") {
    const TempDir dir;
    CHECK(error_of([&] {
            NewFile(dir / "none/out", Overwrite::kNo);
          }).ends_with("none: No such file or directory"));
    CHECK(error_of([&] { NewFile(dir.path(), Overwrite::kYes); }) ==
          "is a directory or a device; the name of a file is needed");
  }
}
