#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "support/digits.h"

namespace {

using nlohmann::json;

// The net with its first scope and a dense layer renamed, and the graph of code that loads it so.
struct Renamed : DigitsFolder {
  explicit Renamed(const std::vector<std::string>& rules) {
    std::vector<std::string> command{"remap", "digits.h5", "new.h5", "-r", "conv1/=stem/"};
    for (const std::string& rule : rules) command.insert(command.end(), {"-r", rule});
    REQUIRE(ckpt(command).status == 0);
    write_graph("stem.json", "\"conv1", "\"stem");
    REQUIRE(read_file(dir / "stem.json").find("conv1") == std::string::npos);
    std::string text = read_file(dir / "stem.json");
    text.replace(text.find("dense_1"), 7, "fc1");
    write_file(dir / "new.json", text);
  }
};

const std::vector<std::string> kRight{"dense_{i:int}/{p:path} = fc{i}/{p}"};
// The biases of the two dense layers, which have one shape, go to each other's place.
const std::vector<std::string> kWrong{"dense_1/kernel = fc1/kernel", "dense/bias = fc1/bias",
                                      "dense_1/bias = dense/bias"};

}  // namespace

TEST_SUITE("tools/verify") {
  TEST_CASE("a renamed net is proven the same by names, bytes, outputs and accuracy") {
    const Renamed w(kRight);
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json",
                    "--graph-new", "new.json", "--inputs", "test_digits.npz", "--labels",
                    "test_labels.npz"}) ==
          R"(new.h5 against digits.h5: same
names     41 of 41 variables, 20 under another name, by new.h5.ckpt-receipt.json
bytes     41 of 41 the same
network   OLD: digits.json (Keras 3 config)
          NEW: new.json (Keras 3 config)
inputs    test_digits.npz
outputs   output_0 [355, 10]: bit for bit the same
          allowed: bit for bit, since no value was rounded
accuracy  before 97.75 % (347 of 355), after 97.75 % (347 of 355)
proven    41 by bytes, 14 by outputs, 0 by neither
status 0)");
  }

  TEST_CASE("two swapped biases: the bytes are as the map says, the outputs tell") {
    const Renamed w(kWrong);
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json",
                    "--graph-new", "new.json", "--inputs", "test_digits.npz", "--labels",
                    "test_labels.npz"}) ==
          R"(new.h5 against digits.h5: DIFFERENT
because   2 variables are not where the network of NEW looks for them, first 'dense/bias'
because   the outputs differ
names     41 of 41 variables, 23 under another name, by new.h5.ckpt-receipt.json
bytes     41 of 41 the same
network   OLD: digits.json (Keras 3 config)
          NEW: new.json (Keras 3 config)
inputs    test_digits.npz
outputs   output_0 [355, 10]: differs by up to 0.523582 (0.0127491 of the largest value)
          allowed: bit for bit, since no value was rounded
first     in the layer dense#0#0 [1, 16]: differs by up to 0.257398 (0.00916391 of the largest value); all before it agree
diagnosis 'dense/bias' and 'fc1/bias' are swapped
tried     the outputs agree, bit for bit, once 'dense/bias' and 'fc1/bias' are swapped back
accuracy  before 97.75 % (347 of 355), after 97.75 % (347 of 355)
proven    39 by bytes, 0 by outputs, 2 by neither
          neither  fc1/bias
          neither  dense/bias
status 1)");
  }

  TEST_CASE("without a network of NEW's own the map is believed, and the report says whose it is") {
    const Renamed w(kWrong);
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json"}) ==
          R"(new.h5 against digits.h5: same
names     41 of 41 variables, 23 under another name, by new.h5.ckpt-receipt.json
bytes     41 of 41 the same
network   OLD: digits.json (Keras 3 config)
          NEW: that of OLD, names mapped
inputs    seed 1, 4 rows: normal, uniform, wide, sparse
outputs   output_0 [4, 10]: bit for bit the same
          allowed: bit for bit, since no value was rounded
proven    41 by bytes, 14 by outputs, 0 by neither
status 0)");
  }

  TEST_CASE("without any network it is bytes only, which --require-forward does not accept") {
    const Renamed w(kRight);
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5"}) ==
          R"(new.h5 against digits.h5: same
names     41 of 41 variables, 20 under another name, by new.h5.ckpt-receipt.json
bytes     41 of 41 the same
outputs   bytes only: no graph is known; --graph G gives one, a graph file or a Keras config
proven    41 by bytes, 0 by neither
status 0)");
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5", "--require-forward"}) ==
          R"(new.h5 against digits.h5: NOT COMPARABLE
because   no forward pass was run: no graph is known; --graph G gives one, a graph file or a Keras config
names     41 of 41 variables, 20 under another name, by new.h5.ckpt-receipt.json
bytes     41 of 41 the same
outputs   bytes only: no graph is known; --graph G gives one, a graph file or a Keras config
proven    41 by bytes, 0 by neither
status 1)");
  }

  TEST_CASE("NEW's names must be those of its own network") {
    const Renamed w(kRight);
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json",
                    "--graph-new", "stem.json"}) ==
          R"(new.h5 against digits.h5: DIFFERENT
because   NEW does not fit stem.json (Keras 3 config): 2 variables of the graph are not in the checkpoint: dense_1/kernel, dense_1/bias; did you mean 'dense/kernel'?
names     41 of 41 variables, 20 under another name, by new.h5.ckpt-receipt.json
bytes     41 of 41 the same
outputs   bytes only: NEW does not fit its own network
proven    41 by bytes, 0 by neither
status 1)");
  }

  TEST_CASE("another epsilon in NEW's network is named, and tried") {
    const DigitsFolder w;
    w.write_graph("epsilon.json", "0.001", "0.01");
    CHECK(
        w.answer({"verify", "digits.h5", "--against", "digits.h5", "--graph", "digits.json",
                  "--graph-new", "epsilon.json"})
            .find("diagnosis epsilon of the layer 'conv1/batch_normalization' is 0.01, was 0.001\n"
                  "tried     the outputs agree, bit for bit, once epsilon of "
                  "'conv1/batch_normalization' is 0.001\n"
                  "proven    41 by bytes, 0 by outputs, 0 by neither\nstatus 1") !=
        std::string::npos);
  }

  TEST_CASE("a cast is proven by its bytes, and its outputs lie within a bound that is stated") {
    const DigitsFolder w;
    CHECK(w.ckpt({"remap", "digits.h5", "new.h5", "-r", "{p:path}/kernel = {p}/kernel | cast(f16)"})
              .status == 0);
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json"}) ==
          R"(new.h5 against digits.h5: same
names     41 of 41 variables, by new.h5.ckpt-receipt.json
bytes     41 of 41 the same
network   OLD: digits.json (Keras 3 config)
          NEW: that of OLD, names mapped
inputs    seed 1, 4 rows: normal, uniform, wide, sparse
outputs   output_0 [4, 10]: agrees, within 0.0880337 (0.00115153 of the largest value)
          allowed: 0.0156269 of the largest value, 4 × 8 operations in a row × (2^-11 stored + 2^-24 computed + √144 × 2^-53 summed)
proven    41 by bytes, 14 by outputs, 0 by neither
status 0)");
    const std::string strict = w.answer(
        {"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json", "--rtol", "1e-4"});
    CHECK(
        strict.starts_with("new.h5 against digits.h5: DIFFERENT\nbecause   the outputs differ\n"));
    CHECK(strict.find("allowed: 0.0001 of the largest value, as asked for\n") != std::string::npos);
    CHECK(strict.ends_with("status 1"));
  }

  TEST_CASE("what is there beside, missing, or other is told by name") {
    const DigitsFolder w;
    CHECK(w.answer({"verify", "digits_ghost.h5", "--against", "digits.h5"}) ==
          R"(digits_ghost.h5 against digits.h5: DIFFERENT
because   4 variables in NEW that OLD has not, first 'dense_2/bias'
because   3 variables have other bytes, first 'beta1_power'
names     41 of 41 variables, by equal names
          added    dense_2/bias
          added    dense_2/kernel
          added    dense_3/bias
          added    dense_3/kernel
bytes     38 of 41 the same
          beta1_power []: 1 of 1 element differs, by up to 2.4175e-18
          beta2_power []: 1 of 1 element differs, by up to 0.217017
          global_step []: 1 of 1 element differs, by up to 384
outputs   bytes only: no graph is known; --graph G gives one, a graph file or a Keras config
diagnosis 'beta1_power' is 2.417498e-18, was 6.493529e-36
          'beta2_power' is 0.68031955, was 0.46330282
          'global_step' is 384, was 768
proven    38 by bytes, 7 by neither
          neither  beta1_power
          neither  beta2_power
          neither  global_step
          neither  dense_2/bias
          neither  dense_2/kernel
          neither  dense_3/bias
          neither  dense_3/kernel
status 1)");
  }

  TEST_CASE("outputs are recorded, and compared with the record") {
    const Renamed w(kWrong);
    CHECK(w.answer({"verify", "digits.h5", "--graph", "digits.json", "--record", "golden.npz",
                    "--layers"}) == "golden.npz: the record of digits.h5 is written\nstatus 0");
    CHECK(run_python("import numpy as np,sys\n"
                     "f=np.load(sys.argv[1]); print(len(f.files), f['input_0'].shape, "
                     "f['output_0'].shape, f['dense#0#0'].dtype)\n",
                     {w.dir / "golden.npz"}) == "10 (4, 8, 8, 1) (4, 10) float32\n");
    CHECK(w.answer({"verify", "digits.h5", "--graph", "digits.json", "--golden", "golden.npz"})
              .starts_with("digits.h5 against golden.npz: same\n"
                           "network   digits.json (Keras 3 config)\n"
                           "inputs    those of golden.npz\n"
                           "outputs   output_0 [4, 10]: bit for bit the same\n"));
    const std::string wrong =
        w.answer({"verify", "new.h5", "--graph", "new.json", "--golden", "golden.npz"});
    CHECK(wrong.find("note      3 tensors of the record not compared, which the network has not, "
                     "first conv1#0#0\n"
                     "first     in the layer dense#0#0 [4, 16]: differs by up to ") !=
          std::string::npos);
    CHECK(wrong.ends_with("status 1"));
    // The logits of another program.
    CHECK(w.answer({"verify", "digits.h5", "--graph", "digits.json", "--inputs", "test_digits.npz",
                    "--golden", "test_logits.npz"})
              .starts_with("digits.h5 against test_logits.npz: same\n"));
  }

  TEST_CASE("the JSON has the promised keys, and JUnit the failures") {
    const Renamed w(kWrong);
    const auto result =
        w.ckpt({"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json",
                "--graph-new", "new.json", "--json", "--junit", "verify.xml"});
    CHECK(result.status == 1);
    const json report = json::parse(result.out);
    CHECK(report["schema"] == "ckpt/verify/1");
    CHECK(report["verdict"] == "different");
    CHECK(report["outputs"][0]["name"] == "output_0");
    CHECK(report["outputs"][0]["bound"] == 0);
    CHECK(report["outputs"][0]["max_abs"] > 0.1);
    CHECK(report["proven"] ==
          json::parse(R"({"bytes": 39, "outputs": 0, "neither": ["fc1/bias", "dense/bias"]})"));
    CHECK(report["first_difference"]["name"] == "dense#0#0");
    CHECK(report["diagnosis"]["faults"] ==
          json::parse(R"(["'dense/bias' and 'fc1/bias' are swapped"])"));
    CHECK(report["diagnosis"]["variables"] == json::parse(R"(["dense/bias", "fc1/bias"])"));
    CHECK(report["diagnosis"]["confirmed"] == true);
    CHECK(
        run_python("import xml.etree.ElementTree as E,sys\n"
                   "for c in E.parse(sys.argv[1]).iter('testcase'):\n"
                   "  print(c.get('name'), [f.text.splitlines()[1:] for f in c])\n",
                   {w.dir / "verify.xml"}) ==
        "names []\ndtypes and shapes []\nbytes []\n"
        "outputs [[\"'dense/bias' and 'fc1/bias' are swapped\", \"the outputs agree, bit for bit, "
        "once 'dense/bias' and 'fc1/bias' are swapped back\"]]\n");
  }

  TEST_CASE("names by a map, by a receipt, by neither; and when they cannot be known") {
    const DigitsFolder w;
    CHECK(w.ckpt({"remap", "digits.h5", "new.h5", "-r", "conv1/=stem/"}).status == 0);
    write_file(w.dir / "map.json", R"({"schema": "ckpt/map/1", "rules": ["conv1/ = stem/"]})");
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5", "--map", "map.json"})
              .starts_with("new.h5 against digits.h5: same\n"
                           "names     41 of 41 variables, 14 under another name, by map.json\n"));
    CHECK(
        w.answer({"verify", "new.h5", "--against", "new.h5"}) ==
        "ckpt: new.h5.ckpt-receipt.json: 'conv1/batch_normalization/beta/Adam' is not there; "
        "'conv1/batch_normalization/beta/Adam_1' is not there; 'conv1/batch_normalization/beta' is "
        "not there; 'conv1/batch_normalization/gamma/Adam' is not there; "
        "'conv1/batch_normalization/gamma/Adam_1' is not there; and 9 more; it does not lead from "
        "OLD to NEW, --no-receipt compares equal names\nstatus 3");
    CHECK(w.answer({"verify", "new.h5", "--against", "new.h5", "--no-receipt"})
              .starts_with("new.h5 against new.h5: same\n"
                           "names     41 of 41 variables, by equal names\n"));
    CHECK(w.ckpt({"remap", "-i", "new.h5", "-r", "conv2/=stem2/"}).status == 0);
    CHECK(w.answer({"verify", "new.h5", "--against", "digits.h5"}) ==
          "ckpt: new.h5: was edited several times, the last receipt is "
          "new.h5.ckpt-receipt-2.json; --map RECEIPT says which edit led from OLD to it, "
          "--no-receipt compares equal names\nstatus 2");
  }

  TEST_CASE("a converted checkpoint is the same, though its format has another separator") {
    const DigitsFolder w;
    CHECK(w.ckpt({"convert", "digits.h5", "digits.safetensors"}).status == 0);
    CHECK(w.answer({"verify", "digits.safetensors", "--against", "digits.h5", "--no-receipt",
                    "--graph", "digits.json"}) ==
          R"(digits.safetensors against digits.h5: same
names     41 of 41 variables, 38 under another name, by equal names, '/' as '.'
bytes     41 of 41 the same
network   OLD: digits.json (Keras 3 config)
          NEW: that of OLD, names mapped
inputs    seed 1, 4 rows: normal, uniform, wide, sparse
outputs   output_0 [4, 10]: bit for bit the same
          allowed: bit for bit, since no value was rounded
proven    41 by bytes, 14 by outputs, 0 by neither
status 0)");
  }

  TEST_CASE("mistakes of the command line are answered with what is needed") {
    const DigitsFolder w;
    CHECK(w.answer({"verify", "digits.h5"}) ==
          "ckpt: what should NEW be? --against OLD compares two checkpoints, --golden NPZ a "
          "checkpoint with recorded outputs, --record NPZ records them\nstatus 2");
    CHECK(w.answer({"verify", "digits.h5", "--against", "digits.h5", "--golden", "g.npz"}) ==
          "ckpt: --against excludes --golden; see `ckpt verify --help`\nstatus 2");
    CHECK(w.answer(
              {"verify", "digits.h5", "--graph", "digits.json", "--golden", "test_logits.npz"}) ==
          "ckpt: test_logits.npz: has no inputs (input_0, …); --inputs NPZ gives those that its "
          "outputs belong to\nstatus 2");
    CHECK(w.answer(
              {"verify", "digits.h5", "--graph", "digits.json", "--golden", "test_digits.npz"}) ==
          "ckpt: digits.h5: the record has no 'output_0'; `ckpt verify NEW --record FILE` makes "
          "one\nstatus 2");
    write_file(w.dir / "g.npz", "mine");
    CHECK(
        w.answer({"verify", "digits.h5", "--graph", "digits.json", "--record", "g.npz"}) ==
        "ckpt: g.npz: exists already; give another name, or replace it with --overwrite\nstatus 5");
    CHECK(read_file(w.dir / "g.npz") == "mine");
  }
}
