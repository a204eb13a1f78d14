#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/system.h"
#include "core/text.h"
#include "formats/hdf5_helper/helper.h"
#include "support/error_of.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;
using namespace ckpt::hdf5;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUntouched = "; the file is untouched";

// A folder with a file that is handed over, and a helper that is not ours (cell_attack/main.cc).
class Stage {
 public:
  explicit Stage(const std::string& mode) {
    write_file(victim(), std::string(5000, 'v'));
    if (!mode.empty()) write_file(dir_ / "mode", mode);
    fs::create_symlink(CKPT_CELL_ATTACK, dir_ / "helper");
  }

  // What comes of an edit that this helper is asked for.
  [[nodiscard]] std::string answer(int flags = O_RDONLY,
                                   std::chrono::milliseconds silence = 30s) const {
    const FileDescriptor file(::open(victim().c_str(), flags | O_CLOEXEC));
    std::string sentence = error_of([&] {
      edit_by_helper({file.get(), 0, 5000}, encode_request(std::vector<Operation>(), 0, 5000),
                     {.program = dir_ / "helper", .silence = silence});
    });
    CHECK_MESSAGE(sentence.ends_with(kUntouched), sentence);
    sentence.resize(sentence.size() - kUntouched.size());
    return sentence;
  }

  // The helper's process, once it runs.
  [[nodiscard]] pid_t helper() const {
    while (!fs::exists(dir_ / "pid")) std::this_thread::sleep_for(5ms);
    return std::stoi(read_file(dir_ / "pid"));
  }

  [[nodiscard]] std::string victim() const { return dir_ / "victim"; }
  [[nodiscard]] std::string folder() const { return dir_.path(); }

 private:
  TempDir dir_;
};

// All of a folder's files with what can be changed of them.
std::string state_of(const std::string& folder) {
  std::vector<std::string> lines;
  for (const auto& item : fs::directory_iterator(folder)) {
    if (item.path().filename() == "pid") continue;  // it tells where it is
    struct stat status {};
    ::lstat(item.path().c_str(), &status);
    lines.push_back(cat(item.path().filename().string(), " ", status.st_mode, " ", status.st_uid,
                        " ", status.st_gid, " ", status.st_size, " ", status.st_nlink, " ",
                        status.st_mtim.tv_sec, ".", status.st_mtim.tv_nsec));
  }
  std::ranges::sort(lines);
  return join(lines, "\n");
}

// Is there such a process that has not ended?
bool lives(pid_t pid) {
  const std::string path = cat("/proc/", pid, "/stat");
  if (!fs::exists(path)) return false;
  const std::string text = read_file(path);
  const char state = text[text.rfind(')') + 2];
  return state != 'Z' && state != 'X';
}

// Runs `f` in a child that leads a group of its own.
pid_t start_group(const std::function<int()>& f) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setpgid(0, 0);
  for (const int number : {SIGSEGV, SIGABRT, SIGTERM, SIGINT}) ::signal(number, SIG_DFL);
  ::_exit(f());
}

}  // namespace

TEST_SUITE("formats/cell") {
  TEST_CASE("code that has taken the helper over opens, writes, starts and signals nothing") {
    for (const int flags : {O_RDONLY, O_RDWR}) {
      const Stage stage("");
      const std::string before = state_of(stage.folder());
      const std::string report = stage.answer(flags);
      std::vector<std::string> outside;
      std::vector<std::string> through;
      std::size_t refused = 0;
      for (const std::string_view line : split(report, "\n")) {
        if (line.empty()) continue;
        if (line.starts_with("outside, ")) {
          outside.emplace_back(line);
        } else if (line.ends_with(": EPERM")) {
          ++refused;
        } else if (kSanitized && line == "pipe2: done") {  // cell.cc says why
        } else {
          through.emplace_back(line);
        }
      }
      CHECK_MESSAGE(through.empty(), join(through, "\n"));
      CHECK(refused > 100);
      // Without any filter the descriptors are good for reading alone, whatever the caller's is.
      CHECK(outside == std::vector<std::string>{
                           "outside, pwrite64 to 3: EBADF", "outside, ftruncate of 3: EINVAL",
                           "outside, mmap of 3: EACCES", "outside, pwrite64 to 4: EBADF",
                           "outside, ftruncate of 4: EINVAL", "outside, mmap of 4: EACCES"});
      CHECK(state_of(stage.folder()) == before);
      CHECK((read_file(stage.victim()) == std::string(5000, 'v')));
    }
  }

#ifdef __x86_64__
  TEST_CASE("a call of another architecture ends the helper") {
    CHECK(Stage("int80").answer() ==
          "the helper in which libhdf5 works was ended by signal 31 (Bad system call)");
    CHECK(Stage("x32").answer() ==
          "the helper in which libhdf5 works was ended by signal 31 (Bad system call)");
  }
#endif

  TEST_CASE("abort() ends the helper though it may not signal itself") {
    CHECK(Stage("abort").answer().starts_with("the helper in which libhdf5 works "));
  }

  TEST_CASE(
      "a helper that works longer than it may be silent is not ended, since its heart beats") {
    CHECK(Stage("long").answer(O_RDONLY, 2500ms) == "worked for three seconds");
  }

  TEST_CASE("a helper that is stopped is ended") {
    CHECK(Stage("stopped").answer(O_RDONLY, 700ms) ==
          "the helper in which libhdf5 works has given no sign of life for 700 milliseconds and "
          "was stopped");
  }

  TEST_CASE("where the program is stopped with its helper (Ctrl-Z), that is no silence") {
    const Stage stage("long");
    const pid_t group = start_group(
        [&] { return stage.answer(O_RDONLY, 2500ms) == "worked for three seconds" ? 0 : 1; });
    static_cast<void>(stage.helper());
    ::kill(-group, SIGSTOP);
    std::this_thread::sleep_for(4s);
    ::kill(-group, SIGCONT);
    int status = 0;
    ::waitpid(group, &status, 0);
    CHECK(status == 0);
  }

  TEST_CASE("a helper ends with the process that started it") {
    const Stage stage("for_ever");
    const pid_t parent = start_group([&] { return stage.answer().empty() ? 0 : 1; });
    const pid_t helper = stage.helper();
    std::this_thread::sleep_for(200ms);  // it is in its cell
    CHECK(lives(helper));
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    for (int i = 0; i < 500 && lives(helper); ++i) std::this_thread::sleep_for(10ms);
    CHECK_FALSE(lives(helper));
  }
}
