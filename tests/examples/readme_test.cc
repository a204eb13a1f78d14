#include <doctest/doctest.h>

#include <filesystem>

#include "core/text.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace {

const std::string kProject = CKPT_PROJECT;

// The text of each block of the README that opens with the fence ```LANGUAGE.
std::vector<std::string> blocks(const std::string& language) {
  const std::string readme = read_file(kProject + "/README.md");
  const std::string fence = "\n```" + language + "\n";
  std::vector<std::string> found;
  for (auto at = readme.find(fence); at != std::string::npos; at = readme.find(fence, at + 1)) {
    const auto from = at + fence.size();
    found.push_back(readme.substr(from, readme.find("\n```", from) + 1 - from));
  }
  return found;
}

}  // namespace

TEST_SUITE("examples/readme") {
  TEST_CASE("each C++ block of the README stands in a test, to the letter") {
    const std::string sources = read_file(kProject + "/tests/examples/classic_uses_test.cc") +
                                read_file(kProject + "/tests/examples/library_test.cc");
    const auto quoted = blocks("cpp");
    CHECK(quoted.size() >= 5);
    for (const std::string& block : quoted) {
      INFO(block);
      CHECK(sources.find(block) != std::string::npos);
    }
  }

  TEST_CASE("each console block of the README prints what it says") {
    const TempDir dir;
    for (const char* name : {"digits.h5", "digits_ghost.h5", "digits.json", "test_digits.npz",
                             "test_labels.npz"}) {
      std::filesystem::copy(kProject + "/fixtures/digits/" + name, dir.path() / name);
    }
    std::filesystem::copy(kProject + "/fixtures/keras/layers.h5", dir.path() / "layers.h5");
    std::filesystem::copy(kProject + "/fixtures/graphs", dir.path() / "graphs",
                          std::filesystem::copy_options::recursive);
    const std::string tools = std::filesystem::path(CKPT_TOOL).parent_path();
    std::size_t commands = 0;
    for (const std::string& block : blocks("console")) {
      // Commands of one block run in one folder, in their order.
      std::string script = "export PATH='" + tools + "':\"$PATH\"; exec 2>&1\n";
      for (const auto line : ckpt::split(block, "\n")) {
        if (!line.starts_with("$ ")) continue;
        ++commands;
        script += ckpt::cat("cat <<'AS_TYPED'\n", line, "\nAS_TYPED\n", line.substr(2), "\n");
      }
      CHECK(run({"sh", "-c", script}, dir.path()).out == block);
    }
    CHECK(commands >= 20);
  }
}
