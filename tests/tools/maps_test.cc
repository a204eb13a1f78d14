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

  TEST_CASE(
      "GPT-2 of TensorFlow gets Hugging Face's names and goes back, its kernels as they are") {
    const TempDir dir;
    run_python(R"(
import numpy as np, sys
r = np.random.default_rng(1)
names = {'model/wte': (9, 4), 'model/wpe': (5, 4), 'model/ln_f/g': (4,), 'model/ln_f/b': (4,)}
for h in (0, 11):
  for layer, i, o in (('attn/c_attn', 4, 12), ('attn/c_proj', 4, 4), ('mlp/c_fc', 4, 16), ('mlp/c_proj', 16, 4)):
    names[f'model/h{h}/{layer}/w'] = (1, i, o)
    names[f'model/h{h}/{layer}/b'] = (o,)
  for layer in ('ln_1', 'ln_2'):
    names[f'model/h{h}/{layer}/g'] = names[f'model/h{h}/{layer}/b'] = (4,)
np.savez(sys.argv[1], **{k: r.random(s, dtype='f4') for k, s in names.items()})
)",
               {dir / "a.npz"});
    const auto convert = [&](const std::string& from, const std::string& to,
                             const std::string& map) {
      const auto result = run_ckpt({"convert", from, to, "-m", map, "--rest", "error"}, dir.path());
      CHECK(result.err == "");
      CHECK(result.status == 0);
    };
    convert("a.npz", "b.pt", std::string(kMaps) + "gpt2-tf1-to-torch.json");
    CHECK(run_ckpt({"ls", "--tsv", "b.pt:h.11"}, dir.path())
              .out.find("h.11.attn.c_attn.weight\tf32\t4x12") != std::string::npos);
    convert("b.pt", "c.npz", std::string(kMaps) + "gpt2-torch-to-tf1.json");
    CHECK(run_ckpt({"diff", "a.npz", "c.npz"}, dir.path()).out ==
          "a.npz and c.npz: the same, 28 variables\n");
    // The way back can also be made of the way there.
    const auto inverse =
        run_ckpt({"map", "invert", std::string(kMaps) + "gpt2-tf1-to-torch.json"}, dir.path());
    CHECK(inverse.status == 0);
    write_file(dir / "inverse.json", inverse.out);
    REQUIRE(run_ckpt({"convert", "b.pt", "b.npz"}, dir.path()).status == 0);
    convert("b.npz", "d.npz", "inverse.json");
    CHECK(run_ckpt({"diff", "a.npz", "d.npz"}, dir.path()).status == 0);
  }

  TEST_CASE("BERT goes back from Hugging Face's names to Google's") {
    const TempDir dir;
    run_python(R"(
import numpy as np, sys
r = np.random.default_rng(1)
names = {'cls/predictions/output_bias': (30,), 'cls/predictions/transform/dense/kernel': (4, 3),
  'cls/predictions/transform/dense/bias': (3,), 'cls/predictions/transform/LayerNorm/beta': (3,),
  'cls/predictions/transform/LayerNorm/gamma': (3,), 'cls/seq_relationship/output_weights': (2, 4),
  'cls/seq_relationship/output_bias': (2,), 'bert/pooler/dense/kernel': (4, 5), 'bert/pooler/dense/bias': (5,),
  'bert/embeddings/LayerNorm/gamma': (4,), 'bert/embeddings/LayerNorm/beta': (4,)}
for e in ('word', 'position', 'token_type'): names[f'bert/embeddings/{e}_embeddings'] = (7, 4)
for l in ('attention/self/query', 'attention/self/key', 'attention/output/dense', 'intermediate/dense', 'output/dense'):
  names[f'bert/encoder/layer_3/{l}/kernel'] = (4, 6)
  names[f'bert/encoder/layer_3/{l}/bias'] = (6,)
for l in ('attention/output', 'output'):
  names[f'bert/encoder/layer_3/{l}/LayerNorm/gamma'] = names[f'bert/encoder/layer_3/{l}/LayerNorm/beta'] = (4,)
np.savez(sys.argv[1], **{k: r.random(s, dtype='f4') for k, s in names.items()})
)",
               {dir / "a.npz"});
    REQUIRE(run_ckpt({"convert", "a.npz", "b.safetensors", "-m",
                      std::string(kMaps) + "bert-tf1-to-torch.json"},
                     dir.path())
                .status == 0);
    const auto back = run_ckpt(
        {"convert", "b.safetensors", "c.npz", "-m", std::string(kMaps) + "bert-torch-to-tf1.json"},
        dir.path());
    CHECK(back.err == "");
    CHECK(back.status == 0);
    CHECK(run_ckpt({"diff", "a.npz", "c.npz"}, dir.path()).out ==
          "a.npz and c.npz: the same, 28 variables\n");
  }

  TEST_CASE("PyTorch's layers get Keras's names and layouts") {
    CHECK(converted("torch-to-keras.json",
                    "{'conv2d.weight': (4, 2, 3, 5), 'conv2d.bias': (4,), 'net.fc.weight': (7, 6), "
                    "'net.linear1.weight': (2, 3), 'net.bn1.weight': (4,), 'net.bn1.bias': (4,), "
                    "'net.bn1.num_batches_tracked': (), 'layernorm.weight': (4,), "
                    "'net.bn1.running_mean': (4,), 'net.bn1.running_var': (4,), "
                    "'gru.weight_ih_l0': (6, 2), 'attention.weight': (2, 2)}",
                    "for k in sorted(b): print(k, b[k].shape)\n"
                    "c = a['conv2d.weight']; t = b['conv2d.kernel']\n"
                    "print(np.array_equal(t, c.transpose(2, 3, 1, 0)), "
                    "np.array_equal(b['net.fc.kernel'], a['net.fc.weight'].T))") ==
          "attention.weight (2, 2)\n"
          "conv2d.bias (4,)\n"
          "conv2d.kernel (3, 5, 2, 4)\n"
          "gru.weight_ih_l0 (6, 2)\n"
          "layernorm.gamma (4,)\n"
          "net.bn1.beta (4,)\n"
          "net.bn1.gamma (4,)\n"
          "net.bn1.moving_mean (4,)\n"
          "net.bn1.moving_variance (4,)\n"
          "net.fc.kernel (6, 7)\n"
          "net.linear1.kernel (3, 2)\n"
          "True True\n");
  }

  TEST_CASE("Keras's layers are the same after PyTorch's conventions and back") {
    const TempDir dir;
    run_python(R"(
import numpy as np, sys
r = np.random.default_rng(1)
names = {'conv2d/kernel': (3, 5, 2, 4), 'conv2d/bias': (4,), 'block1_conv2/kernel': (1, 1, 2, 2),
  'conv1d_1/kernel': (3, 2, 4), 'conv3d/kernel': (1, 2, 3, 4, 5), 'dense_1/kernel': (6, 7), 'dense_1/bias': (7,),
  'inner/predictions/kernel': (2, 3), 'separable/depthwise_kernel': (3, 3, 8, 1), 'embedding/embeddings': (9, 2),
  'bn/gamma': (4,), 'bn/beta': (4,), 'bn/moving_mean': (4,), 'bn/moving_variance': (4,), 'lstm/lstm_cell/kernel': (2, 8)}
np.savez(sys.argv[1], **{k: r.random(s, dtype='f4') for k, s in names.items()})
)",
               {dir / "a.npz"});
    const std::string maps = kMaps;
    REQUIRE(run_ckpt({"convert", "a.npz", "b.pt", "-m", maps + "keras-to-torch.json"}, dir.path())
                .status == 0);
    const auto back =
        run_ckpt({"convert", "b.pt", "c.npz", "-m", maps + "torch-to-keras.json"}, dir.path());
    CHECK(back.err == "");
    CHECK(run_ckpt({"diff", "a.npz", "c.npz"}, dir.path()).out ==
          "a.npz and c.npz: the same, 15 variables\n");
  }

  TEST_CASE("Keras layers get PyTorch's names and layouts") {
    CHECK(
        converted("keras-to-torch.json",
                  "{'conv2d/kernel': (3, 5, 2, 4), 'conv2d/bias': (4,), 'block1_conv2/kernel': "
                  "(1, 1, 2, 2), 'conv1d_1/kernel': (3, 2, 4), 'conv3d/kernel': (1, 2, 3, 4, 5),"
                  " 'dense_1/kernel': (6, 7), 'inner/predictions/kernel': (2, 3),"
                  " 'separable/depthwise_kernel': (3, 3, 8, 1), 'embedding/embeddings': (9, 2),"
                  " 'bn/gamma': (4,), 'bn/beta': (4,), 'bn/moving_mean': (4,), "
                  "'bn/moving_variance': (4,), 'lstm/lstm_cell/kernel': (2, 8)}",
                  "for k in sorted(b): print(k, b[k].shape)\n"
                  "c = a['conv2d/kernel']; t = b['conv2d.weight']\n"
                  "print(all(t[o, i, h, w] == c[h, w, i, o] for o in range(4) for i in range(2) "
                  "for h in range(3) for w in range(5)), t[3, 1, 2, 4] == c[2, 4, 1, 3],"
                  " np.array_equal(b['conv1d_1.weight'], a['conv1d_1/kernel'].transpose(2, 1, 0)),"
                  " np.array_equal(b['dense_1.weight'], a['dense_1/kernel'].T))") ==
        "block1_conv2.weight (2, 2, 1, 1)\n"
        "bn.bias (4,)\n"
        "bn.running_mean (4,)\n"
        "bn.running_var (4,)\n"
        "bn.weight (4,)\n"
        "conv1d_1.weight (4, 2, 3)\n"
        "conv2d.bias (4,)\n"
        "conv2d.weight (4, 2, 3, 5)\n"
        "conv3d.weight (5, 4, 1, 2, 3)\n"
        "dense_1.weight (7, 6)\n"
        "embedding.weight (9, 2)\n"
        "inner.predictions.weight (3, 2)\n"
        "lstm.lstm_cell.kernel (2, 8)\n"
        "separable.weight (8, 1, 3, 3)\n"
        "True True True True\n");
  }
}
