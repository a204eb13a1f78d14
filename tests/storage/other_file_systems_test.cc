// File systems and machines that lack something: what is promised stays true.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "core/text.h"
#include "storage/locked_file.h"
#include "storage/new_file.h"
#include "support/calls.h"
#include "support/child.h"
#include "support/error_of.h"
#include "support/faults.h"
#include "support/sanitized.h"
#include "support/storage_change.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// What there is not.
struct Lacks {
  std::string_view word;
  bool unnamed = false;     // O_TMPFILE: EOPNOTSUPP
  bool links = false;       // linkat: EPERM
  bool rename_new = false;  // renameat2: EINVAL
  bool modes = false;       // fchmod: EPERM
  bool flushes = false;     // fsync: EINVAL
  bool attributes = false;  // fsetxattr: EOPNOTSUPP
  bool proc = false;        // /proc
};
constexpr Lacks kLacks[] = {
    {.word = "no unnamed files", .unnamed = true},
    {.word = "no hard links", .links = true},
    {.word = "FUSE", .unnamed = true, .links = true},
    {.word = "exFAT", .unnamed = true, .links = true, .rename_new = true, .modes = true},
    {.word = "no links, no renameat2", .links = true, .rename_new = true},
    {.word = "no modes, no attributes", .modes = true, .attributes = true},
    {.word = "no flushes", .flushes = true},
    {.word = "no /proc", .proc = true},
};

class LackingHook final : public CallHook {
 public:
  explicit LackingHook(const Lacks& lacks) : lacks_(lacks) {}

  int kill_at = 0;
  int calls = 0;

  Verdict before(const Call& call) override {
    if (is_write_like(call.kind) && ++calls == kill_at) ::raise(SIGKILL);
    const bool is_of_proc = call.path.starts_with("/proc/");
    if (lacks_.proc && is_of_proc) return fail(ENOENT);
    switch (call.kind) {
      case Call::Kind::kUnnamed:
        return lacks_.unnamed ? fail(EOPNOTSUPP) : Verdict::kGo;
      case Call::Kind::kLink:
        return lacks_.links ? fail(EPERM) : Verdict::kGo;
      case Call::Kind::kRenameNew:
        return lacks_.rename_new ? fail(EINVAL) : Verdict::kGo;
      case Call::Kind::kSetMode:
        return lacks_.modes ? fail(EPERM) : Verdict::kGo;
      case Call::Kind::kSetAttribute:
        return lacks_.attributes ? fail(EOPNOTSUPP) : Verdict::kGo;
      case Call::Kind::kFlush:
      case Call::Kind::kFlushData:
        return lacks_.flushes ? fail(EINVAL) : Verdict::kSkip;
      default:
        return Verdict::kGo;
    }
  }

 private:
  static Verdict fail(int error) {
    errno = error;
    return Verdict::kFail;
  }

  const Lacks& lacks_;
};

// Where an intent cannot be written before it has a name, one that was killed in between has no
// mark: nothing proves whose it is, and it stays, an empty file.
void remove_unmarked_intents(const std::string& folder) {
  for (const auto& [name, bytes] : files_in_folder(folder)) {
    if (is_own_leftover(name) && name.ends_with(".intent") && bytes.empty()) {
      std::filesystem::remove(folder + "/" + name);
    }
  }
}

}  // namespace

TEST_SUITE("storage/other_file_systems") {
  TEST_CASE("a new file comes into being, or takes another's place, and leaves nothing besides") {
    for (const Lacks& lacks : kLacks) {
      CAPTURE(lacks.word);
      const TempDir dir(TempDir::Where::kMemory);
      FolderFiles wanted = neighbours();
      wanted["old"] = "old";
      fill_folder(dir.path(), wanted);
      LackingHook hook(lacks);
      const HookedCalls hooked(hook);
      {
        NewFile file(dir / "new", Overwrite::kNo);
        file.write_at(0, as_byte_view("new"));
        file.commit();
        const std::size_t count = lacks.flushes ? 1 : 0;
        CHECK(file.notes().size() == count);
      }
      wanted["new"] = "new";
      CHECK((files_in_folder(dir.path()) == wanted));
      {
        NewFile file(dir / "old", Overwrite::kYes);
        file.write_at(0, as_byte_view("other"));
        file.commit();
        // A temporary with a name is its owner's alone, and stays so where bits cannot be set.
        const std::size_t count = (lacks.flushes ? 1U : 0U) + (lacks.modes && lacks.unnamed);
        CHECK(file.notes().size() == count);
      }
      wanted["old"] = "other";
      CHECK((files_in_folder(dir.path()) == wanted));
      { NewFile(dir / "never", Overwrite::kNo).write_at(0, as_byte_view("x")); }
      CHECK((files_in_folder(dir.path()) == wanted));
      NewFile file(dir / "theirs", Overwrite::kNo);
      write_file(dir / "theirs", "theirs");
      CHECK(error_of([&] { file.commit(); }) ==
            "came into being while it was written; give another name");
      CHECK(read_file(dir / "theirs") == "theirs");
    }
  }

  TEST_CASE("permission bits that cannot be kept are said, once") {
    const TempDir dir(TempDir::Where::kMemory);
    write_file(dir / "f", "old");
    std::filesystem::permissions(dir / "f", std::filesystem::perms(0600));
    LackingHook hook(kLacks[5]);
    const HookedCalls hooked(hook);
    NewFile file(dir / "f", Overwrite::kYes);
    file.commit();
    CHECK(file.notes() == std::vector<std::string>{"could not be kept as before: permission bits"});
  }

  TEST_CASE("changes of several files are done, or killed anywhere are old or new") {
    int points = 0;
    for (const Lacks& lacks : kLacks) {
      for (const ChangeKind kind : kChangeKinds) {
        // Without /proc no file can be opened once more for writing, and edits in place are
        // refused.
        if (lacks.proc && kind != ChangeKind::kNewFile) continue;
        const GeneratedChange change = generate_change(kind, 2, true);
        const TempDir dir(TempDir::Where::kMemory);
        const std::string folder = dir.path();
        fill_folder(folder, change.before);
        LackingHook whole(lacks);
        {
          const HookedCalls hooked(whole);
          CHECK(error_of([&] { change.run(folder); }) == "no error");
        }
        CAPTURE(lacks.word);
        CAPTURE(change.name);
        CHECK(is_as_after(change, folder));
        // Where there is neither renameat2 nor a link, a name is taken by an empty file first; and
        // where only links are missing, the file that gets the name is another than its intent
        // says. new_file.h says so.
        if (lacks.links) continue;
        for (int at = 1; at <= whole.calls; at += 3 * kStride<4>) {
          fill_folder(folder, change.before);
          run_in_child([&] {
            LackingHook hook(lacks);
            hook.kill_at = at;
            set_call_hook(&hook);
            change.run(folder);
            return 0;
          });
          LackingHook hook(lacks);
          const HookedCalls hooked(hook);
          CAPTURE(at);
          if (lacks.unnamed || lacks.proc) remove_unmarked_intents(folder);
          check_settles(change, folder, Outcome::kAny);
          ++points;
        }
      }
    }
    MESSAGE(points, " kills");
  }

  TEST_CASE("without /proc an edit in place is refused, and the file is as it was") {
    for (const ChangeKind kind : {ChangeKind::kJournal}) {
      const GeneratedChange change = generate_change(kind, 2, true);
      const TempDir dir(TempDir::Where::kMemory);
      fill_folder(dir.path(), change.before);
      LackingHook hook(kLacks[7]);
      const HookedCalls hooked(hook);
      CHECK(error_of([&] { change.run(dir.path()); }) ==
            "cannot open it for writing: No such file or directory");
      CHECK((files_in_folder(dir.path()) == change.before));
    }
  }
}
