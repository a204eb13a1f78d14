#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "checkpoint/memory_checkpoint.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/text.h"
#include "formats/formats.h"
#include "model/forward.h"
#include "model/keras.h"
#include "support/h5_text.h"
#include "support/npz.h"

// Every network of ../shared/models/keras* with the outputs that Keras itself computed, run from
// its config and each file of weights that lies beside it.

namespace ckpt {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Arrays = std::vector<std::pair<std::string, Tensor>>;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<double> numbers_of(const Tensor& tensor) {
  std::vector<double> out(static_cast<std::size_t>(num_elements(tensor.shape).value_or(0)));
  decode(tensor.dtype, tensor.bytes, out);
  return out;
}

// The largest difference, relative to the expected tensor's largest value.
double difference(const Tensor& got, const Tensor& expected) {
  if (got.shape != expected.shape) return INFINITY;
  const auto a = numbers_of(got);
  const auto b = numbers_of(expected);
  double largest = 0;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(b[i]));
    const double gap = std::abs(a[i] - b[i]);
    worst = std::isnan(a[i]) != std::isnan(b[i]) ? INFINITY : std::max(worst, gap);
  }
  return worst == 0 ? 0 : worst / std::max(largest, 1e-30);
}

struct Outcome {
  std::string weights;
  double error = NAN;
  double limit = 0;
  std::string reason;  // empty where it is met
};

// What the folder allows: four times what float32 itself costs there, a millionth, or the rounding
// of a half type, which a few operations add up.
double limit_of(const json& meta) {
  double limit = 1e-6;
  if (meta.contains("f32_vs_f64_relmax") && meta["f32_vs_f64_relmax"].is_number()) {
    limit = std::max(limit, 4 * meta["f32_vs_f64_relmax"].get<double>());
  }
  const std::string policy = meta.value("policy", "");
  if (policy.find("bfloat16") != std::string::npos) limit = 4.0 / 256;
  if (policy.find("float16") != std::string::npos && policy.find("bfloat16") == std::string::npos) {
    limit = 4.0 / 2048;
  }
  return limit;
}

// The first layer whose output is not Keras's, for whoever looks into a failure.
std::string first_difference(const RunResult& result, const fs::path& folder, double limit) {
  if (!fs::exists(folder / "layers.npz")) return "";
  std::map<std::string, Tensor> expected;
  for (auto& [name, tensor] : test::read_npz((folder / "layers.npz").string())) {
    expected.emplace(name, std::move(tensor));
  }
  for (const NamedTensor& layer : result.layers) {
    const auto it = expected.find(layer.name);
    if (it == expected.end()) continue;
    const double error = difference(layer.tensor, it->second);
    if (!(error <= limit)) {
      return cat("; first at ", layer.name, " (", error, ", ", to_string(layer.tensor.shape),
                 " against ", to_string(it->second.shape), ")");
    }
  }
  return "; no layer differs";
}

Outcome run_folder(const fs::path& folder, const std::string& weights, const json& meta,
                   Engine engine) {
  Outcome outcome{weights, NAN, limit_of(meta), ""};
  try {
    const auto reader = open_checkpoint((folder / weights).string());
    KerasOptions options = keras_options(reader->index());
    // What neither a config nor a .weights.h5 says, the folder knows.
    if (options.backend.empty()) options.backend = meta.value("backend", "");
    if (options.backend.empty()) options.backend = "torch";
    // A whole model's own; a file of weights has it beside it.
    const bool is_whole = weights == "model.h5" || !fs::exists(folder / "config.json");
    const std::string config = is_whole ? test::h5_text(folder / "model.h5", "model_config")
                                        : read_text(folder / "config.json");
    Graph graph = read_keras_config(config, options);
    bind_keras(graph, reader->index());
    std::vector<Tensor> inputs;
    for (auto& [name, tensor] : test::read_npz((folder / "inputs.npz").string())) {
      inputs.push_back(std::move(tensor));
    }
    const RunResult result = run(graph, *reader, inputs, {.engine = engine});
    const Arrays expected = test::read_npz((folder / "outputs.npz").string());
    REQUIRE(expected.size() == result.outputs.size());
    outcome.error = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto& name = expected[i].first;
      const auto it = std::ranges::find(result.outputs, name, &NamedTensor::name);
      REQUIRE_MESSAGE(it != result.outputs.end(), folder.string() << " has no output " << name);
      outcome.error = std::max(outcome.error, difference(it->tensor, expected[i].second));
    }
    if (!(outcome.error <= outcome.limit)) {
      const RunResult all = run(graph, *reader, inputs, {.engine = engine, .layers = true});
      outcome.reason = "differs" + first_difference(all, folder, outcome.limit);
    }
  } catch (const Error& error) {
    outcome.reason = error.what();
  }
  return outcome;
}

std::string classes_of(const json& meta) {
  if (!meta.contains("layer_classes")) return "";
  std::vector<std::string> names;
  for (const json& name : meta["layer_classes"]) names.push_back(name.get<std::string>());
  return join(names, " ");
}

// What cannot be met, and the sentence that says why.
const std::map<std::string, std::string> kRefused = {
    {"custom_layer", "layer 'scale': the class 'my>Scale' is not supported"},
};

void check_folders(Engine engine) {
  const fs::path models = fs::path(CKPT_SHARED) / "models";
  if (!fs::exists(models)) {
    MESSAGE("SKIPPED: " << models.string() << " is not there; no network of Keras was run");
    return;
  }
  std::vector<fs::path> folders;
  for (const char* group : {"keras", "keras_old3", "keras_legacy"}) {
    for (const auto& entry : fs::recursive_directory_iterator(models / group)) {
      if (entry.path().filename() == "meta.json") folders.push_back(entry.path().parent_path());
    }
  }
  std::ranges::sort(folders);
  CHECK(folders.size() >= 80);
  std::ostringstream table;
  std::size_t met = 0;
  std::size_t all = 0;
  for (const fs::path& folder : folders) {
    const json meta = json::parse(read_text(folder / "meta.json"));
    const std::string shown = fs::relative(folder, models).string();
    for (const char* weights :
         {"model.h5", "model.weights.h5", "weights_only.h5", "legacy_weights.h5"}) {
      if (!fs::exists(folder / weights)) continue;
      const Outcome outcome = run_folder(folder, weights, meta, engine);
      ++all;
      const auto refused = kRefused.find(folder.filename().string());
      const bool is_met = outcome.reason.empty();
      met += is_met ? 1 : 0;
      table << (is_met ? "met      " : "NOT MET  ") << std::left << std::setw(42) << shown << " "
            << std::setw(17) << weights << std::setw(12) << std::setprecision(2) << std::scientific
            << outcome.error << " of " << outcome.limit << "  "
            << (is_met ? classes_of(meta) : outcome.reason.substr(0, 300)) << "\n";
      if (refused != kRefused.end()) {
        CHECK(outcome.reason.starts_with(refused->second));
      } else {
        CHECK_MESSAGE(is_met, shown << " " << weights << ": " << outcome.reason);
      }
    }
  }
  MESSAGE(met << " of " << all << " met\n" << table.str());
}

}  // namespace

TEST_SUITE_BEGIN("model/keras_models");

TEST_CASE("networks that Keras saved compute what Keras computed") {
  check_folders(Engine::kReference);
}

TEST_CASE("the fast engine computes what Keras computed") { check_folders(Engine::kFast); }

TEST_SUITE_END();

}  // namespace ckpt
