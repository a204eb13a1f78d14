#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/workplace.h"

TEST_SUITE("tools/diff") {
  TEST_CASE("a checkpoint and its conversion are the same, whatever separates its names") {
    const Workplace w;
    CHECK(w.ckpt({"convert", "d.h5", "d.safetensors"}).status == 0);
    for (const auto& [a, b] : {std::pair{"d.h5", "d.safetensors"}, {"d.safetensors", "d.h5"}}) {
      const auto result = w.ckpt({"diff", a, b});
      CHECK(result.status == 0);
      CHECK(result.err == "");
      CHECK(result.out == std::string(a) + " and " + b + ": the same, 41 variables\n");
    }
  }

  TEST_CASE("renames are found by what the tensors hold, also through operations") {
    const Workplace w;
    CHECK(w.ckpt({"convert", "d.h5", "e.npz", "--rest", "drop", "--no-companions", "-r",
                  "dense/kernel = fc/w | permute(1,0)", "-r", "dense/bias = fc/b", "-r",
                  "conv1/kernel = stem/w | cast(f16) | permute(3,2,0,1)", "-r",
                  "conv2/kernel = conv2/kernel"})
              .status == 0);
    CHECK(w.ckpt({"convert", "d.h5", "f.npz", "--rest", "drop", "--no-companions", "-r",
                  "{s}/kernel = {s}/kernel", "-r", "dense/bias = dense/bias"})
              .status == 0);
    const auto result = w.ckpt({"diff", "f.npz", "e.npz"});
    CHECK(result.status == 1);
    CHECK(result.out ==
          "f.npz and e.npz: different; 1 variable is the same\n"
          "renamed    conv1/kernel -> stem/w   permute(3,2,0,1) | cast(f16)\n"
          "           dense/bias -> fc/b\n"
          "           dense/kernel -> fc/w   permute(1,0)\n"
          "only in A  dense_1/kernel\n"
          "           logits/kernel\n");
    const auto back = w.ckpt({"diff", "e.npz", "f.npz", "--json"});
    const auto json = nlohmann::json::parse(back.out);
    CHECK(json["schema"] == "ckpt/diff/1");
    CHECK(json["same"] == false);
    CHECK(json["renamed"].size() == 2);  // what f16 lost, no cast brings back
    CHECK(json["renamed"][1]["a"] == "fc/w");
    CHECK(json["renamed"][1]["b"] == "dense/kernel");
    CHECK(json["renamed"][1]["how"] == "permute(1,0)");
    CHECK(json["only_a"].dump() == R"(["stem/w"])");
    CHECK(json["only_b"].dump() == R"(["conv1/kernel","dense_1/kernel","logits/kernel"])");
  }

  TEST_CASE("changed values are measured, and numpy agrees") {
    const Workplace w;
    run_python(
        "import numpy as np, sys\n"
        "a = np.array([1, -2, 4, 0], 'f4'); b = a.copy(); b[1] = np.nextafter(b[1], "
        "np.float32(0))\n"
        "b[1] = np.nextafter(b[1], np.float32(0)); c = np.arange(3); \n"
        "np.savez(sys.argv[1], x=a, n=c, s=np.zeros((2, 3)), z=np.array([0.0, np.nan], 'f4'))\n"
        "np.savez(sys.argv[2], x=b, n=c + [0, 0, 5], s=np.zeros((3, 2)), z=np.array([-0.0, "
        "np.nan], "
        "'f4'))",
        {w.dir / "a.npz", w.dir / "b.npz"});
    const auto result = w.ckpt({"diff", "a.npz", "b.npz"});
    CHECK(result.status == 1);
    CHECK(result.out ==
          "a.npz and b.npz: different; 0 variables are the same\n"
          "changed    x   1 of 4 differ, by at most 2.38419e-07 (5.96046e-08 of the largest), 2 "
          "ulps, "
          "cosine 1\n"
          "           n   1 of 3 differ, by at most 5 (2.5 of the largest), cosine 0.948683\n"
          "           s   is f64 [3, 2], not f64 [2, 3]\n"
          "           z   1 of 2 differ, by at most 0 (0 of the largest), 0 ulps\n");
    const auto json = nlohmann::json::parse(w.ckpt({"diff", "a.npz", "b.npz", "--json"}).out);
    CHECK(json["changed"][0]["ulps"] == 2);
    CHECK(json["changed"][0]["max_abs"].get<double>() == 2 * 1.1920928955078125e-07);
    CHECK(json["changed"][1]["ulps"].is_null());
    CHECK(json["changed"][2]["what"] == "is f64 [3, 2], not f64 [2, 3]");
  }

  TEST_CASE("a map tells which names belong together") {
    const Workplace w;
    CHECK(w.ckpt({"remap", "d.h5", "e.h5", "-r", "conv1/=stem/"}).status == 0);
    CHECK(w.ckpt({"diff", "d.h5", "e.h5"}).status == 1);
    const auto result = w.ckpt({"diff", "d.h5", "e.h5", "-m", "e.h5.ckpt-receipt.json"});
    CHECK(result.status == 0);
    CHECK(result.out == "d.h5 and e.h5: the same, 41 variables\n");
  }
}
