#include <doctest/doctest.h>

#include "core/text.h"
#include "formats/formats.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// Runs `script` with h5py's open file as `f`, and opens what it made.
std::unique_ptr<Reader> made_by(const TempDir& dir, const std::string& script,
                                const OpenOptions& options = {}) {
  run_python(
      "import h5py, numpy as np, sys\nf = h5py.File(sys.argv[1], 'w')\nw = np.ones(3, 'f4')\n" +
          script,
      {dir / "x.h5"});
  return open_checkpoint(dir / "x.h5", options);
}

std::string rows(const Reader& reader) {
  std::string all;
  for (const Entry& entry : reader.index().entries) {
    all += cat(entry.name, " <- ", place_of(entry), " ", name_of(entry.role), "\n");
  }
  return all;
}

const std::string kKeras2Model =
    "f.attrs['keras_version'] = '2.3.1'; f.attrs['backend'] = 'tensorflow'\n"
    "m = f.create_group('model_weights'); m.attrs['layer_names'] = [b'dense', b'flatten', "
    "b'gone']\n"
    "m.create_group('flatten').attrs['weight_names'] = np.zeros(0, 'S1')\n"
    "g = m.create_group('dense')\n"
    "g.attrs['weight_names'] = [b'dense/kernel:0', b'scope/dense/bias:0', b'dense/lost:0']\n"
    "g['dense/kernel:0'] = w; g['scope/dense/bias:0'] = w; g['extra'] = w\n"
    "o = f.create_group('optimizer_weights'); o.attrs['weight_names'] = [b'Adam/iterations:0']\n"
    "o['Adam/iterations:0'] = np.int64(3)\n";

}  // namespace

TEST_SUITE("formats/hdf5_layout") {
  TEST_CASE("a Keras 2 model calls its variables LAYER/WEIGHT and its optimizer's optimizer/") {
    const TempDir dir;
    const auto reader = made_by(dir, kKeras2Model);
    CHECK(reader->index().layout == "Keras 2 model (2.3.1, tensorflow)");
    CHECK(rows(*reader) ==
          "dense/kernel <- model_weights/dense/dense/kernel:0 variable\n"
          "model_weights/dense/extra <- model_weights/dense/extra variable\n"
          "dense/bias <- model_weights/dense/scope/dense/bias:0 variable\n"
          "optimizer/Adam/iterations <- optimizer_weights/Adam/iterations:0 slot\n");
    CHECK(reader->index().notes ==
          std::vector<std::string>{
              "/model_weights/dense: weight_names has 'dense/lost:0', but there is no such dataset",
              "/model_weights: layer_names has 'gone', but there is no such group"});
  }

  TEST_CASE("what a file says of itself is the root's attributes that are one text each") {
    const TempDir dir;
    const auto reader = made_by(dir, kKeras2Model +
                                         "f.attrs['model_config'] = '{\\n}'; f.attrs['epoch'] = 3\n"
                                         "f.attrs['tags'] = [b'a', b'b']\n");
    CHECK(reader->metadata() == Metadata{{"backend", "tensorflow"},
                                         {"keras_version", "2.3.1"},
                                         {"model_config", "{\n}"}});
    const TempDir other;
    CHECK(made_by(other, "f['w'] = w\n")->metadata().empty());
  }

  TEST_CASE("with use_paths the names are the paths") {
    const TempDir dir;
    const auto reader = made_by(dir, kKeras2Model, {.use_paths = true});
    CHECK(reader->index().layout == "Keras 2 model (2.3.1, tensorflow)");
    CHECK(rows(*reader).starts_with("model_weights/dense/dense/kernel:0 <- "));
  }

  TEST_CASE("names that would not be unique stay paths") {
    const TempDir dir;
    const auto reader = made_by(dir,
                                "f.attrs['layer_names'] = [b'a']; g = f.create_group('a')\n"
                                "g.attrs['weight_names'] = [b'k:0', b'a/k:0', b'b:0']; g['k:0'] = "
                                "w; g['a/k:0'] = w; g['b:0'] = w\n");
    CHECK(reader->index().layout == "Keras 1 weights");
    CHECK(rows(*reader) ==
          "a/a/k:0 <- a/a/k:0 variable\na/b <- a/b:0 variable\na/k:0 <- a/k:0 variable\n");
  }

  TEST_CASE("layer_names in parts, as Keras writes lists above 64 KB, are put together") {
    const TempDir dir;
    const auto reader =
        made_by(dir,
                "f.attrs['keras_version'] = '2.4.0'\n"
                "f.attrs['layer_names0'] = [b'a']; f.attrs['layer_names1'] = [b'b']\n"
                "for n in 'ab':\n"
                "    g = f.create_group(n); g[n + '/k:0'] = w\n"
                "    g.attrs['weight_names0'] = [(n + '/k:0').encode()]\n");
    CHECK(reader->index().layout == "Keras 2 weights (2.4.0)");
    CHECK(rows(*reader) == "a/k <- a/a/k:0 variable\nb/k <- b/b/k:0 variable\n");
    CHECK(reader->index().notes.empty());
  }

  TEST_CASE("Keras 3 weights, Keras 0 weights and plain files keep their paths") {
    const TempDir first;
    const TempDir second;
    const TempDir third;
    const auto keras3 = made_by(
        first, "f['layers/dense/vars/0'] = w; f['optimizer/vars/1'] = w; f.create_group('vars')\n");
    CHECK(keras3->index().layout == "Keras 3 weights");
    CHECK(rows(*keras3) ==
          "layers/dense/vars/0 <- layers/dense/vars/0 variable\n"
          "optimizer/vars/1 <- optimizer/vars/1 slot\n");
    const auto keras0 = made_by(second, "f.attrs['nb_layers'] = 1; f['layer_0/param_0'] = w\n");
    CHECK(keras0->index().layout == "Keras 0 weights");
    CHECK(rows(*keras0) == "layer_0/param_0 <- layer_0/param_0 variable\n");
    const auto plain = made_by(third, "f['a/k:0'] = w; f['a/k:0/x'.replace(':0/', '_')] = w\n");
    CHECK(plain->index().layout == "plain");
    CHECK(rows(*plain) == "a/k:0 <- a/k:0 variable\na/k_x <- a/k_x variable\n");
  }

  TEST_CASE("a Keras 3 file's own names of its layers stand beside their scopes") {
    const TempDir dir;
    const auto reader = made_by(dir,
                                "f['layers/dense/vars/0'] = w; f['layers/conv/vars/0'] = w\n"
                                "f['layers/dense/vars'].attrs['name'] = 'dense_19'\n"
                                "f['layers/conv/vars'].attrs['name'] = 'conv'\n");
    const Index& index = reader->index();
    CHECK(index.layers == decltype(index.layers){{"layers/dense", "dense_19"}});
    CHECK(layer_of(index, "layers/dense/vars/0") == "dense_19");
    CHECK(layer_of(index, "layers/conv/vars/0").empty());
  }

  TEST_CASE("opaque elements of two bytes are bf16 where the model's configuration says so") {
    const TempDir dir;
    const std::string opaque = "f['w'] = np.zeros(3, 'V2')\n";
    CHECK(made_by(TempDir(), opaque)->index().entries[0].native_dtype == "opaque[2]");
    const auto reader =
        made_by(dir, opaque + "f.attrs['model_config'] = '{\"dtype\": \"bfloat16\"}'\n");
    CHECK(reader->index().entries[0].dtype == DType::kBf16);
    CHECK(
        reader->index().notes ==
        std::vector<std::string>{"1 variable of opaque elements of 2 bytes: taken for bf16, since "
                                 "the model's configuration names bfloat16"});
  }
}
