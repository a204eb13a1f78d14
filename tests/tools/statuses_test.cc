#include <doctest/doctest.h>
#include <unistd.h>

#include "core/text.h"
#include "support/digits.h"
#include "support/folder.h"
#include "support/sanitized.h"

using namespace ckpt;

namespace fs = std::filesystem;

namespace {

std::string edit_of(const DigitsAs& w) {
  return cat("remap -i ", w.file, " -r ", w.scope("conv1"), "=", w.scope("stem"));
}

const std::string kNoSpace = "cannot write to standard output: No space left on device\n";

}  // namespace

TEST_SUITE("tools/statuses") {
  TEST_CASE("an edit whose report cannot be printed is done, and says so: status 7") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const FolderBytes old = bytes_in(w.dir.path());
      const ProcessResult full = w.shell(cat("ckpt ", edit_of(w), " > /dev/full"));
      CHECK(full.status == 7);
      CHECK(full.err ==
            cat("ckpt: ", file, ": is written, but its report was not printed: ", kNoSpace));
      CHECK(count_ending(w.dir.path(), ".undo") == 1);
      const ProcessResult undone = w.shell(cat("ckpt undo ", file, " > /dev/full"));
      CHECK(undone.status == 7);
      CHECK(undone.err ==
            cat("ckpt: ", file, ": is written, but its report was not printed: ", kNoSpace));
      CHECK((checkpoints_in(w.dir.path()) == old));
      CHECK(w.shell(cat("ckpt ", edit_of(w), " >&-")).status == 7);
      CHECK(w.shell(cat("ckpt undo ", file, " >&-")).status == 7);
      CHECK((checkpoints_in(w.dir.path()) == old));
    }
  }

  TEST_CASE("a new file whose report cannot be printed is there: status 7, whoever wrote it") {
    const DigitsFolder folder;
    for (const auto& each : std::vector<std::pair<std::string, std::string>>{
             {"o.h5", "remap digits.h5 o.h5 -r conv1/=a/"},
             {"o.npz", "convert digits.h5 o.npz"},
             {"i.h5", "init i.h5 --graph digits.json"},
             {"r.npz", "run digits.h5 --graph digits.json --inputs test_digits.npz -o r.npz"},
             {"j.xml", "verify digits.h5 --against digits.h5 --junit j.xml"},
             {"g.npz", "verify digits.h5 --graph digits.json --record g.npz"},
             {"f.json", "dups digits.h5 --fix f.json"},
             {"s.h5", "doctor digits.h5 --salvage s.h5"}}) {
      const std::string& out = each.first;
      const std::string& command = each.second;
      CAPTURE(command);
      const ProcessResult result =
          run_shell(cat("ckpt ", command, " > /dev/full"), folder.dir.path());
      CAPTURE(result.err);
      CHECK(result.status == 7);
      CHECK(result.err.ends_with(
          cat("ckpt: ", out, ": is written, but its report was not printed: ", kNoSpace)));
      CHECK(fs::exists(folder.dir / out));
    }
  }

  TEST_CASE("a reading command that cannot print, and an edit that does nothing, end with 5") {
    const DigitsAs w("d.h5");
    const auto states = states_in(w.dir.path());
    for (const std::string command :
         {"ls d.h5", "show d.h5 conv2/kernel", "diff d.h5 d.h5", "doctor d.h5", "dups d.h5",
          "verify d.h5 --against d.h5", "undo d.h5 --list", "recover d.h5",
          "remap -i d.h5 -n -r conv1/=a/", "convert d.h5 o.npz -n"}) {
      CAPTURE(command);
      for (const std::string to : {"> /dev/full", ">&-"}) {
        const ProcessResult result = w.shell(cat("ckpt ", command, " ", to));
        // `diff` of a file with itself has nothing to say.
        if (result.out.empty() && result.status == 0) continue;
        CHECK(result.status == 5);
        CHECK(result.err.find("cannot write to standard output: ") != std::string::npos);
      }
    }
    CHECK((states_in(w.dir.path()) == states));
  }

  TEST_CASE("every option that writes a file keeps one that is there, in one sentence") {
    const DigitsFolder folder;
    write_file(folder.dir / "mine.npz", "mine");
    const auto states = states_in(folder.dir.path());
    for (const std::string command :
         {"remap digits.h5 mine.npz -r conv1/=a/ --how replace", "convert digits.h5 mine.npz",
          "init mine.npz --graph digits.json",
          "run digits.h5 --graph digits.json --inputs test_digits.npz -o mine.npz",
          "verify digits.h5 --against digits.h5 --junit mine.npz",
          "verify digits.h5 --graph digits.json --record mine.npz", "dups digits.h5 --fix mine.npz",
          "show digits.h5 dense/bias --npy mine.npz", "doctor digits.h5 --salvage mine.npz"}) {
      CAPTURE(command);
      const ProcessResult result = run_shell(cat("ckpt ", command), folder.dir.path());
      CHECK(result.status == 5);
      CHECK(
          result.err.ends_with("ckpt: mine.npz: exists already; give another name, or replace it "
                               "with --overwrite\n"));
      CHECK(result.out == "");
      CHECK((states_in(folder.dir.path()) == states));
    }
  }

  TEST_CASE("a file that may not be written is not replaced either, in any format") {
    if (::geteuid() != 0 || !has_program("setpriv")) return;
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const FolderBytes before = bytes_in(w.dir.path());
      REQUIRE(w.shell("chmod 777 .; chmod 444 *; chown 65534 *; chmod 755 /tmp/ckpt-test-* || true")
                  .status == 0);
      for (const std::string how : {"auto", "replace"}) {
        const ProcessResult result = w.shell(
            cat("setpriv --reuid=65534 --clear-groups \"$CKPT\" ", edit_of(w), " --how ", how));
        if (result.status == 126 || result.status == 127) {
          MESSAGE("SKIPPED: another user cannot run " CKPT_TOOL);
          return;
        }
        CHECK(result.status == 5);
        CHECK(result.err == cat("ckpt: ", file, ": may not be written: Permission denied\n"));
        CHECK((bytes_in(w.dir.path()) == before));
      }
    }
  }

  TEST_CASE("in a folder that may not be written the message names --no-receipt, or the folder") {
    if (::geteuid() != 0 || !has_program("setpriv")) return;
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const FolderBytes before = bytes_in(w.dir.path());
      REQUIRE(w.shell("chmod 666 *; chmod 755 .").status == 0);
      const std::string as_nobody = "setpriv --reuid=65534 --clear-groups \"$CKPT\" ";
      const ProcessResult result = w.shell(cat(as_nobody, edit_of(w)));
      if (result.status == 126 || result.status == 127) {
        MESSAGE("SKIPPED: another user cannot run " CKPT_TOOL);
        return;
      }
      CHECK(result.status == 5);
      CHECK(result.err.starts_with(cat("ckpt: ", file, ": ")));
      CHECK(result.err.find("Permission denied") != std::string::npos);
      CHECK((bytes_in(w.dir.path()) == before));
      if (file != "d.h5" && file != "d.safetensors") continue;
      const ProcessResult bare = w.shell(cat(as_nobody, edit_of(w), " --no-receipt --how journal"));
      CAPTURE(bare.err);
      CHECK(bare.status == 0);
    }
  }

  TEST_CASE("a full disk leaves everything as it was, at every size that is too small") {
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      REQUIRE(w.ckpt({"remap", file, "o" + file.substr(file.find('.')), "-r",
                      w.scope("conv1") + "=" + w.scope("a")})
                  .status == 0);
      const FolderBytes before = bytes_in(w.dir.path());
      for (const int blocks : {0, 1, 4, 16, 48}) {
        CAPTURE(blocks);
        for (const std::string& command :
             {edit_of(w), cat("remap ", file, " o", file.substr(file.find('.')), " --overwrite -r ",
                              w.scope("conv1"), "=", w.scope("z"))}) {
          const ProcessResult result =
              w.shell(cat("trap '' XFSZ; ulimit -f ", blocks, "; exec ckpt ", command));
          CAPTURE(command);
          CAPTURE(result.err);
          if (result.status == 5) {
            CHECK((bytes_in(w.dir.path()) == before));
          } else {
            // What was decided before the limit was met is finished without it.
            CHECK((result.status == 0 || result.status == 7));
            if (result.status == 7) CHECK(w.ckpt({"recover", file}).status == 0);
            CHECK(w.ckpt({"doctor", file}).status == 0);
            for (const auto& [name, bytes] : bytes_in(w.dir.path())) {
              fs::remove(w.dir / name);
            }
            for (const auto& [name, bytes] : before) write_file(w.dir / name, bytes);
          }
        }
      }
    }
  }
}
