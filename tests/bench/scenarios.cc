#include "scenarios.h"

#include <string>
#include <utility>

#include "format_scenarios.h"

// The table at the end has a row a scenario. A new one is a function that makes its inputs and says
// who takes part, and a row. Bars are the design's; times are ratios to a reference
// that runs in the same rounds, on the machine at hand.

namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

// The leaf that make_inputs.py puts last into every file.
constexpr const char* kLast = "witness";

constexpr std::uint64_t kBlocks = 128;
constexpr std::uint64_t kBlockBytes = 16 * kMiB;

Contender ckpt(std::string label, std::vector<std::string> arguments, std::string proof) {
  arguments.insert(arguments.begin(), CKPT_TOOL);
  return {.label = std::move(label), .command = std::move(arguments), .proof = std::move(proof)};
}

Contender ckpt_io(std::string label, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), CKPT_BENCH_IO);
  return {.label = std::move(label),
          .command = std::move(arguments),
          .missing = *CKPT_BENCH_IO == '\0' ? "this build has no lib/formats" : ""};
}

Contender h5py(std::string label, const std::vector<std::string>& arguments) {
  return {.label = std::move(label),
          .command = Workshop::python("h5py_contenders.py", arguments),
          .missing = missing_h5py()};
}

// --- ls: everybody lists one file
// -------------------------------------------------------------------

std::vector<Contender> list(const std::string& file) {
  std::vector<Contender> contenders{ckpt("ckpt ls", {"ls", file}, kLast),
                                    ckpt("ckpt ls --json", {"ls", "--json", file}, kLast)};
  contenders.push_back({.label = "h5ls -r",
                        .command = {"h5ls", "-r", file},
                        .missing = missing_program("h5ls"),
                        .proof = kLast});
  contenders.push_back(h5py("h5py walk", {"walk", file}));
  contenders.back().proof = kLast;
  return contenders;
}

template <int kCount>
std::vector<Contender> list_scopes(const Workshop& workshop) {
  return list(workshop.make_input({"scopes", std::to_string(kCount), "v18"}, "scopes.h5"));
}

std::vector<Contender> list_scopes_of_earliest_format(const Workshop& workshop) {
  return list(workshop.make_input({"scopes", "100000", "earliest"}, "scopes.h5"));
}

// Two sizes of one kind of file: time and memory are to grow no faster than the file.
std::vector<Contender> list_two(const Workshop& workshop, const std::string& kind,
                                std::uint64_t few, std::uint64_t many) {
  const auto small = workshop.make_input({kind, std::to_string(few)}, kind + "_few.h5");
  const auto large = workshop.make_input({kind, std::to_string(many)}, kind + "_many.h5");
  return {ckpt("ckpt ls, a tenth", {"ls", small}, kLast), ckpt("ckpt ls", {"ls", large}, kLast)};
}

std::vector<Contender> list_flat(const Workshop& workshop) {
  return list_two(workshop, "flat", 100'000, 1'000'000);
}

std::vector<Contender> list_deep(const Workshop& workshop) {
  return list_two(workshop, "deep", 1000, 10'000);
}

std::vector<Contender> list_sparse(const Workshop& workshop) {
  const auto small = workshop.make_input({"blocks", "10", "2000", "empty"}, "small.h5");
  const auto sparse = workshop.make_input({"blocks", "10", "2000000000", "empty"}, "sparse.h5");
  return {ckpt("ckpt ls, 20 KB", {"ls", small}, kLast),
          ckpt("ckpt ls, 20 GB", {"ls", sparse}, kLast)};
}

// --- reading and writing all tensors
// ----------------------------------------------------------------

std::string blocks_file(const Workshop& workshop) {
  return workshop.make_input(
      {"blocks", std::to_string(kBlocks), std::to_string(kBlockBytes), "random"}, "blocks.h5");
}

std::vector<Contender> read_blocks(const Workshop& workshop) {
  const std::string file = blocks_file(workshop);
  const std::string all = std::to_string(kBlocks * kBlockBytes) + " bytes";
  std::vector<Contender> contenders{ckpt_io("ckpt::Reader, all tensors", {"read", file}),
                                    {.label = "cat FILE > /dev/null", .command = {"cat", file}},
                                    h5py("h5py, all datasets", {"read", file})};
  contenders.front().proof = all;
  contenders.back().proof = all;
  return contenders;
}

// No clones, where the file system could make them. Each writes 2 GiB and waits until they are on
// the device, as ckpt always does; `cp` alone, which does not wait, is there for comparison.
std::vector<Contender> write_blocks(const Workshop& workshop) {
  const std::string file = blocks_file(workshop);
  const std::string out = workshop.path("out.h5");
  const std::string count = std::to_string(kBlocks);
  const std::string bytes = std::to_string(kBlockBytes);
  std::vector<Contender> contenders{
      ckpt_io("ckpt::Writer", {"write", out, count, bytes}),
      {.label = "cp, sync",
       .command = {"sh", "-c", "cp --reflink=never \"$0\" \"$1\" && sync \"$1\"", file, out}},
      {.label = "cp alone", .command = {"cp", "--reflink=never", file, out}},
      h5py("h5py, fsync", {"write", out, count, bytes})};
  for (auto& contender : contenders) {
    contender.output = out;
    contender.output_bytes = kBlocks * kBlockBytes;
  }
  return contenders;
}

// --- dups: a tenth of the variables are copies
// ----------------------------------------------------------------

// `ckpt dups` has to read the copies and what they are copies of, and a page of each of the others.
// The same bytes as a plain file are hashed for comparison, and the whole checkpoint too.
std::vector<Contender> find_copies(const Workshop& workshop) {
  const std::string count = std::to_string(kBlocks);
  const std::string bytes = std::to_string(kBlockBytes);
  const auto file = workshop.make_input({"copies", count, bytes}, "copies.h5");
  const auto same = workshop.make_input({"copied", count, bytes}, "copied.bin");
  // Its status says that it has found something, which is no failure here.
  std::vector<Contender> contenders{
      {.label = "ckpt dups",
       .command = {"sh", "-c", "\"$0\" dups \"$1\" || test $? = 1", CKPT_TOOL, file},
       .proof = "exact-copy"}};
  contenders.push_back({.label = "xxhsum -H2, the same bytes",
                        .command = {"xxhsum", "-H2", same},
                        .missing = missing_program("xxhsum"),
                        .proof = "copied.bin"});
  contenders.push_back({.label = "xxhsum -H2, the whole file",
                        .command = {"xxhsum", "-H2", file},
                        .missing = missing_program("xxhsum"),
                        .proof = "copies.h5"});
  return contenders;
}

std::vector<Contender> find_in_scopes(const Workshop& workshop) {
  const auto file = workshop.make_input({"scopes", "100000", "v18"}, "scopes.h5");
  return {ckpt("ckpt dups", {"dups", file}, "100,000 variables"),
          ckpt("ckpt ls", {"ls", file}, kLast)};
}

// --- remap: every variable gets a prefix
// ----------------------------------------------------------------

// To a new file, on the device. h5copy takes one group a run.
std::vector<Contender> remap_blocks(const Workshop& workshop) {
  const std::string file = blocks_file(workshop);
  const std::string out = workshop.path("out.h5");
  const std::string groups = std::to_string(kBlocks - 2);
  std::vector<Contender> contenders{
      ckpt("ckpt remap", {"remap", file, out, "-r", "/=model/", "--no-receipt"},
           "done: 128 renamed"),
      {.label = "cp, sync",
       .command = {"sh", "-c", "cp --reflink=never \"$0\" \"$1\" && sync \"$1\"", file, out}},
      {.label = "h5copy, sync",
       .command = {"sh", "-c",
                   "for g in zz_last $(seq -f block_%g 0 " + groups +
                       "); do h5copy -p -i \"$0\" -o \"$1\" -s /$g -d /model/$g || exit; done; "
                       "sync \"$1\"",
                   file, out},
       .missing = missing_program("h5copy")},
      {.label = "h5repack, sync",
       .command = {"sh", "-c", "h5repack \"$0\" \"$1\" && sync \"$1\"", file, out},
       .missing = missing_program("h5repack")}};
  for (auto& contender : contenders) {
    contender.output = out;
    contender.output_bytes = kBlocks * kBlockBytes;
  }
  return contenders;
}

// In place: there and back again, so that every round finds the file as the first did.
Contender remap_there_and_back(const std::string& file) {
  return {.label = "ckpt remap -i, twice",
          .command = {"sh", "-c",
                      "\"$0\" remap -i \"$1\" -r /=model/ --no-receipt && "
                      "\"$0\" remap -i \"$1\" -r model/=/ --no-receipt",
                      CKPT_TOOL, file},
          .proof = "in place"};
}

std::vector<Contender> remap_blocks_in_place(const Workshop& workshop) {
  const std::string file = blocks_file(workshop);
  return {remap_there_and_back(file), ckpt("ckpt ls", {"ls", file}, kLast)};
}

std::vector<Contender> remap_scopes_in_place(const Workshop& workshop) {
  const auto file = workshop.make_input({"scopes", "100000", "v18"}, "scopes.h5");
  return {remap_there_and_back(file), ckpt("ckpt ls", {"ls", file}, kLast)};
}

// Not one scope moves as a whole: every variable changes its own last segment.
std::vector<Contender> remap_single_names(const Workshop& workshop) {
  const auto file = workshop.make_input({"scopes", "100000", "v18"}, "scopes.h5");
  const std::string out = workshop.path("out.h5");
  std::vector<Contender> contenders{ckpt("ckpt remap",
                                         {"remap", file, out, "-r", "{p:path}/kernel = {p}/weights",
                                          "-r", "{p:path}/bias = {p}/biases", "--no-receipt"},
                                         "99,999 renamed"),
                                    ckpt("ckpt ls", {"ls", file}, kLast)};
  contenders.front().output = out;
  contenders.front().output_bytes = kMiB;
  return contenders;
}

// --- the table
// --------------------------------------------------------------------------------------

double peak_limit(int variables) { return static_cast<double>(64 * kMiB) + 200.0 * variables; }

// The bars of `ckpt ls` on a file of so many variables.
std::vector<Bar> list_bars(int variables, std::vector<Bar> more) {
  std::vector<Bar> bars = std::move(more);
  bars.push_back(
      {"ckpt ls", Measure::kPeakBytes, peak_limit(variables), "64 MiB + 200 bytes a variable"});
  return bars;
}

const Bar kNotSlower{"ckpt ls", Measure::kTimeRatio, 1.0, "through libhdf5"};
const Bar kTwentyTimes{"ckpt ls", Measure::kTimeRatio, 0.05, "with a reader of our own"};

std::vector<Scenario> hdf5_scenarios() {
  return {
      {.name = "ls_10",
       .description = "10 variables in nested scopes, HDF5 1.8 format",
       .runs = 40,
       .disk_bytes = kMiB,
       .reference = "h5ls -r",
       .set_up = list_scopes<10>,
       .bars =
           list_bars(10, {{"ckpt ls", Measure::kWallSeconds, 0.010, "through libhdf5"},
                          {"ckpt ls", Measure::kWallSeconds, 0.003, "with a reader of our own"}})},
      {.name = "ls_1000",
       .description = "1,000 variables in nested scopes, HDF5 1.8 format",
       .runs = 20,
       .disk_bytes = 4 * kMiB,
       .reference = "h5ls -r",
       .set_up = list_scopes<1000>,
       .bars = list_bars(1000, {})},
      {.name = "ls_100000",
       .description = "100,000 variables in nested scopes, HDF5 1.8 format",
       .runs = 5,
       .disk_bytes = 256 * kMiB,
       .reference = "h5ls -r",
       .set_up = list_scopes<100000>,
       .bars = list_bars(100000, {kNotSlower, kTwentyTimes})},
      {.name = "ls_100000_earliest",
       .description = "100,000 variables in nested scopes, HDF5's earliest format",
       .runs = 5,
       .disk_bytes = 512 * kMiB,
       .reference = "h5ls -r",
       .set_up = list_scopes_of_earliest_format,
       .bars = list_bars(100000, {kNotSlower, kTwentyTimes})},
      {.name = "ls_flat_1000000",
       .description = "1,000,000 variables in one scope, and 100,000",
       .runs = 3,
       .disk_bytes = kGiB,
       .reference = "ckpt ls, a tenth",
       .set_up = list_flat,
       .bars = list_bars(1'000'000, {{"ckpt ls", Measure::kTimeRatio, 12, "must grow linearly"}})},
      {.name = "ls_deep_10000",
       .description = "10,000 scopes, each in the one before, and 1,000",
       .runs = 10,
       .disk_bytes = 64 * kMiB,
       .reference = "ckpt ls, a tenth",
       .set_up = list_deep,
       .bars = list_bars(1, {{"ckpt ls", Measure::kTimeRatio, 12, "must grow linearly"}})},
      {.name = "ls_sparse_20g",
       .description = "10 variables in 20 GB of holes, and the same in 20 KB",
       .runs = 40,
       .disk_bytes = kMiB,
       .reference = "ckpt ls, 20 KB",
       .set_up = list_sparse,
       .bars = {{"ckpt ls, 20 GB", Measure::kTimeRatio, 1.1, "must be the same"},
                {"ckpt ls, 20 GB", Measure::kPeakRatio, 1.05, "must be the same"}}},
      {.name = "read_2g",
       .description = "reading all of 2 GiB in 128 variables, from the page cache",
       .runs = 5,
       .disk_bytes = 3 * kGiB,
       .reference = "cat FILE > /dev/null",
       .set_up = read_blocks,
       .bars = {{"ckpt::Reader, all tensors", Measure::kTimeRatio, 1 / 0.9,
                 "0.9 of its throughput"}}},
      {.name = "write_2g",
       .description = "writing 2 GiB in 128 variables, to the device",
       .runs = 3,
       .disk_bytes = 5 * kGiB,
       .reference = "cp, sync",
       .set_up = write_blocks,
       .bars = {}},
      {.name = "remap_2g",
       .description = "a prefix for 2 GiB in 128 variables, to a new file on the device",
       .runs = 3,
       .disk_bytes = 5 * kGiB,
       .reference = "cp, sync",
       .set_up = remap_blocks,
       .bars = {{"ckpt remap", Measure::kTimeRatio, 1 / 0.95, "0.95 of its throughput"},
                {"ckpt remap", Measure::kPeakBytes, peak_limit(128), "64 MiB + 200 bytes"}}},
      {.name = "remap_2g_in_place",
       .description = "a prefix for 2 GiB in 128 variables and back, in place, synced",
       .runs = 10,
       .disk_bytes = 3 * kGiB,
       .reference = "ckpt ls",
       .set_up = remap_blocks_in_place,
       .bars = {{"ckpt remap -i, twice", Measure::kWallSeconds, 0.040, "20 ms each"},
                {"ckpt remap -i, twice", Measure::kPeakBytes, peak_limit(128),
                 "64 MiB + 200 bytes"}}},
      {.name = "remap_100000_in_place",
       .description = "a prefix for 100,000 variables and back, in place, synced",
       .runs = 3,
       .disk_bytes = 256 * kMiB,
       .reference = "ckpt ls",
       .set_up = remap_scopes_in_place,
       .bars = {{"ckpt remap -i, twice", Measure::kTimeRatio, 6, "3 × each"},
                {"ckpt remap -i, twice", Measure::kPeakBytes, peak_limit(100000),
                 "64 MiB + 200 bytes a variable"}}},
      {.name = "remap_100000_single",
       .description = "100,000 variables renamed one by one, to a new file",
       .runs = 3,
       .disk_bytes = 512 * kMiB,
       .reference = "ckpt ls",
       .set_up = remap_single_names,
       .bars = {{"ckpt remap", Measure::kPeakBytes, peak_limit(100000),
                 "64 MiB + 200 bytes a variable"}}},
      {.name = "dups_2g",
       .description = "2 GiB in 128 variables, a tenth of them copies; from the page cache",
       .runs = 5,
       .disk_bytes = 3 * kGiB,
       .reference = "xxhsum -H2, the same bytes",
       .set_up = find_copies,
       .bars = {{"ckpt dups", Measure::kTimeRatio, 1.25, "0.8 of its throughput"},
                {"ckpt dups", Measure::kPeakBytes, peak_limit(128), "64 MiB + 200 bytes"}}},
      {.name = "dups_100000",
       .description = "dups of 100,000 small variables in nested scopes",
       .runs = 3,
       .disk_bytes = 256 * kMiB,
       .reference = "ckpt ls",
       .set_up = find_in_scopes,
       .bars = {{"ckpt dups", Measure::kPeakBytes, peak_limit(100000),
                 "64 MiB + 200 bytes a variable"}}},
  };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list = hdf5_scenarios();
    for (Scenario& scenario : format_scenarios()) list.push_back(std::move(scenario));
    return list;
  }();
  return all;
}
