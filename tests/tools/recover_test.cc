#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "formats/formats.h"
#include "support/child.h"
#include "support/contents.h"
#include "support/faults.h"
#include "support/hdf5_files.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// Leaves the file as a kill in the middle of an edit in place does: the journal is written, and not
// all of its pages are. The first such moment, or the last.
void interrupt(const std::string& file, bool at_first) {
  const std::string before = read_file(file);
  const Edit edit = prefix_move(file, "conv1/", "stem/");
  std::string interrupted;
  for (int at = 1;; ++at) {
    write_file(file, before);
    const int status = run_in_child([&] {
      arm({.kind = Faults::Kind::kKill, .at = at});
      edit_file(file, "", edit, {.in_place = InPlace::kJournal});
      return 0;
    });
    if (status == 0) break;
    REQUIRE(status == 128 + SIGKILL);
    if (!contents_of(file).was_interrupted) continue;
    interrupted = read_file(file);
    if (at_first) break;
  }
  REQUIRE(!interrupted.empty());
  write_file(file, interrupted);
}

}  // namespace

TEST_SUITE("tools/recover") {
  TEST_CASE(
      "a command that reads sees what recover will leave, and changes nothing; an edit recovers") {
    for (const bool at_first : {true, false}) {
      CAPTURE(at_first);
      const TempDir dir;
      std::filesystem::copy(CKPT_FIXTURES "/digits/digits.h5", dir / "d.h5");
      interrupt(dir / "d.h5", at_first);
      const std::string bytes = read_file(dir / "d.h5");
      const auto ls = run_ckpt({"ls", "d.h5"}, dir.path());
      CHECK(ls.status == 0);
      CHECK(ls.err ==
            "ckpt: d.h5: note: an edit of it was interrupted; `ckpt recover` finishes it or takes "
            "it back, and it is read as that will leave it\n");
      CHECK((read_file(dir / "d.h5") == bytes));
      const bool is_old = ls.out.find("conv1/") != std::string::npos;
      const auto edit = run_ckpt({"remap", "-i", "d.h5", "-r", "conv2/=block/"}, dir.path());
      CHECK(edit.status == 0);
      CHECK(edit.err == std::string("ckpt: d.h5: note: an edit of it was interrupted; it is ") +
                            (is_old ? "taken back now\n" : "finished now\n"));
      const auto scope = run_ckpt({"ls", is_old ? "d.h5:conv1" : "d.h5:stem"}, dir.path());
      CHECK(scope.status == 0);
      CHECK(scope.err.empty());
    }
  }

  TEST_CASE("recover waits for a program that has the file") {
    const TempDir dir;
    std::filesystem::copy(CKPT_FIXTURES "/digits/digits.h5", dir / "d.h5");
    interrupt(dir / "d.h5", true);
    const std::string bytes = read_file(dir / "d.h5");
    const auto reader = open_file(dir / "d.h5");
    const auto recover = run_ckpt({"recover", "d.h5", "--wait", "0.05"}, dir.path());
    CHECK(recover.status == 5);
    CHECK(recover.err ==
          "ckpt: d.h5: another program has it open (it holds a lock), still after 50 ms; try again "
          "when that program has closed it\n");
    CHECK((read_file(dir / "d.h5") == bytes));
  }

  TEST_CASE("recover says what it did, also where there was nothing to do") {
    const TempDir dir;
    std::filesystem::copy(CKPT_FIXTURES "/digits/digits.h5", dir / "d.h5");
    CHECK(run_ckpt({"recover", "d.h5"}, dir.path()).out ==
          "d.h5: no edit was interrupted; nothing to do\n");
    interrupt(dir / "d.h5", false);
    const auto recovered = run_ckpt({"recover", "d.h5"}, dir.path());
    CHECK(recovered.status == 0);
    CHECK(recovered.out == "d.h5: an edit was interrupted; it is finished now\n");
    CHECK(run_ckpt({"ls", "d.h5:stem"}, dir.path()).status == 0);
  }

  TEST_CASE("a journal that claims ranges without end costs no memory") {
    if (kSanitized) return;
    const TempDir dir;
    std::string bytes = read_file(CKPT_FIXTURES "/digits/digits.h5");
    const auto put = [&](std::string_view magic, std::initializer_list<std::uint64_t> numbers) {
      bytes += magic;
      for (const std::uint64_t number : numbers) {
        for (int i = 0; i < 8; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xffU);
      }
    };
    bytes.resize((bytes.size() + 4095) / 4096 * 4096);
    const std::uint64_t at = bytes.size();
    constexpr std::uint64_t kCount = std::uint64_t{1} << 26U;  // of 16 bytes each
    put("CKPTJRN1", {at, at, 0, kCount});
    write_file(dir / "d.h5", bytes);
    std::filesystem::resize_file(dir / "d.h5", bytes.size() + kCount * 16);
    bytes.clear();
    put("CKPTEND1", {at, 0});
    bytes += "CKPTEND2";
    std::ofstream(dir / "d.h5", std::ios::binary | std::ios::app) << bytes;
    const auto ls =
        run({"bash", "-c", "ulimit -v 700000; exec \"$0\" ls d.h5:conv1", CKPT_TOOL}, dir.path());
    CAPTURE(ls.err);
    CHECK(ls.status == 0);
  }
}
