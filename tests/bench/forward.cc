#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/error.h"
#include "forward_floor.h"
#include "model/fast/program.h"
#include "networks.h"

// The fast engine on well-known networks, one image, beside the floor: what Eigen takes for the
// convolutions and dense layers alone. Both take turns within one run; processor time, medians.

namespace {

using namespace ckpt;

constexpr const char* kOther = "the rest";

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Options {
  int rounds = 15;
  bool steps = false;
  InstructionSet instructions = available_instruction_sets().back();
  std::vector<std::string> networks;
};

// Times by kind of layer, a value for each round.
using Times = std::map<std::string, std::vector<double>>;

void add_round(Times& times, const std::map<std::string, double>& round) {
  double total = 0;
  for (const auto& [kind, seconds] : round) {
    times[kind].push_back(seconds);
    total += seconds;
  }
  times["all"].push_back(total);
}

// The most that two activations take together of which a layer reads one and writes the other.
std::size_t largest_pair(const Graph& graph) {
  std::size_t largest = 0;
  for (const Node& node : graph.nodes) {
    std::size_t in = 0;
    for (const Input& input : node.inputs) {
      in = std::max(in, elements_of(graph.values[input.value].shape));
    }
    largest = std::max(largest, in + elements_of(graph.values[node.outputs[0]].shape));
  }
  return largest * sizeof(float);
}

// Wall times of runs of a program: after another one, which used the caches while this one's
// threads slept, and at once again.
struct Walls {
  double first = 1e9;
  double again = 1e9;

  void run(fast::Program& program, fast::Program& other) {
    const auto nothing = [](const fast::Step&) {};
    other.run_steps(nothing);
    for (double* least : {&first, &again}) {
      const double start = wall_seconds();
      program.run_steps(nothing);
      *least = std::min(*least, wall_seconds() - start);
    }
  }
};

// The least that each step took, in seconds of wall time.
void run_timed(fast::Program& program, std::vector<double>& least) {
  std::size_t i = 0;
  double last = wall_seconds();
  program.run_steps([&](const fast::Step&) {
    const double now = wall_seconds();
    least[i] = std::min(least[i], now - last);
    last = now;
    ++i;
  });
}

// What the machine can do at the most: the time of a program while another one runs beside it, each
// on one thread.
double seconds_beside(fast::Program& program, fast::Program& other) {
  const auto nothing = [](const fast::Step&) {};
  std::atomic<bool> is_over{false};
  std::atomic<int> runs{0};
  std::thread beside([&] {
    while (!is_over) {
      other.run_steps(nothing);
      ++runs;
    }
  });
  while (runs == 0) std::this_thread::yield();
  const double start = wall_seconds();
  program.run_steps(nothing);
  const double together = wall_seconds() - start;
  is_over = true;
  beside.join();
  return together;
}

// Where the second thread gained little: the steps that lost most time against half of one's.
void print_steps(const fast::Plan& plan, const std::vector<double>& one,
                 const std::vector<double>& two) {
  std::vector<std::size_t> order(one.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return two[i] - one[i] / 2; });
  order.resize(std::min<std::size_t>(order.size(), 25));
  std::printf("  %8s %8s %6s  steps that lost most\n", "one us", "two us", "ratio");
  for (const std::size_t i : order) {
    std::printf("  %8.1f %8.1f %6.2f  %s\n", one[i] * 1e6, two[i] * 1e6, one[i] / two[i],
                plan.steps[i].name.c_str());
  }
}

void run_network(const std::string& name, const Options& options) {
  const Network network = load_network(name);
  const auto reader = open_memory(network.variables);
  RunOptions run_options{.engine = Engine::kFast, .instructions = options.instructions};
  fast::Program program(network.graph, *reader, run_options);
  fast::Program other(network.graph, *reader, run_options);
  run_options.threads = 2;
  fast::Program two(network.graph, *reader, run_options);
  ForwardFloor floor(network.graph);
  const std::vector<float> pixels(224 * 224 * 3, 0.5F);
  const std::vector<Tensor> inputs{make_tensor({1, 224, 224, 3}, pixels)};
  program.run(inputs);
  other.run(inputs);
  two.run(inputs);
  Times floor_times;
  Times times;
  Walls wall_one;
  Walls wall_two;
  std::vector<double> wall_together;
  std::vector<double> steps_one(program.plan().steps.size(), 1e9);
  std::vector<double> steps_two = steps_one;
  const auto nothing = [](const fast::Step&) {};
  for (int round = 0; round < options.rounds; ++round) {
    std::map<std::string, double> floor_round;
    for (const auto& [kind, seconds] : floor.run()) floor_round[kind] += seconds;
    add_round(floor_times, floor_round);
    std::map<std::string, double> our_round;
    double last = processor_seconds();
    program.run_steps([&](const fast::Step& step) {
      const double now = processor_seconds();
      const std::string kind = floor_kind(*step.node);
      our_round[kind.empty() ? kOther : kind] += now - last;
      last = now;
    });
    add_round(times, our_round);
    wall_one.run(program, other);
    wall_two.run(two, other);
    wall_together.push_back(seconds_beside(program, other));
    if (options.steps) {
      run_timed(program, steps_one);
      two.run_steps(nothing);
      run_timed(two, steps_two);
    }
  }
  const double multiplications = floor.multiplications();
  std::printf("%s: %.3f G multiplications\n", name.c_str(), multiplications * 1e-9);
  std::printf("  %-10s %10s %10s %7s\n", "", "floor ms", "ours ms", "ratio");
  for (const auto& [kind, seconds] : times) {
    const double ours = median(seconds) * 1e3;
    if (!floor_times.contains(kind)) {
      std::printf("  %-10s %10s %10.2f\n", kind.c_str(), "-", ours);
      continue;
    }
    const double theirs = median(floor_times[kind]) * 1e3;
    std::printf("  %-10s %10.2f %10.2f %7.2f%s\n", kind.c_str(), theirs, ours, ours / theirs,
                kind == "all" && ours > 1.2 * theirs ? "  misses the bar of 1.2" : "");
  }
  const double ours = wall_one.again / wall_two.again;
  const double most = 2 * wall_one.again / std::ranges::min(wall_together);
  std::printf(
      "  two threads: %.2f times as fast, %.2f from sleep (wall, best of %d: %.2f and %.2f ms)%s\n",
      ours, wall_one.first / wall_two.first, options.rounds, wall_one.again * 1e3,
      wall_two.again * 1e3, ours < 1.7 ? "  misses the bar of 1.7" : "");
  std::printf("  the machine: %.2f times as much with two programs side by side; of that %.0f %%\n",
              most, 100 * ours / most);
  if (options.steps) print_steps(program.plan(), steps_one, steps_two);
  const fast::Plan& plan = program.plan();
  constexpr double kMiB = 1024 * 1024;
  const auto floats = [](std::size_t count) {
    return static_cast<double>(count * sizeof(float)) / kMiB;
  };
  const auto kernels = static_cast<double>(plan.variables) / kMiB;
  std::printf("  memory: %.1f MiB of variables + %.1f; the bar is %.1f\n", kernels,
              floats(plan.memory + plan.scratch_floats),
              2 * static_cast<double>(largest_pair(network.graph)) / kMiB);
  const auto references =
      static_cast<int>(std::ranges::count(plan.steps, true, &fast::Step::is_reference));
  std::printf("  %zu steps for %zu layers, %d of them by the reference\n\n", plan.steps.size(),
              network.graph.nodes.size(), references);
}

int usage() {
  std::fprintf(stderr,
               "usage: ckpt_bench_forward [--rounds N] [--instructions SET] [--steps] [NETWORK …]\n"
               "networks:");
  for (const char* name : kNetworks) std::fprintf(stderr, " %s", name);
  std::fprintf(stderr, "\ninstruction sets here:");
  for (const InstructionSet set : available_instruction_sets()) {
    std::fprintf(stderr, " %s", std::string(name_of(set)).c_str());
  }
  std::fprintf(stderr, "\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--rounds" && i + 1 < argc) {
      options.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (word == "--steps") {
      options.steps = true;
    } else if (word == "--instructions" && i + 1 < argc) {
      const auto& sets = available_instruction_sets();
      const auto it = std::ranges::find(sets, std::string_view(argv[++i]),
                                        [](InstructionSet set) { return name_of(set); });
      if (it == sets.end()) return usage();
      options.instructions = *it;
    } else if (std::ranges::find(kNetworks, word) != std::end(kNetworks)) {
      options.networks.push_back(word);
    } else {
      return usage();
    }
  }
  if (options.networks.empty()) options.networks.assign(std::begin(kNetworks), std::end(kNetworks));
  std::printf("instructions: %s\n\n", std::string(name_of(options.instructions)).c_str());
  for (const std::string& name : options.networks) {
    try {
      run_network(name, options);
    } catch (const Error& e) {
      std::printf("%s: left out: %s\n\n", name.c_str(), e.what());
    }
  }
  return 0;
}
