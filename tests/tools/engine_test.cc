#include <doctest/doctest.h>

#include "support/digits.h"

// --engine and --threads of `ckpt run` and `ckpt verify`.

TEST_SUITE("tools/engine") {
  TEST_CASE("ckpt run says when the fast engine computed") {
    const DigitsFolder w;
    const auto run = [&](std::vector<std::string> more) {
      std::vector<std::string> words{"run",      "digits.h5",       "--graph",  "digits.json",
                                     "--inputs", "test_digits.npz", "--labels", "test_labels.npz"};
      words.insert(words.end(), more.begin(), more.end());
      return w.ckpt(words);
    };
    const auto fast = run({"--engine", "fast", "--threads", "2"});
    CHECK(fast.out ==
          "digits.h5: digits.json (Keras 3 config)\n"
          "in   input_0   f32 [355, 8, 8, 1]  from 0 to 1\n"
          "out  output_0  f32 [355, 10]       from -41.0682 to 26.4505\n"
          "by   fast\n"
          "accuracy 97.75 % (347 of 355)\n");
    CHECK(fast.status == 0);
    // A small network is the reference's where nothing else is asked for.
    CHECK(run({}).out == run({"--engine", "reference"}).out);
    const auto both = run({"--engine", "both"});
    CHECK(both.out.find("by   the reference; beside it fast\nby   output_0 [355, 10]: agrees, "
                        "within ") != std::string::npos);
    CHECK(both.out.find(" × 2^-24 summed)\naccuracy 97.75 %") != std::string::npos);
    CHECK(both.status == 0);
    const auto json = run({"--engine", "both", "--json"});
    CHECK(json.out.find("\"engine\": \"reference\",\n  \"by_reference\": [],\n  "
                        "\"engines_agree\": true,\n  \"engines_max_rel\": ") != std::string::npos);
  }

  TEST_CASE("ckpt verify compares two checkpoints by one engine, bit for bit") {
    const DigitsFolder w;
    REQUIRE(w.ckpt({"remap", "digits.h5", "new.h5", "-r", "conv1/=stem/"}).status == 0);
    const auto verify = [&](const std::string& engine) {
      return w.ckpt({"verify", "new.h5", "--against", "digits.h5", "--graph", "digits.json",
                     "--engine", engine});
    };
    const auto fast = verify("fast");
    CHECK(fast.out.find("engine    fast\n"
                        "outputs   output_0 [4, 10]: bit for bit the same\n"
                        "          allowed: bit for bit, since no value was rounded\n"
                        "proven    41 by bytes, 14 by outputs, 0 by neither\n") !=
          std::string::npos);
    CHECK(fast.status == 0);
    const auto both = verify("both");
    CHECK(both.out.find("engines   the reference; beside it fast\n"
                        "          output_0 [4, 10]: agrees, within ") != std::string::npos);
    CHECK(both.out.find("outputs   output_0 [4, 10]: bit for bit the same\n") != std::string::npos);
    CHECK(both.status == 0);
  }

  TEST_CASE("a record of the one engine is met by the other, within the stated bound") {
    const DigitsFolder w;
    REQUIRE(w.ckpt({"verify", "digits.h5", "--graph", "digits.json", "--record", "golden.npz"})
                .status == 0);
    const auto result = w.ckpt({"verify", "digits.h5", "--graph", "digits.json", "--golden",
                                "golden.npz", "--engine", "fast"});
    CHECK(result.out.find("outputs   output_0 [4, 10]: agrees, within ") != std::string::npos);
    CHECK(result.out.find(" × 2^-24 summed)\n") != std::string::npos);
    CHECK(result.status == 0);
  }

  TEST_CASE("an engine or a number of threads that is none is refused") {
    const DigitsFolder w;
    const auto run = [&](const std::string& option, const std::string& value) {
      return w.ckpt({"run", "digits.h5", "--inputs", "test_digits.npz", option, value});
    };
    for (const auto& result : {run("--engine", "quick"), run("--threads", "0")}) {
      CHECK(result.out == "");
      CHECK(result.status == 2);
    }
    CHECK(run("--engine", "quick").err.starts_with("ckpt: --engine: quick not in {"));
  }
}
