// Times ckpt and its rivals as whole processes, side by side, and prints ratios and whether the
// bars of the design are met. The exit status says only whether the benchmark could run: a
// benchmark is no test.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "contest.h"
#include "result_table.h"
#include "scenarios.h"

namespace fs = std::filesystem;

namespace {

constexpr const char* kUsage =
    "usage: ckpt_bench [--runs N] [--dir DIR] [SCENARIO...]\n"
    "       ckpt_bench --list\n"
    "Runs the scenarios (default: all). Inputs are made in DIR (default: the folder for temporary\n"
    "files) and removed afterwards.\n";

struct Options {
  int runs = 0;  // 0: as many as the scenario says
  fs::path folder = fs::temp_directory_path();
  std::vector<const Scenario*> chosen;
  bool list = false;
};

// Throws std::invalid_argument with what is wrong.
Options parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == words.size()) throw std::invalid_argument(word + " needs a value");
      return words[++i];
    };
    if (word == "--list") {
      options.list = true;
    } else if (word == "--runs") {
      const std::string& number = value();
      const char* const end = number.data() + number.size();
      const auto [rest, error] = std::from_chars(number.data(), end, options.runs);
      if (error != std::errc() || rest != end || options.runs < 1) {
        throw std::invalid_argument("--runs needs a number from 1, not \"" + number + "\"");
      }
    } else if (word == "--dir") {
      options.folder = value();
    } else {
      const auto found = std::ranges::find(scenarios(), std::string_view(word), &Scenario::name);
      if (found == scenarios().end()) {
        throw std::invalid_argument("there is no scenario \"" + word + "\"; --list shows them");
      }
      options.chosen.push_back(&*found);
    }
  }
  if (options.chosen.empty()) {
    for (const auto& scenario : scenarios()) options.chosen.push_back(&scenario);
  }
  return options;
}

void run(const Scenario& scenario, const Options& options) {
  const int runs = options.runs > 0 ? options.runs : scenario.runs;
  std::cout << scenario.name << ": " << scenario.description << "; " << runs
            << (runs == 1 ? " run each" : " runs each") << std::endl;
  if (const auto free = fs::space(options.folder).available; free < scenario.disk_bytes) {
    std::cout << "  skipped: needs " << (scenario.disk_bytes >> 20) << " MiB in "
              << options.folder.string() << ", where " << (free >> 20) << " MiB are free\n"
              << std::endl;
    return;
  }
  if (!missing_h5py().empty()) {
    std::cout << "  skipped: " << missing_h5py() << ", which makes the inputs\n" << std::endl;
    return;
  }
  const Workshop workshop(options.folder);
  print_results(std::cout, scenario, hold_contest(scenario.set_up(workshop), runs, workshop));
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (std::ranges::find(words, "--help") != words.end()) {
    std::cout << kUsage;
    return 0;
  }
  try {
    const Options options = parse(words);
    if (options.list) {
      for (const auto& scenario : scenarios()) {
        std::cout << scenario.name << ": " << scenario.description << "\n";
      }
      return 0;
    }
    watch_for_interruption();
    std::cout
        << "Whole processes in turns after a warm-up; ratio: time over the reference's, round "
           "by round, median.\n"
        << "No peak below " << (own_peak_bytes() >> 20)
        << " MiB can be seen: that is this program's own.\n"
        << std::endl;
    for (const Scenario* scenario : options.chosen) run(*scenario, options);
  } catch (const Interrupted&) {
    std::cerr << "ckpt_bench: interrupted\n";
    return 130;
  } catch (const std::invalid_argument& e) {
    std::cerr << "ckpt_bench: " << e.what() << "\n" << kUsage;
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "ckpt_bench: " << e.what() << "\n";
    return 1;
  }
  return 0;
}
