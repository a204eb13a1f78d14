#include <doctest/doctest.h>

#include <filesystem>

#include "support/digits.h"

namespace {

const std::string kDigits = CKPT_FIXTURES "/digits/";

// What NumPy reads of both files, and how far the second one's `output_0` is from it.
std::string by_numpy(const std::string& got, const std::string& expected) {
  return run_python(
      "import numpy as np,sys\n"
      "a,b=np.load(sys.argv[1]),np.load(sys.argv[2])\n"
      "x,y=a['output_0'],b['output_0']\n"
      "print(sorted(a.files), x.dtype, x.shape, abs(x-y).max()/abs(y).max()<1e-6)\n",
      {got, expected});
}

}  // namespace

TEST_SUITE("tools/run") {
  TEST_CASE("the digits net answers as another implementation of it does") {
    const DigitsFolder w;
    const auto result = w.ckpt({"run", "digits.h5", "--graph", "digits.json", "--inputs",
                                "test_digits.npz", "--labels", "test_labels.npz", "-o", "y.npz"});
    CHECK(result.err == "");
    CHECK(result.out ==
          "digits.h5: digits.json (Keras 3 config)\n"
          "in   input_0   f32 [355, 8, 8, 1]  from 0 to 1\n"
          "out  output_0  f32 [355, 10]       from -41.0682 to 26.4505\n"
          "accuracy 97.75 % (347 of 355)\n"
          "y.npz: 1 output written\n");
    CHECK(result.status == 0);
    CHECK(by_numpy(w.dir / "y.npz", kDigits + "test_logits.npz") ==
          "['output_0'] float32 (355, 10) True\n");
  }

  TEST_CASE("--layers writes what every layer gave, under LAYER#call#output") {
    const DigitsFolder w;
    const auto result = w.ckpt({"run", "digits.h5", "--graph", "digits.json", "--inputs",
                                "test_digits.npz", "-o", "y.npz", "--layers"});
    CHECK(result.out.ends_with("y.npz: 1 output and 8 layer tensors written\n"));
    CHECK(by_numpy(w.dir / "y.npz", kDigits + "test_logits.npz") ==
          "['conv1#0#0', 'conv1/batch_normalization#0#0', 'conv2#0#0', 'dense#0#0', 'dense_1#0#0', "
          "'flatten#0#0', 'logits#0#0', 'output_0', 'pool#0#0'] float32 (355, 10) True\n");
  }

  TEST_CASE("an input of another name is taken for the only one, and that is said") {
    const DigitsFolder w;
    run_python(
        "import numpy as np,sys\n"
        "np.savez(sys.argv[2], x=np.load(sys.argv[1])['input_0'][:2])\n",
        {w.dir / "test_digits.npz", w.dir / "x.npz"});
    const auto result =
        w.ckpt({"run", "digits.h5", "--graph", "digits.json", "--inputs", "x.npz", "--json"});
    CHECK(result.err == "ckpt: x.npz: note: 'x' is taken for the input 'input_0'\n");
    CHECK(result.out.find("\"inputs\": [\n    {\"name\": \"input_0\", \"dtype\": \"f32\", "
                          "\"shape\": [2, 8, 8, 1], \"min\": 0, \"max\": 1, \"nan\": 0}\n  ],") !=
          std::string::npos);
    CHECK(
        result.out.ends_with("  \"layers\": 0,\n  \"accuracy\": null,\n  \"written\": null\n}\n"));
  }

  TEST_CASE("what does not fit is answered with what would") {
    const DigitsFolder w;
    CHECK(w.answer({"run", "digits.h5", "--inputs", "test_digits.npz"}) ==
          "ckpt: digits.h5: HDF5 (native) with no graph in it; --graph G gives one; a graph is a "
          "graph file (schema ckpt/graph/1), a Keras config (JSON, as model.to_json() writes it) "
          "or a whole model with one\nstatus 2");
    CHECK(w.answer({"run", "digits.h5", "--graph", "digits.h5", "--inputs", "test_digits.npz"}) ==
          "ckpt: digits.h5: has no model_config; a graph is a graph file (schema "
          "ckpt/graph/1), a Keras config (JSON, as model.to_json() writes it) or a whole model "
          "with one\nstatus 2");
    CHECK(w.answer({"run", "digits.h5", "--graph", "digits.json", "--inputs", "test_labels.npz"}) ==
          "ckpt: test_labels.npz: note: 'labels' is taken for the input 'input_0'\n"
          "ckpt: digits.h5: input 'input_0' has the shape [355], not [?, 8, 8, 1]\nstatus 2");
    CHECK(
        w.answer({"run", "digits.h5", "--graph", "digits.json", "--inputs", "digits.h5"}) ==
        "ckpt: digits.h5: the graph has no input 'beta1_power'; its inputs are input_0\nstatus 2");
    CHECK(
        w.answer({"run", "digits.h5", "--graph", "digits.json", "--inputs", "test_digits.npz",
                  "--labels", "test_digits.npz"}) ==
        "ckpt: test_digits.npz: the labels have the shape [355, 8, 8, 1], not [355], one for each "
        "row\nstatus 2");
    write_file(w.dir / "y.npz", "mine");
    CHECK(
        w.answer({"run", "digits.h5", "--graph", "digits.json", "--inputs", "test_digits.npz", "-o",
                  "y.npz"}) ==
        "ckpt: y.npz: exists already; give another name, or replace it with --overwrite\nstatus 5");
    CHECK(read_file(w.dir / "y.npz") == "mine");
  }

  TEST_CASE("a whole model of Keras brings its own graph") {
    const std::string folder = CKPT_SHARED "/models/pairs/mlp_square/";
    if (!std::filesystem::exists(folder)) {
      MESSAGE("SKIPPED: " << folder << " is not there");
      return;
    }
    const DigitsFolder w;
    const auto result =
        w.ckpt({"run", folder + "model.h5", "--inputs", folder + "inputs.npz", "-o", "y.npz"});
    CHECK(result.status == 0);
    CHECK(by_numpy(w.dir / "y.npz", folder + "outputs.npz") ==
          "['output_0'] float32 (6, 5) True\n");
  }
}
