#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "formats/formats.h"
#include "model/array.h"
#include "model/keras.h"
#include "support/sanitized.h"
#include "verify/diagnosing/patched_reader.h"
#include "verify/forward/influence.h"
#include "verify/forward/output_check.h"
#include "verify/verify.h"

// Every whole model of real Keras: each is the same as itself, and another one once any variable of
// its network is another.

namespace ckpt {
namespace {

namespace fs = std::filesystem;

VerifyRequest request_of(const Reader& was, const Reader& is, const Graph& graph) {
  VerifyRequest request;
  request.found = request.returned = &is;
  request.old = request.expected = &was;
  request.old_network = Network{&graph, "its own"};
  request.new_network = Network{&graph, "its own"};
  return request;
}

// One element in three moves by about its own size.
Tensor disturbed(const Tensor& tensor, const std::string& name) {
  Array array = from_tensor(tensor);
  const RandomStream stream(3, name);
  for (std::size_t i = 0; i < array.values.size(); i += 3) {
    array.values[i] += (std::abs(array.values[i]) + 1) * (0.5 + stream.uniform(i));
  }
  round(array, tensor.dtype);
  return to_tensor(array);
}

struct Count {
  std::size_t variables = 0;
  std::size_t by_outputs = 0;
};

// Disturbs each variable of the network, alone. Its name must be told, and no other.
void disturb_each(const Reader& reader, const Graph& graph, Count& count) {
  for (const std::string& name : stored_variables(graph)) {
    CAPTURE(name);
    PatchedReader changed(reader);
    changed.replace(name, disturbed(reader.read(reader.find(name).value()), name));
    const Verification result = verify(request_of(reader, changed, graph));
    ++count.variables;
    CHECK(result.verdict == Verdict::kDifferent);
    CHECK(result.proven_by_neither == std::vector<std::string>{name});
    REQUIRE(result.diagnosis);
    CHECK(result.diagnosis->names == std::vector<std::string>{name});
    if (agreement_of(result.forward->outputs) != Agreement::kDiffers) continue;
    ++count.by_outputs;
    CHECK(result.diagnosis->is_confirmed);
    CHECK(result.forward->first_difference);
  }
}

}  // namespace

TEST_SUITE_BEGIN("verify/keras_folders");

TEST_CASE("whole models are the same as themselves, and different in whichever variable is other") {
  const fs::path models = fs::path(CKPT_SHARED) / "models";
  if (!fs::exists(models)) {
    MESSAGE("SKIPPED: " << models.string() << " is not there; no model of Keras was verified");
    return;
  }
  std::vector<fs::path> files;
  for (const char* group : {"keras", "keras_old3", "keras_legacy"}) {
    for (const auto& entry : fs::recursive_directory_iterator(models / group)) {
      if (entry.path().filename() == "model.h5") files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  CHECK(files.size() >= 60);
  std::size_t same = 0;
  std::string left_out;
  Count count;
  for (std::size_t i = 0; i < files.size(); i += kStride<4>) {
    const fs::path& file = files[i];
    CAPTURE(file.string());
    const auto reader = open_checkpoint(file.string());
    std::optional<Graph> graph;
    try {
      graph = read_keras_model(*reader);
    } catch (const Error& error) {
      CHECK(error.code() == Errc::kUnsupported);
      left_out +=
          cat("  ", file.string(), ": ", std::string_view(error.what()).substr(0, 80), "\n");
      continue;
    }
    REQUIRE(graph);
    const Verification result = verify(request_of(*reader, *reader, *graph));
    CHECK(result.verdict == Verdict::kSame);
    CHECK(result.proven_by_neither.empty());
    CHECK(agreement_of(result.forward->outputs) == Agreement::kIdentical);
    ++same;
    const double passes = static_cast<double>(stored_variables(*graph).size());
    if (!result.forward->influence_tested || passes > 40) {
      left_out += cat("  ", file.string(), ": only compared with itself\n");
      continue;
    }
    disturb_each(*reader, *graph, count);
  }
  CHECK(count.variables > 900 / kStride<8>);
  MESSAGE(same << " models are the same as themselves; of " << count.variables
               << " variables that were disturbed all were named, " << count.by_outputs
               << " seen by the outputs; left out:\n"
               << left_out);
}

TEST_SUITE_END();

}  // namespace ckpt
