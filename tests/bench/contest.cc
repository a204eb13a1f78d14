#include "contest.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace fs = std::filesystem;

namespace {

constexpr double kSlowSeconds = 30;
constexpr std::uint64_t kUsualMemory = 128 << 20;  // more than most contenders take

volatile sig_atomic_t interrupted = 0;

void remove_output(const Contender& contender) {
  std::error_code ignored;
  if (!contender.output.empty()) fs::remove(contender.output, ignored);
}

// Does the file hold the text? Read in small pieces: see time_process() on this program's size.
bool file_holds(const fs::path& path, const std::string& text) {
  std::ifstream in(path, std::ios::binary);
  std::string window;
  std::string piece(1 << 16, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0) {
    window.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (window.find(text) != std::string::npos) return true;
    window.erase(0, window.size() - std::min(window.size(), text.size()));
  }
  return false;
}

std::string first_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// Runs a contender once and looks at what it did: it may have an excuse then, or a run, where that
// took so long that there will be no other.
Result try_out(Contender contender, const Workshop& workshop) {
  if (!contender.missing.empty())
    return {std::move(contender), "skipped: " + contender.missing, {}};
  const fs::path out = workshop.path("warm-up.out");
  const fs::path err = workshop.path("warm-up.err");
  remove_output(contender);
  std::string excuse;
  std::vector<Usage> runs;
  try {
    const Usage usage = time_process(contender.command, out, err);
    std::error_code absent;
    if (usage.status != 0) {
      excuse = "failed: status " + std::to_string(usage.status) + ": " + first_line(err);
    } else if (!contender.proof.empty() && !file_holds(out, contender.proof)) {
      excuse = "failed: its output does not hold \"" + contender.proof + "\"";
    } else if (!contender.output.empty()) {
      const std::uintmax_t size = fs::file_size(contender.output, absent);
      if (absent || size < contender.output_bytes) excuse = "failed: its output is too short";
    }
    if (excuse.empty() && usage.wall > kSlowSeconds) runs.push_back(usage);
  } catch (const std::runtime_error& e) {
    excuse = std::string("failed: ") + e.what();
  }
  for (const auto& file : {out, err}) fs::remove(file);
  return {std::move(contender), std::move(excuse), std::move(runs)};
}

const Result* find(const std::vector<Result>& results, const std::string& label) {
  const auto found = std::ranges::find(results, label,
                                       [](const Result& result) { return result.contender.label; });
  return found == results.end() || !found->excuse.empty() ? nullptr : &*found;
}

double peak_of(const Result& result) {
  return static_cast<double>(
      std::ranges::max_element(result.runs, {}, &Usage::peak_bytes)->peak_bytes);
}

void stop_if_interrupted() {
  if (interrupted != 0) throw Interrupted();
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

std::vector<Result> hold_contest(std::vector<Contender> contenders, int runs,
                                 const Workshop& workshop) {
  std::vector<Result> results;
  for (auto& contender : contenders) {
    results.push_back(try_out(std::move(contender), workshop));
    remove_output(results.back().contender);
    stop_if_interrupted();
    results.back().is_slow = !results.back().runs.empty();
  }
  for (int round = 0; round < runs; ++round) {
    for (auto& result : results) {
      if (!result.excuse.empty() || result.is_slow) continue;
      // What the one before left to be written is not this one's to wait for, nor is memory that a
      // virtual machine has given back to its host meanwhile.
      if (!result.contender.output.empty()) ::sync();
      workshop.warm_memory(std::max(result.contender.output_bytes, kUsualMemory));
      const Usage usage = time_process(result.contender.command);
      remove_output(result.contender);
      stop_if_interrupted();
      if (usage.status != 0) result.excuse = "failed: not at first, but in a later run";
      result.runs.push_back(usage);
    }
  }
  return results;
}

std::optional<double> measure_of(const std::vector<Result>& results, const std::string& reference,
                                 const std::string& label, Measure measure) {
  const Result* const mine = find(results, label);
  const Result* const theirs = find(results, reference);
  if (mine == nullptr) return std::nullopt;
  std::vector<double> values;
  switch (measure) {
    case Measure::kWallSeconds:
      for (const auto& run : mine->runs) values.push_back(run.wall);
      return spread_of(std::move(values)).median;
    case Measure::kTimeRatio:
      if (theirs == nullptr) return std::nullopt;
      for (std::size_t i = 0; i < mine->runs.size(); ++i) {
        values.push_back(mine->runs[i].wall /
                         theirs->runs[std::min(i, theirs->runs.size() - 1)].wall);
      }
      return spread_of(std::move(values)).median;
    case Measure::kPeakBytes:
      return peak_of(*mine);
    case Measure::kPeakRatio:
      if (theirs == nullptr) return std::nullopt;
      return peak_of(*mine) / peak_of(*theirs);
  }
  return std::nullopt;
}

void watch_for_interruption() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}
