#include <doctest/doctest.h>

#include "core/text.h"
#include "formats/formats.h"
#include "support/error_of.h"
#include "support/hdf5_files.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr std::string_view kClassNote =
    "Keras 3 looks for a layer's variables under the name of its class (layers/dense, "
    "layers/dense_1, … of Dense layers), whatever the layer is called: it finds them under other "
    "names only where the model's classes are called so";

// A functional model as Keras 3 saves it, by Python: two Dense layers, whose own names count on, a
// model inside with one, a Flatten layer with an empty group of variables, losses by output. With
// `method` 8 the members are deflated.
void make_model(const std::string& path, int method = 0) {
  run_python(R"(
import h5py, io, json, numpy as np, sys, zipfile
def layer(cls, name, inputs, config={}):
  history = [{'args': [{'class_name': '__keras_tensor__', 'config': {'shape': [None, 4],
              'dtype': 'float32', 'keras_history': [i, 0, 0]}}], 'kwargs': {}} for i in inputs]
  return {'module': 'keras.layers', 'class_name': cls, 'config': {'name': name, **config},
          'registered_name': None, 'name': name, 'inbound_nodes': history}
inside = {'layers': [layer('InputLayer', 'in_2', []), layer('Dense', 'deep', ['in_2'])],
          'input_layers': ['in_2', 0, 0], 'output_layers': ['deep', 0, 0]}
config = {'module': 'keras', 'class_name': 'Functional', 'config': {'name': 'net', 'layers': [
    layer('InputLayer', 'in_1', []), layer('Dense', 'dense_19', ['in_1']),
    layer('Flatten', 'flatten_3', ['dense_19']), layer('Functional', 'inner', ['flatten_3'], inside),
    layer('Dense', 'dense_20', ['inner'])],
  'input_layers': [['in_1', 0, 0]], 'output_layers': [['dense_20', 0, 0]]},
  'registered_name': 'Functional', 'compile_config': {'loss': {'dense_20': 'mse'}}}
inner = io.BytesIO()
with h5py.File(inner, 'w') as f:
  def group(path, name, *arrays):
    g = f.create_group(path + '/vars'); g.attrs['name'] = name
    for i, a in enumerate(arrays): g[str(i)] = np.asarray(a, 'f4')
  group('layers/dense', 'dense_19', np.arange(6).reshape(2, 3), [1, 2, 3])
  group('layers/dense_1', 'dense_20', np.arange(6).reshape(3, 2), [4, 5])
  group('layers/flatten', 'flatten_3')
  group('layers/functional', 'inner')
  group('layers/functional/layers/dense', 'deep', [[7, 8], [9, 10]], [0, 1])
with zipfile.ZipFile(sys.argv[1], 'w', int(sys.argv[2])) as z:
  z.writestr('metadata.json', json.dumps({'keras_version': '3.3.3', 'date_saved': 'x'}))
  z.writestr('config.json', json.dumps(config))
  z.writestr('model.weights.h5', inner.getvalue())
  z.writestr('assets/vocabulary.txt', 'a b c')
)",
             {path, cat(method)});
}

// An expression of `c`, the config, `n`, the own names of the groups of variables, `z`, the zip,
// and `v`, the datasets' values.
std::string asked(const std::string& path, const std::string& expression) {
  return run_python(R"(
import h5py, io, json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
c = json.loads(z.read('config.json'))
n, v = {}, {}
def visit(path, o):
  if isinstance(o, h5py.Dataset): v[path] = o[()].tolist()
  elif 'name' in o.attrs: n[path] = o.attrs['name']
h5py.File(io.BytesIO(z.read('model.weights.h5')), 'r').visititems(visit)
print()" + expression + ")",
                    {path});
}

constexpr const char* kNames =
    "[l['name'] + '=' + l['config']['name'] for l in c['config']['layers']]";

}  // namespace

TEST_SUITE("formats/keras_edit") {
  TEST_CASE("a layer's name follows its group, in the config and beside its variables") {
    const TempDir dir;
    const std::string file = dir / "m.keras";
    make_model(file);
    const std::string bytes = read_file(file);
    const EditResult result =
        edit_file(file, "", prefix_move(file, "layers/dense_1/", "layers/head/"));
    CHECK(operations_of(result) ==
          "move layers/dense_1 → layers/head\n"
          "text layers/head/vars → name\n"
          "text config.json → layer names");
    CHECK((result.notes == std::vector<std::string>{std::string(kClassNote)}));
    CHECK(result.how == EditResult::How::kReplaced);
    CHECK(asked(file, kNames) ==
          "['in_1=in_1', 'dense_19=dense_19', 'flatten_3=flatten_3', 'inner=inner', "
          "'head=head']\n");
    CHECK(asked(file, "c['config']['output_layers'], c['compile_config']") ==
          "[['head', 0, 0]] {'loss': {'head': 'mse'}}\n");
    CHECK(asked(file, "n['layers/head/vars'], v['layers/head/vars/1'], len(v)") ==
          "head [4.0, 5.0] 6\n");
    CHECK(asked(file, "z.namelist(), z.read('assets/vocabulary.txt'), z.read('metadata.json')") ==
          "['metadata.json', 'config.json', 'model.weights.h5', 'assets/vocabulary.txt'] b'a b c' "
          "b'{\"keras_version\": \"3.3.3\", \"date_saved\": \"x\"}'\n");
    REQUIRE(result.can_undo);
    find_format("keras")->undo(file, result.undo, {});
    CHECK((read_file(file) == bytes));
  }

  TEST_CASE("layers inside of a model are renamed in its part of the config") {
    const TempDir dir;
    const std::string file = dir / "m.keras";
    make_model(file);
    edit_file(file, dir / "n.keras",
              prefix_move(file, "layers/functional/layers/dense/", "layers/functional/layers/q/"));
    CHECK(asked(dir / "n.keras",
                "[l['name'] for l in c['config']['layers'][3]['config']['layers']]"
                ", c['config']['layers'][3]['config']['output_layers']") ==
          "['in_2', 'q'] ['q', 0, 0]\n");
    CHECK(asked(dir / "n.keras", "n['layers/functional/layers/q/vars']") == "q\n");
  }

  TEST_CASE("layers that swap their variables keep their names") {
    const TempDir dir;
    const std::string file = dir / "m.keras";
    make_model(file);
    Edit edit = prefix_move(file, "layers/dense/", "layers/dense_1/");
    add_prefix_move(edit, file, "layers/dense_1/", "layers/dense/");
    edit_file(file, dir / "n.keras", edit);
    CHECK(asked(dir / "n.keras", kNames) == asked(file, kNames));
    CHECK(asked(dir / "n.keras", "v['layers/dense/vars/1'], v['layers/dense_1/vars/1']") ==
          "[4.0, 5.0] [1.0, 2.0, 3.0]\n");
  }

  TEST_CASE("deflated weights are stored afterwards, and it is said") {
    const TempDir dir;
    const std::string file = dir / "m.keras";
    make_model(file, 8);
    const std::string bytes = read_file(file);
    const EditResult result =
        edit_file(file, "", prefix_move(file, "layers/dense/", "layers/dense_9/"));
    REQUIRE(result.notes.size() == 2);
    CHECK(result.notes[1] ==
          "model.weights.h5 is deflated; it is stored in the new archive, as Keras writes it");
    CHECK(asked(file, "[i.compress_type for i in z.infolist()], v['layers/dense_9/vars/1']") ==
          "[8, 0, 0, 8] [1.0, 2.0, 3.0]\n");
    find_format("keras")->undo(file, result.undo, {});
    CHECK((read_file(file) == bytes));
  }

  TEST_CASE("what cannot be is refused, and the file stays") {
    const TempDir dir;
    const std::string file = dir / "m.keras";
    make_model(file);
    const std::string bytes = read_file(file);
    CHECK(error_of(
              [&] { edit_file(file, "", prefix_move(file, "layers/dense/", "layers/inner/")); }) ==
          "config.json: layers 'dense_19' and 'inner' would both be called 'inner', and a model's "
          "layers need names of their own");
    CHECK(error_of([&] { edit_file(file, dir / "n.keras", {}, {.repack = true}); }) ==
          "Keras archives cannot be repacked; `ckpt convert` writes their variables anew");
    CHECK((read_file(file) == bytes));
  }

  TEST_CASE("weights that are damaged get no new checksum to hide it") {
    const TempDir dir;
    const std::string file = dir / "m.keras";
    make_model(file);
    std::string bytes = read_file(file);
    const std::string six("\0\0\xa0\x40", 4);  // the 5.0 of dense_1
    bytes[bytes.rfind(six) + 2] = '\xa1';
    write_file(file, bytes);
    const std::string message =
        error_of([&] { edit_file(file, "", prefix_move(file, "layers/dense/", "layers/d/")); });
    CHECK(message.starts_with("model.weights.h5: its bytes are damaged: their CRC-32 is "));
    CHECK((read_file(file) == bytes));
  }

  TEST_CASE("by the command: remap, verify, dups, undo") {
    const TempDir dir;
    make_model(dir / "m.keras");
    const std::string bytes = read_file(dir / "m.keras");
    const auto remap = run_ckpt(
        {"remap", "-i", "m.keras", "-r", "layers/dense/vars/0 = layers/dense/vars/0 | cast(f16)"},
        dir.path());
    CHECK(remap.err == "");
    CHECK(remap.status == 0);
    CHECK(asked(dir / "m.keras", "v['layers/dense/vars/0']") ==
          "[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]\n");
    CHECK(run_ckpt({"dups", "m.keras"}, dir.path()).status == 0);
    const auto undone = run_ckpt({"undo", "m.keras"}, dir.path());
    CHECK(undone.status == 0);
    CHECK((read_file(dir / "m.keras") == bytes));
  }
}
