#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "core/error.h"
#include "formats/formats.h"
#include "support/child.h"
#include "support/contents.h"
#include "support/error_of.h"
#include "support/faults.h"
#include "support/hdf5_files.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;
namespace fs = std::filesystem;

namespace {

enum class Way { kNewFile, kReplace, kJournal };
constexpr std::array kWays{Way::kNewFile, Way::kReplace, Way::kJournal};

std::string name_of(Way way) {
  return way == Way::kNewFile ? "new file" : way == Way::kReplace ? "replace" : "journal";
}

// A file, an edit of it that also writes a tensor, and what must come of it.
struct Hdf5Subject {
  explicit Hdf5Subject(const TempDir& dir) : file(dir / "a.h5"), target(dir / "b.h5") {
    run_python(R"(
import h5py, numpy as np, sys
f = h5py.File(sys.argv[1], 'w', userblock_size=512)
for i in range(40): f['model/w%d' % i] = np.arange(30.) + i
)",
               {file});
    before = read_file(file);
    edit = prefix_move(file, "model/", "encoder/deep/");
    edit.puts.push_back(
        {.spec = {.name = "added", .shape = {5000}, .collections = {}},
         .produce = [](const Reader&, const auto& take) { take(Bytes(20000, std::byte{0x41})); }});
    edit_file(file, target, edit);
    after = read_file(target);
    fs::remove(target);
  }

  void run(Way way) const {
    EditOptions options;
    options.in_place = way == Way::kReplace ? InPlace::kReplace : InPlace::kJournal;
    edit_file(file, way == Way::kNewFile ? target : "", edit, options);
  }

  // In a child, with the fault. Gives its exit status, kFailed where an Error was thrown.
  [[nodiscard]] int run_with(Way way, const Faults& faults) const {
    return run_in_child([&] {
      arm(faults);
      try {
        run(way);
      } catch (const Error& e) {
        return e.code() == Errc::kUnfinished ? kFailedBehind : kFailed;
      }
      return 0;
    });
  }

  std::string file;
  std::string target;
  std::string before;
  std::string after;
  Edit edit;
};

std::size_t temporaries_in(const TempDir& dir) {
  std::size_t count = 0;
  for (const auto& item : fs::directory_iterator(dir.path())) {
    count += item.path().filename().string().starts_with(".ckpt-") ? 1U : 0U;
  }
  return count;
}

struct Hdf5Tally {
  int points = 0;
  int old_file = 0;
  int new_file = 0;
  int recovered = 0;
};

// Sets the fault at every call, one after the other, and looks at what is left.
Hdf5Tally inject(Way way, Faults faults) {
  const TempDir dir;
  const Hdf5Subject subject(dir);
  Hdf5Tally tally;
  for (faults.at = 1;; ++faults.at) {
    write_file(subject.file, subject.before);
    fs::remove(subject.target);
    REQUIRE(faults.at < 300);
    const int status = subject.run_with(way, faults);
    // The fault lay behind the last call.
    if (status == 0 && faults.kind != Faults::Kind::kFail && faults.kind != Faults::Kind::kOnce) {
      break;
    }
    if (status == 0 && (faults.at > 200)) break;
    ++tally.points;
    CAPTURE(name_of(way));
    CAPTURE(faults.at);
    const bool is_killed = faults.kind == Faults::Kind::kKill || faults.kind == Faults::Kind::kTear;
    CAPTURE(status);
    REQUIRE((status == 0 ||
             (is_killed ? status == 128 + SIGKILL : status == kFailed || status == kFailedBehind)));
    // A status says what is true.
    if (status == kFailed) {
      CHECK((read_file(subject.file) == subject.before));
      CHECK(!fs::exists(subject.target));
    }
    if (way == Way::kNewFile) {
      CHECK((read_file(subject.file) == subject.before));
      const bool is_there = fs::exists(subject.target);
      if (is_there) CHECK((read_file(subject.target) == subject.after));
      ++(is_there ? tally.new_file : tally.old_file);
    } else {
      // Until it is recovered, it is read as recovering will leave it, and is not touched.
      const std::string now = read_file(subject.file);
      const Contents read = contents_of(subject.file);
      CHECK(read.was_interrupted == (now != subject.before && now != subject.after));
      CHECK((read_file(subject.file) == now));
      if (recover_checkpoint(subject.file) != Recovery::kClean) ++tally.recovered;
      const std::string recovered = read_file(subject.file);
      CHECK((contents_of(subject.file).tensors == read.tensors));
      const bool is_old = recovered == subject.before;
      CHECK((is_old || recovered == subject.after));
      CHECK(recover_checkpoint(subject.file) == Recovery::kClean);
      ++(is_old ? tally.old_file : tally.new_file);
    }
    if (!is_killed) CHECK(temporaries_in(dir) == 0);
    if (!is_killed && status == 0) break;
  }
  // The next run sweeps what a kill has left.
  write_file(subject.file, subject.before);
  fs::remove(subject.target);
  subject.run(way == Way::kJournal ? Way::kReplace : way);
  CHECK(temporaries_in(dir) == 0);
  return tally;
}

void print(Way way, const char* fault, const Hdf5Tally& tally) {
  std::cout << "faults: " << name_of(way) << ", " << fault << ": " << tally.points << " points, "
            << tally.old_file << " old, " << tally.new_file << " new, " << tally.recovered
            << " of them recovered\n";
}

}  // namespace

TEST_SUITE("formats/hdf5_edit_faults") {
  TEST_CASE("killed at any writing call, the file is all old or all new") {
    for (const Way way : kWays) {
      for (const auto kind : {Faults::Kind::kKill, Faults::Kind::kTear}) {
        const Hdf5Tally tally = inject(way, {.kind = kind});
        CHECK(tally.points >= 10);
        CHECK(tally.old_file > 0);
        CHECK(tally.new_file > 0);
        print(way, kind == Faults::Kind::kKill ? "killed" : "torn and killed", tally);
      }
    }
  }

  TEST_CASE("a full or broken disk from any writing call on leaves the file all old or all new") {
    for (const Way way : kWays) {
      for (const int error : {ENOSPC, EIO}) {
        const Hdf5Tally tally = inject(way, {.kind = Faults::Kind::kFail, .error = error});
        CHECK(tally.points >= 8);
        CHECK(tally.old_file > 0);
        print(way, error == ENOSPC ? "full from there on" : "broken from there on", tally);
      }
    }
  }

  TEST_CASE("a size limit in the middle of the file is an error, and the file is as it was") {
    for (const Way way : kWays) {
      const TempDir dir;
      const Hdf5Subject subject(dir);
      for (std::size_t limit = 4096; limit < 3 * subject.after.size(); limit += 4096) {
        CAPTURE(name_of(way));
        CAPTURE(limit);
        write_file(subject.file, subject.before);
        fs::remove(subject.target);
        const int status = run_in_child([&] {
          ::signal(SIGXFSZ, SIG_IGN);
          const rlimit size{limit, limit};
          ::setrlimit(RLIMIT_FSIZE, &size);
          try {
            subject.run(way);
          } catch (const Error& e) {
            return e.code() == Errc::kWrite ? kFailed : 1;
          }
          return 0;
        });
        CHECK((status == 0 || status == kFailed));
        const std::string now = read_file(subject.file);
        CHECK((now == (status == 0 && way != Way::kNewFile ? subject.after : subject.before)));
        CHECK(fs::exists(subject.target) == (status == 0 && way == Way::kNewFile));
        CHECK(temporaries_in(dir) == 0);
      }
    }
  }

  TEST_CASE("whatever becomes of the helper, the file is untouched and the error says it") {
    const TempDir dir;
    const Hdf5Subject subject(dir);
    const auto script = [&](const std::string& name, const std::string& text) {
      const std::string path = dir / name;
      write_file(path, "#!/bin/sh\n" + text + "\n");
      fs::permissions(path, fs::perms::owner_all);
      return path;
    };
    const auto message = [&](const std::string& helper, std::chrono::milliseconds time) {
      EditOptions options;
      options.helper = helper;
      options.helper_time = time;
      const std::string error =
          error_of([&] { edit_file(subject.file, "", subject.edit, options); });
      CHECK((read_file(subject.file) == subject.before));
      return error;
    };
    using namespace std::chrono_literals;
    CHECK(message(dir / "none", 9s) == "cannot start the helper program " + (dir / "none") +
                                           ": No such file or directory; the file is untouched");
    CHECK(message(script("crash", "kill -SEGV $$"), 9s) ==
          "the helper in which libhdf5 works was ended by signal 11 (Segmentation fault); the file "
          "is untouched");
    CHECK(
        message(script("killed", "kill -KILL $$"), 9s) ==
        "the helper in which libhdf5 works was ended by signal 9 (Killed); the file is untouched");
    CHECK(message(script("status", "exit 7"), 9s) ==
          "the helper in which libhdf5 works ended with status 7; the file is untouched");
    CHECK(message(script("hang", "while :; do :; done"), 300ms) ==
          "libhdf5 has not finished in 300 milliseconds and was stopped; the file is untouched");
    CHECK(message(script("silent", "exit 0"), 9s) ==
          "the helper's answer makes no sense; the file is untouched");
    CHECK(message(script("nonsense", "printf 'hello hello hello hello' >&5"), 9s) != "no error");
  }

  TEST_CASE("in a folder that may not be written, a new file is refused and the journal works") {
    if (::geteuid() == 0) {
      // Root may write anywhere: the same is tried as another user.
      const TempDir dir;
      const Hdf5Subject subject(dir);
      const int status = run_in_child([&] {
        fs::permissions(dir.path(), fs::perms::owner_all | fs::perms::group_read |
                                        fs::perms::group_exec | fs::perms::others_read |
                                        fs::perms::others_exec);
        fs::permissions(subject.file, fs::perms::all);
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 9;
        const std::string message = error_of([&] { subject.run(Way::kNewFile); });
        if (message !=
            "cannot write in the folder " + dir.path().string() + ": Permission denied") {
          return 1;
        }
        edit_file(subject.file, "", subject.edit);
        return 0;
      });
      CHECK(status == 0);
      CHECK((read_file(subject.file) == subject.after));
    }
  }
}
