#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "core/text.h"
#include "support/folder.h"
#include "support/sanitized.h"

using namespace ckpt;

namespace {

// The calls by which files are written. Each is one that a kill may come in front of.
const std::vector<std::string> kCalls{"pwrite64", "ftruncate", "fdatasync", "fsync",
                                      "rename",   "unlink",    "linkat"};

struct Work {
  std::string file;
  std::string how;
  bool is_cast = false;
};

const std::vector<Work> kWorks{{"d.h5", "journal"},
                               {"d.h5", "journal", true},
                               {"d.safetensors", "journal"},
                               {"d.index", "auto", true},
                               {"s.safetensors.index.json", "auto"},
                               {"s.safetensors.index.json", "auto", true}};

std::string edit_of(const DigitsAs& w, const Work& work) {
  const std::string kernel = w.variable("dense", "kernel");
  const std::string rule = work.is_cast ? cat(kernel, " = ", kernel, " | cast(f16)")
                                        : w.scope("conv1") + "=" + w.scope("stem");
  return cat("\"$CKPT\" remap -i ", w.file, " --how ", work.how, " -r '", rule, "'");
}

// Ends the edit in front of the call number `when` of that name. False where there are not so many.
bool kill_edit(const DigitsAs& w, const Work& work, const std::string& call, int when) {
  const ProcessResult result =
      w.shell(cat("strace -f -qq -o /dev/null -e trace=", call, " -e inject=", call,
                  ":signal=KILL:when=", when, " ", edit_of(w, work), " 2>/dev/null"));
  if (result.status == 0) return false;
  REQUIRE(result.status == 128 + SIGKILL);
  return true;
}

// What the reading commands say, each with its status: all of them, or the one that asks for most.
std::vector<std::string> answers_on(const DigitsAs& w, const std::string& old, bool all) {
  std::vector<std::string> answers;
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"ls", "--slots", "--long", w.file},
                                             {"show", w.file, w.variable("conv2", "kernel")},
                                             {"dups", w.file},
                                             {"diff", w.file, old},
                                             {"verify", w.file, "--against", old},
                                             {"convert", w.file, "out.npz", "-n"}}) {
    if (!all && command.front() != "verify") continue;
    const ProcessResult result = w.ckpt(command);
    answers.push_back(cat(join(command, " "), ": status ", result.status, "\n", result.out));
  }
  return answers;
}

}  // namespace

TEST_SUITE("tools/interrupted") {
  TEST_CASE("an edit that was killed is read as `recover` leaves it, and nothing is written") {
    if (kSanitized || !has_program("strace")) return;
    int kills = 0;
    int interrupted = 0;
    for (const Work& work : kWorks) {
      const DigitsAs old(work.file);
      const DigitsAs done(work.file);
      REQUIRE(done.shell(edit_of(done, work)).status == 0);
      const FolderBytes before = bytes_in(old.dir.path());
      const FolderBytes after = checkpoints_in(done.dir.path());
      std::set<std::string> seen;  // states that were looked at: calls that write nothing share one
      for (const std::string& call : kCalls) {
        for (int when = 1;; ++when) {
          const DigitsAs w(work.file);
          if (!kill_edit(w, work, call, when)) break;
          ++kills;
          std::string state;
          for (const auto& [name, bytes] : bytes_in(w.dir.path())) {
            state += cat(name.starts_with(".ckpt-") ? "hidden" : name, " ", bytes.size(), " ",
                         std::hash<std::string>()(bytes), "\n");
          }
          if (!seen.insert(state).second) continue;
          CAPTURE(work.file);
          CAPTURE(work.how);
          CAPTURE(work.is_cast);
          CAPTURE(call);
          CAPTURE(when);
          const auto states = states_in(w.dir.path());
          const ProcessResult ls = w.ckpt({"ls", w.file});
          CHECK(ls.status == 0);
          const bool is_noted = ls.err.find("interrupted") != std::string::npos;
          const auto answers = answers_on(w, old.dir / old.file, is_noted);
          CHECK((states_in(w.dir.path()) == states));
          if (is_noted) {
            ++interrupted;
            CHECK(ls.err.find("`ckpt recover`") != std::string::npos);
          }
          const ProcessResult recovered = w.ckpt({"recover", w.file});
          CAPTURE(recovered.err);
          CHECK(recovered.status == 0);
          if (is_noted) CHECK(recovered.out.find("an edit was interrupted") != std::string::npos);
          CHECK(answers_on(w, old.dir / old.file, is_noted) == answers);
          CHECK(w.ckpt({"ls", w.file}).err.find("interrupted") == std::string::npos);
          // Old or new, nothing besides, and the way back is there.
          const FolderBytes now = checkpoints_in(w.dir.path());
          CHECK((now == before || now == after));
          const ProcessResult undone = w.ckpt({"undo", w.file});
          CAPTURE(undone.err);
          if (now == after) CHECK(undone.status == 0);
          CHECK((checkpoints_in(w.dir.path()) == before));
          // And what an interrupted run has left is in nobody's way.
          CHECK(w.shell(edit_of(w, work)).status == 0);
          CHECK((checkpoints_in(w.dir.path()) == after));
        }
      }
    }
    CHECK(interrupted > 0);
    MESSAGE(kills << " kills, " << interrupted << " of another state with an interrupted edit");
  }

  TEST_CASE("an interrupted edit whose record is damaged is status 4 to every command") {
    if (kSanitized || !has_program("strace")) return;
    const Work work{"d.h5", "journal"};
    bool found = false;
    for (int when = 1; !found; ++when) {
      const DigitsAs w(work.file);
      REQUIRE(kill_edit(w, work, "pwrite64", when));
      std::string bytes = read_file(w.dir / w.file);
      if (bytes.find("CKPTEND2") == std::string::npos) continue;
      if (bytes.substr(1, 3) == "HDF") continue;  // decided, and the file itself still the old one
      found = true;
      bytes[bytes.size() - 200] = static_cast<char>(bytes[bytes.size() - 200] ^ 1);
      write_file(w.dir / w.file, bytes);
      const auto states = states_in(w.dir.path());
      for (const std::vector<std::string>& command :
           std::vector<std::vector<std::string>>{{"ls", w.file},
                                                 {"show", w.file, "conv2/kernel"},
                                                 {"doctor", w.file},
                                                 {"recover", w.file},
                                                 {"remap", "-i", w.file, "-r", "conv2/=two/"},
                                                 {"convert", w.file, "o.npz"}}) {
        const ProcessResult result = w.ckpt(command);
        CAPTURE(command.front());
        CHECK(result.status == 4);
        CHECK(result.err.starts_with("ckpt: d.h5: "));
        CHECK((states_in(w.dir.path()) == states));
      }
    }
  }
}
