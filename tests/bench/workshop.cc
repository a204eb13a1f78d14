#include "workshop.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace fs = std::filesystem;

namespace {

constexpr const char* kPython = "/usr/bin/python3";

}  // namespace

Workshop::Workshop(const fs::path& parent) {
  std::string name = parent / "ckpt-bench-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
}

Workshop::~Workshop() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string Workshop::make_input(std::vector<std::string> arguments,
                                 const std::string& name) const {
  const std::string made = path(name);
  const fs::path err = path("make_inputs.err");
  arguments.push_back(made);
  if (time_process(python("make_inputs.py", arguments), "/dev/null", err).status != 0) {
    std::ifstream in(err);
    throw std::runtime_error("make_inputs.py failed:\n" +
                             std::string(std::istreambuf_iterator<char>(in), {}));
  }
  return made;
}

void Workshop::warm_memory(std::uint64_t bytes) const {
  const std::string file = path("warm");
  const std::vector<char> block(std::size_t{1} << 20U, 'w');
  {
    std::ofstream out(file, std::ios::binary);
    for (std::uint64_t done = 0; done < bytes; done += block.size()) {
      out.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
  }
  fs::remove(file);
}

Command Workshop::python(const std::string& script, const std::vector<std::string>& arguments) {
  Command command{kPython, CKPT_BENCH_SCRIPTS "/" + script};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

std::string missing_program(const std::string& name) {
  const char* path = ::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((fs::path(folder) / name).c_str(), X_OK) == 0) return "";
  }
  return name + " is not installed";
}

const std::string& missing_h5py() {
  static const std::string answer = [] {
    std::string missing = "python3-h5py is not installed";
    if (::access(kPython, X_OK) != 0) return missing;
    return time_process({kPython, "-c", "import h5py"}).status == 0 ? std::string() : missing;
  }();
  return answer;
}
