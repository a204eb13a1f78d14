#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/corpus.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

namespace fs = std::filesystem;

// What the loader, the C library and the sanitizers open by themselves; /proc/stat tells how many
// processors there are where /sys is not mounted, as in a bare root.
bool is_of_the_system(std::string_view path) {
  return path.starts_with("/lib/") || path.starts_with("/usr/lib/") ||
         path.starts_with("/etc/ld.so.") || path.starts_with("/proc/self/") ||
         path.starts_with("/sys/devices/system/cpu") || path == "/proc/stat";
}

bool has_strace() {
  const TempDir dir;
  const auto result = run({"/usr/bin/env", "strace", "-o", dir / "log", "/bin/true"});
  if (result.status == 0) return true;
  MESSAGE("SKIPPED: strace cannot be run here; tools/setup.sh --tests installs it: " << result.err);
  return false;
}

// The paths that a program and its children tried to open, each once. The sanitizer's search for
// leaks does not work under strace.
std::vector<std::string> opened_by(const std::vector<std::string>& arguments,
                                   const std::string& folder) {
  const TempDir dir;
  std::vector<std::string> command{"/usr/bin/env",
                                   "ASAN_OPTIONS=detect_leaks=0",
                                   "strace",
                                   "-f",
                                   "-qq",
                                   "-o",
                                   dir / "log",
                                   "-e",
                                   "trace=open,openat,openat2,creat,connect",
                                   CKPT_TOOL};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto result = run(command, folder);
  CHECK_MESSAGE(result.status <= 4, join(arguments, " "), ": ", result.err);
  const std::string log = read_file(dir / "log");
  std::vector<std::string> paths;
  for (const std::string_view line : split(log, "\n")) {
    const auto first = line.find('"');
    if (first == line.npos) {
      CHECK_MESSAGE(line.find("connect(") == line.npos, line);
      continue;
    }
    std::string path(line.substr(first + 1, line.find('"', first + 1) - first - 1));
    if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
  }
  CHECK_MESSAGE(std::ranges::any_of(paths, is_of_the_system), "strace saw nothing:\n", log);
  return paths;
}

// Runs the commands that look at files on `file`, which lies in `folder`. Nothing is opened but it
// and, where it is a set, files beside it that are called as one of `parts` begins.
void check_opens(const std::string& folder, const std::string& file,
                 const std::vector<std::string>& parts = {}) {
  CAPTURE(file);
  std::string variable = "x";
  try {
    const auto reader = open_checkpoint(folder + "/" + file);
    if (!reader->index().entries.empty()) variable = reader->index().entries.front().name;
  } catch (const Error&) {  // it is answered with one
  }
  for (const std::vector<std::string>& command : {std::vector<std::string>{"ls", file},
                                                  {"show", file, variable},
                                                  {"doctor", file},
                                                  {"dups", file}}) {
    bool is_opened = false;
    for (const std::string& path : opened_by(command, folder)) {
      is_opened = is_opened || path == file;
      const bool is_part = std::ranges::any_of(parts, [&](const std::string& part) {
        return path.starts_with(part) && path.find('/') == path.npos;
      });
      CHECK_MESSAGE((path == file || is_part || is_of_the_system(path)), command.front(),
                    " opened ", path);
    }
    CHECK_MESSAGE(is_opened, command.front(), " did not open it");
  }
}

}  // namespace

TEST_SUITE("tools/opened_paths") {
  TEST_CASE("commands that look at a file open it, its parts, and nothing else") {
    if (!has_strace()) return;
    const TempDir dir;
    const std::string folder = dir.path();
    fs::copy(CKPT_FIXTURES "/keras/layers.h5", dir.path() / "x.h5");
    struct Case {
      std::string file;
      std::vector<std::string> parts = {};
    };
    for (const Case& made :
         {Case{"x.h5"}, Case{"x.safetensors"}, Case{"x.npz"}, Case{"x.pt"},
          Case{"t.index", {"t.data-"}}, Case{"s.safetensors.index.json", {"s-0"}}}) {
      if (made.file != "x.h5") {
        const auto result = run_ckpt({"convert", "x.h5", made.file}, folder);
        REQUIRE_MESSAGE(result.status == 0, result.err);
      }
      check_opens(folder, made.file, made.parts);
    }
    run_python("import numpy as np, sys\nnp.save(sys.argv[1], np.arange(4.0))", {dir / "x.npy"});
    check_opens(folder, "x.npy");
  }

  TEST_CASE("what a file names is not opened, though it is there") {
    if (!has_strace()) return;
    const TempDir dir;
    run_python(R"py(
import h5py, numpy as np, os, sys
os.chdir(sys.argv[1])
with h5py.File('other.h5', 'w') as f: f['x'] = np.arange(4.0)
open('raw.bin', 'wb').write(bytes(64))
with h5py.File('traps.h5', 'w') as f:
    f['x'] = np.arange(4.0)
    f['link'] = h5py.ExternalLink('other.h5', '/x')
    f['absolute'] = h5py.ExternalLink('/etc/passwd', '/x')
    f.create_dataset('raw', (8,), 'f8', external=[('raw.bin', 0, 64)])
    layout = h5py.VirtualLayout((4,), 'f8')
    layout[:] = h5py.VirtualSource('other.h5', 'x', (4,))
    f.create_virtual_dataset('virtual', layout)
)py",
               {dir.path()});
    check_opens(dir.path(), "traps.h5");
  }

  TEST_CASE("real files of the other formats, and hostile ones, lead nowhere") {
    if (!has_strace()) return;
    struct Set {
      std::string path;
      std::vector<std::string> parts = {};
    };
    std::vector<Set> sets{
        {corpus_path("gguf/ggml-org+ggml/examples/superpoint/superpoint.gguf")},
        {corpus_path("keras3/keras-team+keras/output/bugged_model.keras")},
        {corpus_path("tf1/uve+tensorflow/session_bundle/half_plus_two/export-00000-of-00001")},
        {corpus_path("tfjs/An-JiYun+MaskNomask/my_model/model.json"), {"weights.bin"}},
        {hostile_path("torch/evil_reduce.pt")}};
    for (const std::string format : {"hdf5", "keras", "npz", "safetensors-index", "tf-bundle"}) {
      for (const HostileFile& row : hostile_files(format)) {
        const bool leads_out = std::ranges::any_of(
            std::vector{"external", "symbolic", "virtual", "other folder", "path"},
            [&](const char* word) { return row.what_is_wrong.find(word) != std::string::npos; });
        if (leads_out) sets.push_back({hostile_path(row.file)});
      }
    }
    int files = 0;
    for (const Set& set : sets) {
      const fs::path path = set.path;
      if (!fs::exists(path)) continue;
      ++files;
      check_opens(path.parent_path(), path.filename(), set.parts);
    }
    if (files == 0) MESSAGE("SKIPPED: there are no such files in " CKPT_SHARED);
    MESSAGE(files << " files");
  }
}
