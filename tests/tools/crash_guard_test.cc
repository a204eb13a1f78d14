#include <doctest/doctest.h>

#include "core/text.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

TEST_SUITE("tools/crash_guard") {
  TEST_CASE("a crash while a file is read is called a bug in ckpt, by a sentence and status 6") {
    if (kSanitized) {
      MESSAGE("SKIPPED: the sanitizers report crashes themselves");
      return;
    }
    const TempDir dir;
    const std::string path = dir / "a.h5";
    run_python("import sys, h5py; h5py.File(sys.argv[1], 'w')['a'] = 1", {path});
    // strace plays the crash, when the file is read for the first time.
    const auto result = run({"/usr/bin/env", "strace", "-qq", "-o", "/dev/null", "-P", path, "-e",
                             "inject=pread64:signal=SIGSEGV:when=1", CKPT_TOOL, "ls", path});
    if (result.err.find("strace:") != std::string::npos || result.status == 127) {
      MESSAGE("SKIPPED: strace cannot be run here: " << result.err);
      return;
    }
    CHECK(result.status == 6);
    CHECK(result.out.empty());
    CHECK(result.err ==
          cat("ckpt: ", path,
              ": ckpt crashed while reading it. No file may do that, so this is a bug "
              "in ckpt: please report it, with the file if you can. Nothing was changed.\n"));
  }
}
