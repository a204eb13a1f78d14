#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  int read_end;
  int write_end;
};

}  // namespace

ProcessResult run(const std::vector<std::string>& command, const std::string& folder) {
  Pipe out;
  Pipe err;
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("cannot fork");
  if (pid == 0) {
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(out.write_end, 1);
    ::dup2(err.write_end, 2);
    if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(127);
    for (const char* name : {"NO_COLOR", "COLUMNS", "TERM"}) ::unsetenv(name);
    ::setenv("LC_ALL", "C.UTF-8", 1);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out.write_end);
  ::close(err.write_end);
  ProcessResult result;
  std::array<pollfd, 2> ends{{{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}}};
  std::array<char, 65536> buffer{};
  for (int open = 2; open > 0;) {
    ::poll(ends.data(), ends.size(), -1);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const ssize_t n = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (n > 0) {
        (i == 0 ? result.out : result.err).append(buffer.data(), static_cast<std::size_t>(n));
      } else {
        ::close(ends[i].fd);
        ends[i].fd = -1;
        --open;
      }
    }
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

ProcessResult run_ckpt(std::vector<std::string> arguments, const std::string& folder) {
  arguments.emplace(arguments.begin(), CKPT_TOOL);
  return run(arguments, folder);
}

std::string run_python(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"/usr/bin/python3", "-c", script};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const ProcessResult result = run(command);
  if (result.status != 0) throw std::runtime_error("python failed:\n" + result.err);
  return result.out;
}
