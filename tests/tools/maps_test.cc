#include <doctest/doctest.h>

#include "support/process.h"
#include "support/temp_dir.h"

namespace {

constexpr const char* kMaps = CKPT_PROJECT "/maps/";

// Writes an npz of `names` (a Python expression: a dict from names to shapes), and prints what
// `check` says of it, `a`, and of its conversion by the map, `b`.
std::string converted(const std::string& map, const std::string& names, const std::string& check) {
  const TempDir dir;
  run_python(
      "import numpy as np, sys\n"
      "r = np.random.default_rng(1)\n"
      "np.savez(sys.argv[1], **{k: r.random(s, dtype='f4') for k, s in (" +
          names + ").items()})",
      {dir / "a.npz"});
  const auto result =
      run_ckpt({"convert", "a.npz", "b.safetensors", "-m", kMaps + map}, dir.path());
  CHECK(result.err == "");
  REQUIRE(result.status == 0);
  return run_python(
      "import json, numpy as np, struct, sys\n"
      "a = np.load(sys.argv[1]); f = open(sys.argv[2], 'rb')\n"
      "h = json.loads(f.read(struct.unpack('<Q', f.read(8))[0])); d = f.read()\n"
      "b = {k: np.frombuffer(d[v['data_offsets'][0]:v['data_offsets'][1]], "
      "'f4').reshape(v['shape']) for k, v in h.items()}\n" +
          check,
      {dir / "a.npz", dir / "b.safetensors"});
}

}  // namespace

TEST_SUITE("tools/maps") {
  TEST_CASE("BERT of TensorFlow 1 gets Hugging Face's names, kernels transposed") {
    CHECK(
        converted(
            "bert-tf1-to-torch.json",
            "{'bert/embeddings/word_embeddings': (30, 4), 'bert/embeddings/LayerNorm/gamma': (4,),"
            " 'bert/embeddings/LayerNorm/beta': (4,), 'global_step': (),"
            " 'bert/encoder/layer_0/attention/self/query/kernel': (4, 6),"
            " 'bert/encoder/layer_0/attention/self/query/kernel/adam_m': (4, 6),"
            " 'bert/encoder/layer_0/attention/self/query/bias': (6,),"
            " 'bert/encoder/layer_11/output/LayerNorm/gamma': (4,), "
            "'bert/encoder/layer_11/output/LayerNorm/beta': (4,),"
            " 'bert/encoder/layer_11/output/dense/kernel': (8, 4),"
            " 'bert/pooler/dense/kernel': (4, 5), 'bert/pooler/dense/bias': (5,),"
            " 'cls/predictions/output_bias': (30,), 'cls/predictions/transform/dense/kernel': (4, "
            "3), 'cls/predictions/transform/LayerNorm/beta': (4,),"
            " 'cls/seq_relationship/output_weights': (2, 4), 'cls/seq_relationship/output_bias': "
            "(2,)}",
            "q = 'attention.self.query.'\n"
            "print(*sorted(b), sep='\\n')\n"
            "print(np.array_equal(a['bert/encoder/layer_0/attention/self/query/kernel'].T,"
            " b['bert.encoder.layer.0.attention.self.query.weight']),"
            " np.array_equal(a['cls/seq_relationship/output_weights'],"
            " b['cls.seq_relationship.weight']),"
            " np.array_equal(a['bert/pooler/dense/kernel'].T, b['bert.pooler.dense.weight']))") ==
        "bert.embeddings.LayerNorm.bias\n"
        "bert.embeddings.LayerNorm.weight\n"
        "bert.embeddings.word_embeddings.weight\n"
        "bert.encoder.layer.0.attention.self.query.bias\n"
        "bert.encoder.layer.0.attention.self.query.weight\n"
        "bert.encoder.layer.11.output.LayerNorm.bias\n"
        "bert.encoder.layer.11.output.LayerNorm.weight\n"
        "bert.encoder.layer.11.output.dense.weight\n"
        "bert.pooler.dense.bias\n"
        "bert.pooler.dense.weight\n"
        "cls.predictions.bias\n"
        "cls.predictions.transform.LayerNorm.bias\n"
        "cls.predictions.transform.dense.weight\n"
        "cls.seq_relationship.bias\n"
        "cls.seq_relationship.weight\n"
        "True True True\n");
  }
}
