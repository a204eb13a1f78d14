// The fuzzer (libFuzzer): `ckpt_fuzz TARGET …`, where TARGET is a format as `ckpt formats` calls
// it, `rules`, `configs` or `graphs`; the other arguments are libFuzzer's. `ckpt_fuzz targets`
// lists them. One program for all, since each would be linked with the whole library.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "formats/formats.h"
#include "model/keras.h"
#include "model/program.h"
#include "targets.h"

using namespace ckpt;

namespace {

using Target = std::function<void(std::string_view)>;

std::map<std::string, Target> all_targets() {
  std::map<std::string, Target> targets;
  for (const Format* format : formats()) {
    targets[std::string(format->id)] = [format](std::string_view bytes) {
      fuzz_format(*format, bytes);
    };
  }
  targets["rules"] = fuzz_rules;
  // Texts from which networks are built. No layer of them computes anything.
  targets["configs"] = [](std::string_view text) { survive([&] { read_keras_config(text); }); };
  targets["graphs"] = [](std::string_view text) { survive([&] { read_graph_file(text); }); };
  return targets;
}

Target chosen;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const auto targets = all_targets();
  const std::string name = *argc > 1 ? (*argv)[1] : "";
  const auto found = targets.find(name);
  if (found == targets.end()) {
    for (const auto& [known, target] : targets) std::cout << known << "\n";
    std::exit(name == "targets" ? 0 : 2);
  }
  chosen = found->second;
  (*argv)[1] = (*argv)[0];  // libFuzzer sees what is behind
  ++*argv;
  --*argc;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen({reinterpret_cast<const char*>(data), size});
  return 0;
}
