#include <doctest/doctest.h>

#include <string>

#include "support/process.h"
#include "support/temp_dir.h"

TEST_SUITE("tools/no_seccomp") {
  TEST_CASE("where the kernel filters no system calls, that is said once a run") {
    const TempDir dir;
    // Elements that only libhdf5 decodes: a helper for each dataset, and one for the new file.
    run_python(R"(
import h5py, numpy as np, sys
with h5py.File(sys.argv[1], 'w') as f:
    for name in 'ab': f.create_dataset(name, data=np.arange(100), chunks=(50,), scaleoffset=0)
)",
               {dir / "x.h5"});
    const auto result = run({"/usr/bin/env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-qq",
                             "-o", dir / "log", "-e", "trace=seccomp", "-e",
                             "inject=seccomp:error=EINVAL", CKPT_TOOL, "convert", "x.h5", "y.h5"},
                            dir.path());
    if (result.err.find("strace") != std::string::npos) {
      MESSAGE("SKIPPED: strace cannot be run here; tools/setup.sh --tests installs it");
      return;
    }
    CHECK(result.status == 0);
    CHECK(result.err ==
          "ckpt: note: this kernel cannot filter system calls (it has no seccomp), so libhdf5 "
          "worked under limits alone; do not open HDF5 files here that you do not trust\n");
    const std::string log = read_file(dir / "log");
    std::size_t helpers = 0;
    for (auto at = log.find("INJECTED"); at != log.npos; at = log.find("INJECTED", at + 1))
      ++helpers;
    CHECK(helpers >= 3);
  }
}
