#include <doctest/doctest.h>
#include <sys/xattr.h>

#include <csignal>

#include "core/text.h"
#include "support/folder.h"
#include "support/sanitized.h"

using namespace ckpt;

namespace {

// Runs a command of ckpt with one system call, or all from a number on, answered by `what`.
// --seccomp-bpf makes strace fast, but with it version 6.1 sends no signals.
ProcessResult inject(const DigitsAs& w, const std::string& call, const std::string& what,
                     const std::string& command) {
  return w.shell(cat("strace -f -qq", what.starts_with("error") ? " --seccomp-bpf" : "",
                     " -o /dev/null -e trace=", call, " -e inject=", call, ":", what, " \"$CKPT\" ",
                     command));
}

}  // namespace

TEST_SUITE("tools/faults") {
  TEST_CASE("receipt_without_edit: killed anywhere, no receipt says what the file is not") {
    if (kSanitized || !has_program("strace")) return;
    int kills = 0;
    for (const std::string call : {"pwrite64", "linkat", "fsync", "fdatasync"}) {
      for (int when = 1;; ++when) {
        CAPTURE(call);
        CAPTURE(when);
        const DigitsAs w("d.h5");
        const FolderBytes old = bytes_in(w.dir.path());
        write_file(w.dir / "old.h5", old.at("d.h5"));
        const ProcessResult killed =
            inject(w, call, cat("signal=KILL:when=", when),
                   "remap -i d.h5 --how journal -r conv1/=c1/ 2>/dev/null");
        if (killed.status == 0) break;
        REQUIRE(killed.status == 128 + SIGKILL);
        ++kills;
        CHECK(w.ckpt({"recover", "d.h5"}).status == 0);
        const ProcessResult verified = w.ckpt({"verify", "d.h5", "--against", "old.h5"});
        CAPTURE(verified.err);
        CHECK(verified.status == 0);
        CHECK(verified.out.starts_with("d.h5 against old.h5: same\n"));
        const bool is_old = read_file(w.dir / "d.h5") == old.at("d.h5");
        const ProcessResult undone = w.ckpt({"undo", "d.h5"});
        CAPTURE(undone.err);
        // Before the receipt there is nothing to ask.
        const bool has_receipt = count_ending(w.dir.path(), ".json") > 0;
        CHECK(undone.status == (has_receipt ? 0 : 2));
        if (is_old && has_receipt) {
          CHECK(undone.out.find("already; nothing to undo") != std::string::npos);
        }
        CHECK((read_file(w.dir / "d.h5") == old.at("d.h5")));
      }
    }
    CHECK(kills > 8);
    MESSAGE(kills << " kills");
  }

  TEST_CASE("receipt_lost: --overwrite that fails leaves OUT with its receipt and undo data") {
    if (kSanitized || !has_program("strace")) return;
    int failures = 0;
    for (const std::string& file : kEditedFiles) {
      const DigitsAs w(file);
      CAPTURE(file);
      const std::string out = "o" + file.substr(file.find('.'));
      REQUIRE(w.ckpt({"remap", file, out, "-r", w.scope("conv1") + "=" + w.scope("a")}).status ==
              0);
      REQUIRE(w.ckpt({"remap", "-i", out, "-r", w.scope("conv2") + "=" + w.scope("b")}).status ==
              0);
      const FolderBytes before = bytes_in(w.dir.path());
      for (const std::string call : {"pwrite64", "fsync", "fallocate", "ftruncate", "linkat"}) {
        // What fails from a moment on, the disk for instance, fails from then on.
        for (int when = 1; when <= 8; ++when) {
          CAPTURE(call);
          CAPTURE(when);
          const ProcessResult result = inject(w, call, cat("error=ENOSPC:when=", when, "+"),
                                              cat("remap ", file, " ", out, " --overwrite -r ",
                                                  w.scope("conv1"), "=", w.scope("z")));
          CAPTURE(result.err);
          if (result.status == 0 || result.status == 7) {
            // Done: it stays, and is told.
            for (const auto& [name, bytes] : bytes_in(w.dir.path())) {
              if (!before.contains(name)) std::filesystem::remove(w.dir / name);
            }
            for (const auto& [name, bytes] : before) write_file(w.dir / name, bytes);
            break;
          }
          CHECK(result.status == 5);
          CHECK(result.err.starts_with(cat("ckpt: ", out, ": ")));
          CHECK((bytes_in(w.dir.path()) == before));
          ++failures;
        }
      }
      CHECK(w.ckpt({"undo", out}).status == 0);
    }
    CHECK(failures > 30);
    MESSAGE(failures << " failures");
  }

  TEST_CASE(
      "bundle_undo_lost: a second edit that was killed anywhere leaves the first one's undo") {
    if (kSanitized || !has_program("strace")) return;
    int kills = 0;
    const auto cast = [](const std::string& name) {
      return cat(name, " = ", name, " | cast(f16)");
    };
    for (const std::string call :
         {"pwrite64", "fsync", "fdatasync", "linkat", "rename", "ftruncate", "unlink"}) {
      for (int when = 1;; ++when) {
        CAPTURE(call);
        CAPTURE(when);
        const DigitsAs w("d.index");
        const FolderBytes old = bytes_in(w.dir.path());
        REQUIRE(
            w.ckpt({"remap", "-i", w.file, "--no-companions", "-r", cast("dense/kernel")}).status ==
            0);
        const FolderBytes once = checkpoints_in(w.dir.path());
        const ProcessResult killed = inject(
            w, call, cat("signal=KILL:when=", when),
            cat("remap -i d.index --no-companions -r '", cast("logits/kernel"), "' 2>/dev/null"));
        if (killed.status == 0) break;
        REQUIRE(killed.status == 128 + SIGKILL);
        ++kills;
        const ProcessResult recovered = w.ckpt({"recover", w.file});
        CAPTURE(recovered.err);
        CHECK(recovered.status == 0);
        const FolderBytes now = checkpoints_in(w.dir.path());
        // Nothing that was appended is left where the second edit is not there.
        const bool is_once = now.at("d.index") == once.at("d.index");
        if (is_once) CHECK((now == once));
        for (int i = 0; i < (is_once ? 1 : 2); ++i) {
          const ProcessResult undone = w.ckpt({"undo", w.file});
          CAPTURE(undone.err);
          CHECK(undone.status == 0);
        }
        CHECK((checkpoints_in(w.dir.path()) == old));
      }
    }
    CHECK(kills > 10);
    MESSAGE(kills << " kills");
  }

  TEST_CASE("whatever write or flush of an edit in place fails, the status tells what is there") {
    if (kSanitized || !has_program("strace")) return;
    int failures = 0;
    int behind = 0;
    for (const std::string& file : kEditedFiles) {
      const DigitsAs w(file);
      CAPTURE(file);
      const FolderBytes old = bytes_in(w.dir.path());
      for (const std::string call :
           {"pwrite64", "fsync", "fdatasync", "linkat", "rename", "ftruncate"}) {
        for (const std::string from_then : {"", "+"}) {
          // A format that puts a new file in the old one's place goes through the same calls as
          // npz.
          if (from_then.empty() && (file == "d.pt" || file == "d.safetensors")) continue;
          int unharmed = 0;  // one behind the other: the calls are over
          for (int when = 1; unharmed < 2; ++when) {
            CAPTURE(call);
            CAPTURE(when);
            CAPTURE(from_then);
            const ProcessResult result =
                inject(w, call, cat("error=EIO:when=", when, from_then),
                       cat("remap -i ", file, " -r ", w.scope("conv1"), "=", w.scope("a")));
            CAPTURE(result.err);
            const FolderBytes now = bytes_in(w.dir.path());
            if (result.status == 5) {
              CHECK((now == old));
              CHECK(result.err.starts_with(cat("ckpt: ", file, ": ")));
              ++failures;
              unharmed = 0;
              continue;
            }
            CHECK((result.status == 0 || result.status == 7));
            CHECK(count_ending(w.dir.path(), ".json") == 1);
            CHECK(count_ending(w.dir.path(), ".undo") == 1);
            if (result.status == 7) ++behind;
            CHECK(w.ckpt({"recover", file}).status == 0);
            CHECK(w.ckpt({"undo", file}).status == 0);
            CHECK((checkpoints_in(w.dir.path()) == old));
            CHECK(w.ckpt({"undo", file, "--forget", "all"}).status == 0);
            CHECK((bytes_in(w.dir.path()) == old));
            unharmed = result.status == 0 ? unharmed + 1 : 0;
          }
        }
      }
    }
    CHECK(failures > 30);
    CHECK(behind > 3);
    MESSAGE(failures << " failures that left the file as it was, " << behind
                     << " behind its change");
  }

  TEST_CASE(
      "a journal that is complete and cannot be cut off again is decided: its receipt stays") {
    if (kSanitized || !has_program("strace")) return;
    const DigitsAs w("d.h5");
    const FolderBytes old = bytes_in(w.dir.path());
    const ProcessResult result = w.shell(
        "strace -f -qq --seccomp-bpf -o /dev/null -e trace=fdatasync,ftruncate "
        "-e inject=fdatasync:error=EIO:when=2 -e inject=ftruncate:error=EIO "
        "\"$CKPT\" remap -i d.h5 --how journal -r conv1/=a/");
    CAPTURE(result.err);
    CHECK(result.status == 7);
    CHECK(count_ending(w.dir.path(), ".json") == 1);
    CHECK(w.ckpt({"ls", "d.h5:a"}).status == 0);
    CHECK(w.ckpt({"recover", "d.h5"}).status == 0);
    CHECK(w.ckpt({"undo", "d.h5"}).status == 0);
    CHECK((checkpoints_in(w.dir.path()) == old));
  }

  TEST_CASE("a file system that has become read-only is an error, not one that cannot flush") {
    if (kSanitized || !has_program("strace")) return;
    for (const std::string& file : kEditedFiles) {
      CAPTURE(file);
      const DigitsAs w(file);
      const FolderBytes old = bytes_in(w.dir.path());
      const ProcessResult result =
          inject(w, "fsync,fdatasync", "error=EROFS",
                 cat("remap -i ", file, " -r ", w.scope("conv1"), "=", w.scope("a")));
      CHECK(result.status == 5);
      CHECK((checkpoints_in(w.dir.path()) == old));
    }
  }

  TEST_CASE("what an interrupted edit has left, and may not be removed, is said once") {
    if (kSanitized || !has_program("strace")) return;
    int kept = 0;
    for (int when = 1;; ++when) {
      const DigitsAs w("d.index");
      const std::string edit = "remap -i d.index -r 'dense/kernel = dense/kernel | cast(f16)'";
      const ProcessResult killed =
          inject(w, "fsync,linkat", cat("signal=KILL:when=", when), edit + " 2>/dev/null");
      if (killed.status == 0) break;
      const ProcessResult next = inject(w, "unlink", "error=EACCES", edit);
      CAPTURE(when);
      CAPTURE(next.err);
      if (next.status == 0) continue;  // nothing was left
      CHECK(next.status == 5);
      CHECK(next.err.find("what an interrupted edit has left cannot be removed") !=
            std::string::npos);
      ++kept;
    }
    CHECK(kept > 0);
  }

  TEST_CASE("an intent that could not be locked is nobody's proof, and its change goes on") {
    if (kSanitized || !has_program("strace")) return;
    for (int when = 1; when < 20; ++when) {
      CAPTURE(when);
      const DigitsAs w("s.safetensors.index.json");
      const FolderBytes old = checkpoints_in(w.dir.path());
      const ProcessResult result =
          inject(w, "flock", cat("error=ENOLCK:when=", when),
                 "remap -i s.safetensors.index.json -r conv1.=aaaaaaaaaaaaaaaaa.");
      CAPTURE(result.err);
      CHECK((result.status == 0 || result.status == 5));
      if (result.status == 0) CHECK(w.ckpt({"undo", w.file}).status == 0);
      CHECK((checkpoints_in(w.dir.path()) == old));
    }
  }

  TEST_CASE("what waits for a record is kept while its index is elsewhere for a moment") {
    if (kSanitized || !has_program("strace")) return;
    int interrupted = 0;
    for (int when = 1; when < 4; ++when) {
      CAPTURE(when);
      const DigitsAs w("s.safetensors.index.json");
      const ProcessResult killed =
          inject(w, "rename", cat("signal=KILL:when=", when),
                 cat("remap -i ", w.file, " -r conv1.=aaaaaaaaaaaaaaaaa. 2>/dev/null"));
      if (killed.status == 0) continue;
      ++interrupted;
      write_file(w.dir / "d.h5", read_file(CKPT_FIXTURES "/digits/digits.h5"));
      REQUIRE(w.shell(cat("mv ", w.file,
                          " kept; ckpt remap -i --how replace d.h5 -r conv1/=a/; mv kept ", w.file))
                  .status == 0);
      CHECK(w.ckpt({"recover", w.file}).status == 0);
      CHECK(w.ckpt({"ls", w.file}).status == 0);
    }
    CHECK(interrupted > 0);
  }

  TEST_CASE("metadata that cannot be kept is named") {
    if (kSanitized || !has_program("strace")) return;
    for (const std::string file : {"d.h5", "d.npz", "d.safetensors"}) {
      CAPTURE(file);
      const DigitsAs w(file);
      const std::string path = w.dir / file;
      if (::setxattr(path.c_str(), "user.owner", "me", 2, 0) != 0) return;
      const std::string edit =
          cat("remap -i --how replace ", file, " -r ", w.scope("conv1"), "=", w.scope("a"));
      const ProcessResult result = inject(w, "fsetxattr", "error=ENOSPC", edit);
      CHECK(result.status == 0);
      CHECK(result.err.find("could not be kept as before: extended attributes") !=
            std::string::npos);
    }
  }
}
