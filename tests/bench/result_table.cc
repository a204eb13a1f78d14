#include "result_table.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <ostream>

namespace {

constexpr double kMiB = 1024.0 * 1024.0;

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  std::array<char, 256> buffer{};
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  va_end(arguments);
  return buffer.data();
}

// Milliseconds with three digits that mean something.
std::string milliseconds(double seconds) {
  const double ms = seconds * 1000;
  return text(ms < 10 ? "%.2f" : ms < 100 ? "%.1f" : "%.0f", ms);
}

std::string ratio_text(double ratio) { return text(ratio < 0.1 ? "%.4f" : "%.3f", ratio); }

std::string value_text(Measure measure, double value) {
  switch (measure) {
    case Measure::kWallSeconds:
      return milliseconds(value) + " ms";
    case Measure::kPeakBytes:
      return text("%.1f MiB", value / kMiB);
    case Measure::kTimeRatio:
    case Measure::kPeakRatio:
      return ratio_text(value);
  }
  return "";
}

std::string name_of(Measure measure, const std::string& reference) {
  switch (measure) {
    case Measure::kWallSeconds:
      return "time";
    case Measure::kPeakBytes:
      return "peak memory";
    case Measure::kTimeRatio:
      return "time over " + reference;
    case Measure::kPeakRatio:
      return "peak memory over " + reference;
  }
  return "";
}

std::vector<std::string> cells_of(const Scenario& scenario, const std::vector<Result>& results,
                                  const Result& result) {
  std::vector<double> walls;
  std::vector<double> cpus;
  for (const auto& run : result.runs) {
    walls.push_back(run.wall);
    cpus.push_back(run.cpu);
  }
  const Spread wall = spread_of(walls);
  const auto number = [&](Measure measure) {
    return measure_of(results, scenario.reference, result.contender.label, measure);
  };
  const std::optional<double> ratio = number(Measure::kTimeRatio);
  return {result.contender.label + (result.is_slow ? " (one run)" : ""),
          milliseconds(wall.median),
          "[" + milliseconds(wall.min) + " .. " + milliseconds(wall.max) + "]",
          milliseconds(spread_of(cpus).median),
          text("%.1f", number(Measure::kPeakBytes).value_or(0) / kMiB),
          ratio ? ratio_text(*ratio) : "-"};
}

}  // namespace

void print_results(std::ostream& out, const Scenario& scenario,
                   const std::vector<Result>& results) {
  std::vector<std::vector<std::string>> rows{
      {"command", "wall ms", "[min .. max]", "cpu ms", "peak MiB", "ratio"}};
  for (const auto& result : results) {
    rows.push_back(result.excuse.empty()
                       ? cells_of(scenario, results, result)
                       : std::vector<std::string>{result.contender.label, result.excuse});
  }
  // An excuse is a sentence, not a column.
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == 0 || row.size() > 2) widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : rows) {
    out << "  ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - std::min(widths[i], row[i].size()), ' ');
      const bool left = i == 0 || row.size() == 2;  // names to the left, numbers to the right
      out << (i == 0 ? "" : "   ") << (left ? "" : padding) << row[i] << (i == 0 ? padding : "");
    }
    out << "\n";
  }
  for (const auto& bar : scenario.bars) {
    const auto value = measure_of(results, scenario.reference, bar.label, bar.measure);
    out << "  bar: " << bar.label << ": " << name_of(bar.measure, scenario.reference) << " at most "
        << value_text(bar.measure, bar.limit) << " (" << bar.reason << "): ";
    if (!value) {
      out << "not measured\n";
    } else {
      out << value_text(bar.measure, *value) << (*value <= bar.limit ? ", met" : ", missed")
          << "\n";
    }
  }
  out << std::endl;
}
