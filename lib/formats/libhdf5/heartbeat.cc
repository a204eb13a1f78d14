#include "formats/libhdf5/heartbeat.h"

#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "formats/hdf5_helper/descriptors.h"

namespace ckpt::hdf5 {
namespace {

extern "C" void on_second(int) {
  const int kept = errno;
  const char beat = 1;
  // A full pipe (its reader is stopped) has beats enough.
  [[maybe_unused]] const ssize_t ignored = ::write(kHelperBeat, &beat, 1);
  errno = kept;
}

}  // namespace

bool start_heartbeat() {
  struct sigaction action {};
  action.sa_handler = on_second;
  action.sa_flags = SA_RESTART;
  constexpr timeval kSecond{1, 0};
  const itimerval timer{kSecond, kSecond};
  return ::sigaction(SIGALRM, &action, nullptr) == 0 &&
         ::setitimer(ITIMER_REAL, &timer, nullptr) == 0;
}

}  // namespace ckpt::hdf5
