#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/temp_dir.h"

// Networks of real Keras beside copies with one wrong remap each, which loads without any error.

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kPairs = fs::path(CKPT_SHARED) / "models" / "pairs";

bool is_there() {
  if (fs::exists(kPairs)) return true;
  MESSAGE("SKIPPED: " << kPairs.string() << " is not there; no wrong remap was tried");
  return false;
}

// The first fault that is to be told of each.
const std::map<std::string, std::string> kFaults = {
    {"bn1_bn2_stats_swapped", "'b1/moving_mean' and 'b2/moving_mean' are swapped"},
    {"bn_gamma_beta_swapped", "'b1/gamma' and 'b1/beta' are swapped"},
    {"bn_mean_var_swapped", "'b1/moving_mean' and 'b1/moving_variance' are swapped"},
    {"bn_std_instead_of_var", "'b1/moving_variance' has the square roots of the values it had"},
    {"depthwise_flat_reshape", "'dw/kernel' was reshaped where its axes had to be permuted"},
    {"flatten_order_CHW_vs_HWC",
     "'fc/kernel' has its 128 rows in the order of a flattened [8, 4, 4], where [4, 4, 8] is "
     "flattened"},
    {"kernel_HW_transposed", "'c1/kernel' has its axes in the order (1, 0, 2, 3)"},
    {"kernel_IO_swapped", "'c2/kernel' has its axes in the order (0, 1, 3, 2)"},
    {"kernel_spatially_flipped", "'c2/kernel' is reversed along axes 0, 1"},
    {"rgb_bgr", "'c1/kernel' is reversed along axis 2"},
    {"gru_bias_halves_swapped", "'gru/gru_cell/bias' is reversed along axis 0"},
    {"gru_gates_not_reordered",
     "each of 'gru/gru_cell/kernel', 'gru/gru_cell/recurrent_kernel', 'gru/gru_cell/bias' has its "
     "3 "
     "gates along axis 1 in the order (1, 0, 2)"},
    {"ih_hh_swapped", "'gru/gru_cell/kernel' and 'gru/gru_cell/recurrent_kernel' are swapped"},
    {"lstm_i_o_swapped",
     "each of 'lstm/lstm_cell/kernel', 'lstm/lstm_cell/recurrent_kernel' has its 4 gates along "
     "axis "
     "1 in the order (3, 1, 2, 0)"},
    {"lstm_ifog_order",
     "each of 'lstm/lstm_cell/kernel', 'lstm/lstm_cell/recurrent_kernel' has its 4 gates along "
     "axis "
     "1 in the order (0, 1, 3, 2)"},
    {"lstm_one_bias_only",
     "'lstm/lstm_cell/bias' has other values in 24 of 24 elements, the first at [0]: -0.07616058, "
     "was -0.2917888"},
    {"recurrent_not_transposed_per_gate",
     "'gru/gru_cell/recurrent_kernel' has each of its 3 gates transposed"},
    {"biases_2_4_swapped", "'dense_1/bias' and 'dense_2/bias' are swapped"},
    {"fp16_rounded",
     "each of 'dense/kernel', 'dense/bias', 'dense_1/kernel' and 5 more lost precision: it has the "
     "values it had, rounded to f16"},
    {"layers_2_and_4_swapped", "'dense_1/kernel' and 'dense_2/kernel' are swapped"},
    {"one_bias_zero", "'dense_2/bias' is all 0"},
    {"one_element_off",
     "'dense_1/kernel' has other values in 1 of 256 elements, the first at [3, 0]: -0.01711158, "
     "was "
     "-0.06711158"},
    {"square_kernel_not_transposed", "'dense_1/kernel' is transposed"},
};

json verify(std::vector<std::string> arguments, int status, const std::string& folder = "") {
  arguments.insert(arguments.begin(), "verify");
  arguments.emplace_back("--json");
  const auto result = run_ckpt(std::move(arguments), folder);
  CHECK(result.status == status);
  INFO(result.err);
  return json::parse(result.out);
}

}  // namespace

TEST_SUITE("tools/verify_pairs") {
  TEST_CASE("each wrong remap is different, the right variable named, the remedy tried") {
    if (!is_there()) return;
    std::size_t tried = 0;
    for (const auto& pair : fs::directory_iterator(kPairs)) {
      for (const auto& mutant : fs::directory_iterator(pair.path() / "mutants")) {
        const std::string name = mutant.path().filename();
        CAPTURE(name);
        const json report = verify({mutant.path() / "model.h5", "--against",
                                    pair.path() / "model.h5", "--require-forward"},
                                   1);
        ++tried;
        CHECK(report["verdict"] == "different");
        CHECK(report["forward"]["run"] == true);
        REQUIRE(kFaults.contains(name));
        CHECK(report["diagnosis"]["faults"][0] == kFaults.at(name));
        CHECK(report["diagnosis"]["confirmed"] == true);
        // Nothing is named that is right.
        std::vector<std::string> other;
        for (const json& variable : report["variables"]) other.push_back(variable["name"]);
        auto named = report["diagnosis"]["variables"].get<std::vector<std::string>>();
        std::sort(other.begin(), other.end());
        std::sort(named.begin(), named.end());
        CHECK(named == other);
      }
    }
    CHECK(tried == kFaults.size());
    MESSAGE(tried << " wrong remaps were told");
  }

  TEST_CASE("two layouts of one model correspond by the parts of their variables") {
    if (!is_there()) return;
    const fs::path pair = kPairs / "cnn_bn_flatten";
    const json same = verify({pair / "model.weights.h5", "--against", pair / "model.h5",
                              "--graph-new", pair / "config.json"},
                             0);
    CHECK(same["names"] == "by the parts that they play in the networks");
    CHECK(same["proven"] == json::parse(R"({"bytes": 15, "outputs": 15, "neither": []})"));
    const json other = verify({pair / "mutants" / "rgb_bgr" / "model.weights.h5", "--against",
                               pair / "model.h5", "--graph-new", pair / "config.json"},
                              1);
    CHECK(other["diagnosis"]["faults"] ==
          json::parse(R"(["'layers/conv2d/vars/0' is reversed along axis 2"])"));
    CHECK(other["variables"][0]["origin"] == json::parse(R"(["c1/kernel"])"));
  }

  TEST_CASE("on inputs that do not show a change, the bytes decide") {
    if (!is_there()) return;
    const fs::path pair = kPairs / "mlp_square";
    const json report = verify({pair / "mutants" / "one_element_off" / "model.h5", "--against",
                                pair / "model.h5", "--inputs", pair / "inputs.npz"},
                               1);
    CHECK(report["outputs"][0]["agreement"] == "identical");
    CHECK(
        report["reasons"] ==
        json::parse(R"(["1 variable has other bytes, 'dense_1/kernel'; the forward pass does not )"
                    R"(show it, the bytes decide"])"));
    CHECK(report["proven"]["neither"] == json::parse(R"(["dense_1/kernel"])"));
    // Nor does a tolerance help a difference that no output shows.
    CHECK(verify({pair / "mutants" / "one_element_off" / "model.h5", "--against", pair / "model.h5",
                  "--inputs", pair / "inputs.npz", "--rtol", "0.1"},
                 1)["verdict"] == "different");
    // One that they show is a matter of the tolerance.
    CHECK(verify({pair / "mutants" / "fp16_rounded" / "model.h5", "--against", pair / "model.h5",
                  "--inputs", pair / "inputs.npz", "--rtol", "0.001"},
                 0)["proven"] == json::parse(R"({"bytes": 0, "outputs": 8, "neither": []})"));
  }

  TEST_CASE("the right networks pass: against Keras's outputs, and once their layers are renamed") {
    if (!is_there()) return;
    for (const auto& pair : fs::directory_iterator(kPairs)) {
      CAPTURE(pair.path().string());
      const json golden = verify({pair.path() / "model.h5", "--golden", pair.path() / "outputs.npz",
                                  "--inputs", pair.path() / "inputs.npz"},
                                 0);
      CHECK(golden["verdict"] == "same");
      CHECK(golden["proven"]["neither"] == json::array());
      // The file's own config is renamed with its layers, so each has its own network.
      const TempDir dir;
      const std::string layer = pair.path().filename() == "cnn_bn_flatten"   ? "b1"
                                : pair.path().filename() == "lstm_gru_gates" ? "gru"
                                                                             : "dense_1";
      CHECK(run_ckpt({"remap", pair.path() / "model.h5", "new.h5", "-r", layer + "/=moved/"},
                     dir.path())
                .status == 0);
      const json renamed = verify({"new.h5", "--against", pair.path() / "model.h5"}, 0, dir.path());
      CHECK(renamed["forward"]["new_graph"] == "its own config (Keras 3 config)");
      CHECK(renamed["outputs"][0]["agreement"] == "identical");
      CHECK(renamed["proven"]["neither"] == json::array());
      CHECK(renamed["proven"]["outputs"] == renamed["proven"]["bytes"]);
    }
  }

  TEST_CASE("networks of TensorFlow.js compute what it computed, by the topology in their files") {
    if (!is_there()) return;
    std::size_t met = 0;
    for (const auto& folder : fs::directory_iterator(fs::path(CKPT_SHARED) / "models" / "tfjs")) {
      CAPTURE(folder.path().string());
      const json report =
          verify({folder.path() / "model.json", "--golden", folder.path() / "outputs.npz",
                  "--inputs", folder.path() / "inputs.npz", "--rtol", "1e-6"},
                 0);
      CHECK(report["verdict"] == "same");
      CHECK(report["forward"]["new_graph"] == "its own config (Keras 2 config)");
      CHECK(report["proven"]["neither"] == json::array());
      ++met;
    }
    CHECK(met == 6);
  }
}
