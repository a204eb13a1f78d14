#include "format_scenarios.h"

#include <array>
#include <string>
#include <utility>

// Each format's listing against the obvious reader in Python, and renames and conversions of 2 GiB
// against `cp`, which waits for the device as ckpt does. The inputs are made by ckpt itself out of
// one HDF5 file, and listed by the others.

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
constexpr std::uint64_t kBlocks = 128;
constexpr std::uint64_t kBlockBytes = 16 * kMiB;
constexpr int kMany = 100'000;

// A kind of file, and what its names are like.
struct Kind {
  const char* id;
  const char* file;  // what a checkpoint is called
  const char* data;  // the file that has the tensors' bytes
  char separator;
  const char* rival;  // who lists it in Python: of other_contenders.py; null for none
};
constexpr std::array<Kind, 4> kKinds{{
    {"safetensors", "m.safetensors", "m.safetensors", '.', nullptr},
    {"npz", "m.npz", "m.npz", '/', "numpy"},
    {"torch", "m.pt", "m.pt", '.', "torch"},
    {"tf", "m.index", "m.data-00000-of-00001", '/', nullptr},
}};

std::string name_in(const Kind& kind, std::string name) {
  for (char& c : name) {
    if (c == '/') c = kind.separator;
  }
  return name;
}

// Empty where Debian's Python has the module.
std::string missing_module(const std::string& module) {
  const Command command{"/usr/bin/python3", "-c", "import " + module};
  return time_process(command).status == 0 ? "" : "python3-" + module + " is not installed";
}

Contender cp(const std::string& from, const std::string& to) {
  return {.label = "cp, sync",
          .command = {"sh", "-c", "cp --reflink=never \"$0\" \"$1\" && sync \"$1\"", from, to},
          .output = to,
          .output_bytes = kBlocks * kBlockBytes};
}

std::string blocks_file(const Workshop& workshop) {
  return workshop.make_input(
      {"blocks", std::to_string(kBlocks), std::to_string(kBlockBytes), "random"}, "blocks.h5");
}

template <std::size_t kKind>
std::vector<Contender> list_many(const Workshop& workshop) {
  const Kind& kind = kKinds[kKind];
  const auto scopes = workshop.make_input({"scopes", std::to_string(kMany), "v18"}, "scopes.h5");
  const auto file = workshop.make_input({"as", CKPT_TOOL, scopes}, kind.file);
  const std::string scan = CKPT_SHARED "/witness/scan.py";
  std::vector<Contender> contenders{
      {.label = "ckpt ls", .command = {CKPT_TOOL, "ls", file}, .proof = "witness"},
      {.label = "an independent reader in Python",
       .command = {"/usr/bin/python3", scan, file},
       .missing = std::filesystem::exists(scan) ? "" : scan + " is not there",
       .proof = "100000 tensors"}};
  if (kind.rival != nullptr) {
    contenders.push_back({.label = kind.rival,
                          .command = Workshop::python("other_contenders.py", {kind.rival, file}),
                          .missing = missing_module(kind.rival),
                          .proof = "witness"});
  }
  return contenders;
}

template <std::size_t kKind>
std::vector<Contender> rename_blocks(const Workshop& workshop) {
  const Kind& kind = kKinds[kKind];
  const auto file = workshop.make_input({"as", CKPT_TOOL, blocks_file(workshop)}, kind.file);
  std::filesystem::remove(workshop.path("blocks.h5"));
  const std::string out = workshop.path(std::string("out-") + kind.file);
  const std::string rule = name_in(kind, "block_{i:int}/ = model/{i}/");
  return {
      {.label = "ckpt remap",
       // A bundle has its index beside the data.
       .command = {"sh", "-c", "rm -f \"$2\" && \"$0\" remap \"$1\" \"$2\" -r \"$3\" --no-receipt",
                   CKPT_TOOL, file, out, rule},
       .proof = "127 renamed",
       .output = workshop.path(std::string("out-") + kind.data),
       .output_bytes = kBlocks * kBlockBytes},
      cp(workshop.path(kind.data), workshop.path("copy"))};
}

std::vector<Contender> convert_blocks(const Workshop& workshop) {
  const std::string file = blocks_file(workshop);
  std::vector<Contender> contenders;
  for (const Kind& kind : kKinds) {
    contenders.push_back({.label = std::string("ckpt convert to ") + kind.id,
                          // A bundle has its index beside the data, and never writes over data
                          // that are there.
                          .command = {"sh", "-c",
                                      "rm -f \"$2\" \"${2%.index}\".data-* && "
                                      "\"$0\" convert \"$1\" \"$2\"",
                                      CKPT_TOOL, file, workshop.path(kind.file)},
                          .proof = "128 variables",
                          .output = workshop.path(kind.data),
                          .output_bytes = kBlocks * kBlockBytes});
  }
  contenders.push_back(cp(file, workshop.path("copy")));
  return contenders;
}

double peak_limit(int variables) { return static_cast<double>(64 * kMiB) + 200.0 * variables; }

template <std::size_t kKind>
Scenario listing(std::string_view name) {
  return {.name = name,
          .description = "100,000 variables in nested scopes",
          .runs = 2,
          .disk_bytes = 256 * kMiB,
          .reference = kKinds[kKind].rival == nullptr ? "an independent reader in Python"
                                                      : kKinds[kKind].rival,
          .set_up = list_many<kKind>,
          .bars = {{"ckpt ls", Measure::kTimeRatio, 1.0, "not slower"},
                   {"ckpt ls", Measure::kPeakBytes, peak_limit(kMany),
                    "64 MiB + 200 bytes a variable"}}};
}

template <std::size_t kKind>
Scenario renaming(std::string_view name, double ratio, std::string reason) {
  return {.name = name,
          .description = "127 of 128 variables of 2 GiB renamed, to a new file on the device",
          .runs = 5,
          .disk_bytes = 7 * kGiB,
          .reference = "cp, sync",
          .set_up = rename_blocks<kKind>,
          .bars = {{"ckpt remap", Measure::kTimeRatio, ratio, std::move(reason)},
                   {"ckpt remap", Measure::kPeakBytes, peak_limit(128), "64 MiB + 200 bytes"}}};
}

Scenario conversion() {
  Scenario scenario{.name = "convert_2g",
                    .description = "2 GiB in 128 variables from HDF5 to other raw formats",
                    .runs = 5,
                    .disk_bytes = 11 * kGiB,
                    .reference = "cp, sync",
                    .set_up = convert_blocks};
  for (const Kind& kind : kKinds) {
    const std::string label = std::string("ckpt convert to ") + kind.id;
    scenario.bars.push_back({label, Measure::kTimeRatio, 1 / 0.7, "0.7 of its throughput"});
    scenario.bars.push_back({label, Measure::kPeakBytes, peak_limit(128), "64 MiB + 200 bytes"});
  }
  return scenario;
}

}  // namespace

std::vector<Scenario> format_scenarios() {
  const double near = 1 / 0.9;
  const std::string words = "0.9 of its throughput";
  return {listing<0>("ls_100000_safetensors"),
          listing<1>("ls_100000_npz"),
          listing<2>("ls_100000_torch"),
          listing<3>("ls_100000_tf"),
          renaming<0>("remap_2g_safetensors", near, words),
          renaming<1>("remap_2g_npz", near, words),
          renaming<2>("remap_2g_torch", near, words),
          renaming<3>("remap_2g_tf", 0.1, "the index alone"),
          conversion()};
}
