#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "support/process.h"
#include "support/temp_dir.h"

namespace {

namespace fs = std::filesystem;

// Runs a copy of ckpt whose helper never ends, sends SIGINT to its group, as a terminal does, when
// the helper runs, and gives "how it ended: what it said".
std::string interrupt(const std::string& command) {
  const TempDir dir;
  fs::create_directories(dir / "libexec/ckpt");
  fs::create_directory(dir / "bin");
  fs::copy(CKPT_TOOL, dir / "bin/ckpt");
  fs::copy(CKPT_CELL_ATTACK, dir / "libexec/ckpt/ckpt-hdf5-helper");
  for (const char* program : {"bin/ckpt", "libexec/ckpt/ckpt-hdf5-helper"}) {
    fs::permissions(dir / program, fs::perms(0755));
  }
  write_file(dir / "libexec/ckpt/mode", "for_ever");
  fs::copy(CKPT_FIXTURES "/digits/digits.h5", dir / "d.h5");
  const std::string before = read_file(dir / "d.h5");
  std::string said = run_python(R"(
import os, signal, subprocess, sys, time
os.chdir(sys.argv[1])
p = subprocess.Popen(['bin/ckpt', *sys.argv[2].split('|')], stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE, start_new_session=True,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
while not os.path.exists('libexec/ckpt/pid'): time.sleep(0.01)
time.sleep(0.3)
os.killpg(p.pid, signal.SIGINT)
out, err = p.communicate(timeout=30)
helper = open('libexec/ckpt/pid').read()
for i in range(500):
    try:
        if open('/proc/%s/stat' % helper).read().rsplit(') ', 1)[1][0] in 'ZX': break
    except OSError: break
    time.sleep(0.01)
else: print('the helper lives')
print(p.returncode, (out + err).decode(), sorted(f for f in os.listdir('.') if '.' in f))
)",
                                {dir.path(), command});
  CHECK((read_file(dir / "d.h5") == before));
  return said;
}

}  // namespace

TEST_SUITE("tools/interrupt") {
  TEST_CASE("Ctrl-C while libhdf5 works ends both, with a line and by the signal") {
    CHECK(interrupt("remap|-i|d.h5|-r|conv1/ = zz/") ==
          "-2 ckpt: interrupted; nothing was changed\n ['d.h5']\n");
    CHECK(interrupt("convert|d.h5|new.h5") ==
          "-2 ckpt: interrupted; nothing was changed\n ['d.h5']\n");
  }

  TEST_CASE("Ctrl-C while the file itself is changed says what finishes that") {
    const TempDir dir;
    fs::copy(CKPT_FIXTURES "/digits/digits.h5", dir / "d.h5");
    const auto result = run({"/usr/bin/env",
                             "--default-signal=INT",
                             "ASAN_OPTIONS=detect_leaks=0",
                             "strace",
                             "-qq",
                             "-o",
                             dir / "log",
                             "-e",
                             "trace=fdatasync",
                             "-e",
                             "inject=fdatasync:signal=INT:when=1",
                             CKPT_TOOL,
                             "remap",
                             "-i",
                             "--how",
                             "journal",
                             "--no-receipt",
                             "d.h5",
                             "-r",
                             "conv1/ = zz/"},
                            dir.path());
    if (result.err.find("strace") != std::string::npos) {
      MESSAGE("SKIPPED: strace cannot be run here; tools/setup.sh --tests installs it");
      return;
    }
    CHECK(result.err ==
          "ckpt: interrupted while the file was changed; `ckpt recover FILE` finishes that or "
          "takes it back\n");
    CHECK(result.status == 130);
  }
}
