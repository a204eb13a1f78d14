#include <doctest/doctest.h>

#include <filesystem>
#include <iostream>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/error_of.h"
#include "support/hdf5_files.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;
namespace fs = std::filesystem;

namespace {

// A Keras 2 whole model: two dense layers, one without weights, a nested model, an optimizer.
void make_keras_model(const std::string& path, int layers) {
  run_python(R"(
import h5py, numpy as np, json, sys
f = h5py.File(sys.argv[1], 'w')
n = int(sys.argv[2])
f.attrs['keras_version'] = '2.4.0'; f.attrs['backend'] = 'tensorflow'
def lists(g, name, data):
    data = [x.encode() for x in data]
    arr = np.asarray(data)
    num = 1
    chunks = np.array_split(arr, num)
    while any(c.nbytes > 64512 for c in chunks):
        num += 1; chunks = np.array_split(arr, num)
    if num > 1:
        for i, c in enumerate(chunks): g.attrs[name + str(i)] = c
    else: g.attrs[name] = arr if data else data
mw = f.create_group('model_weights')
names = ['input_1', 'dense', 'flatten', 'inner'] + ['long_layer_name_%04d' % i for i in range(n)]
lists(mw, 'layer_names', names)
def layer(name, weights):
    g = mw.create_group(name); lists(g, 'weight_names', weights)
    for i, w in enumerate(weights): g[w] = np.full((3, i + 1), len(w), 'f4')
layer('input_1', []); layer('flatten', [])
layer('dense', ['dense/kernel:0', 'dense/bias:0'])
layer('inner', ['deep/kernel:0', 'deep/bias:0', 'other/kernel:0'])
for x in names[4:]: layer(x, [x + '/kernel:0'])
o = f.create_group('optimizer_weights')
ow = ['Adam/iter:0', 'Adam/dense/kernel/m:0', 'Adam/dense/bias/m:0']
lists(o, 'weight_names', ow)
for w in ow: o[w] = np.float32(len(w))
def cfg(name, inbound, cls='Dense', extra={}):
    return {'class_name': cls, 'config': dict({'name': name, 'units': 1e-07}, **extra), 'name': name, 'inbound_nodes': inbound}
inner = {'name': 'inner', 'layers': [cfg('in_2', []), cfg('deep', [[['in_2', 0, 0, {}]]]), cfg('other', [[['deep', 0, 0, {}]]])],
         'input_layers': [['in_2', 0, 0]], 'output_layers': [['other', 0, 0]]}
ls = [cfg('input_1', [], 'InputLayer'), cfg('dense', [[['input_1', 0, 0, {}]]]), cfg('flatten', [[['dense', 0, 0, {}]]]),
      {'class_name': 'Functional', 'name': 'inner', 'config': inner, 'inbound_nodes': [[['flatten', 0, 0, {'y': ['dense', 0, 0]}]]]}]
for x in names[4:]: ls.append(cfg(x, [[['inner', 0, 0, {}]]]))
conf = {'class_name': 'Functional', 'config': {'name': 'dense_model', 'layers': ls, 'input_layers': [['input_1', 0, 0]], 'output_layers': [['inner', 0, 0], ['dense', 0, 0]]}}
f.attrs['model_config'] = json.dumps(conf)
f.attrs['training_config'] = json.dumps({'loss': {'inner': 'mse', 'dense': 'mae'}, 'metrics': ['acc']})
)",
             {path, cat(layers)});
}

std::string config_of(const std::string& path, const std::string& expression) {
  return run_python(
      "import h5py, json, sys\nf = h5py.File(sys.argv[1])\n"
      "c = json.loads(f.attrs['model_config'])['config']\n"
      "t = json.loads(f.attrs['training_config'])\n"
      "print(" +
          expression + ")",
      {path});
}

// The values of variables by name; of datasets only what h5py says of type, shape and bytes.
std::multiset<std::string> values_of(const std::map<std::string, std::string>& variables) {
  std::multiset<std::string> values;
  for (const auto& [name, value] : variables) values.insert(value);
  return values;
}

}  // namespace

TEST_SUITE("formats/hdf5_edit_keras") {
  TEST_CASE("renaming a layer's scope renames the layer wherever Keras looks for it") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    make_keras_model(file, 0);
    const std::string bytes = read_file(file);
    auto expected = variables_of(file);
    Edit edit = prefix_move(file, "dense/", "head/");
    for (const std::string slot : {"kernel", "bias"}) {
      edit.move("optimizer/Adam/dense/" + slot + "/m", "optimizer/Adam/head/" + slot + "/m");
    }
    const auto result = edit_file(file, "", edit);
    CHECK(operations_of(result) ==
          "move model_weights/dense → model_weights/head\n"
          "move model_weights/head/dense → model_weights/head/head\n"
          "move optimizer_weights/Adam/dense → optimizer_weights/Adam/head\n"
          "text model_weights/head → weight_names\n"
          "text optimizer_weights → weight_names\n"
          "text model_weights → layer_names\n"
          "text  → model_config\n"
          "text  → training_config");
    for (const auto& move : edit.moves) {
      expected[std::string(move.to)] = expected.at(std::string(move.from));
      expected.erase(std::string(move.from));
    }
    CHECK((variables_of(file) == expected));
    CHECK(check_keras_file(file) == "input_1\nhead\nflatten\ninner\n");
    CHECK(datasets_by_h5py(file).contains("model_weights/head/head/kernel:0"));
    CHECK(config_of(file, "[l['name'] + '=' + l['config']['name'] for l in c['layers']]") ==
          "['input_1=input_1', 'head=head', 'flatten=flatten', 'inner=inner']\n");
    CHECK(config_of(file, "c['name'], c['output_layers'], c['layers'][3]['inbound_nodes']") ==
          "dense_model [['inner', 0, 0], ['head', 0, 0]] [[['flatten', 0, 0, {'y': ['head', 0, "
          "0]}]]]\n");
    CHECK(config_of(file, "t['loss']") == "{'inner': 'mse', 'head': 'mae'}\n");
    find_format("hdf5")->undo(file, result.undo, {});
    CHECK((read_file(file) == bytes));
  }

  TEST_CASE("layers inside a nested model are renamed in its configuration") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    make_keras_model(file, 0);
    edit_file(file, "", prefix_move(file, "inner/deep/", "inner/deepest/"));
    CHECK(check_keras_file(file) == "input_1\ndense\nflatten\ninner\n");
    CHECK(config_of(file,
                    "[l['name'] for l in c['layers'][3]['config']['layers']], "
                    "c['layers'][3]['config']['layers'][2]['inbound_nodes']") ==
          "['in_2', 'deepest', 'other'] [[['deepest', 0, 0, {}]]]\n");
    CHECK(open_checkpoint(file)->find("inner/deepest/kernel"));
  }

  TEST_CASE("layers swap their names, and lists longer than 64 KB are divided as Keras does") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    make_keras_model(file, 2000);
    Edit edit = prefix_move(file, "dense/", "inner/");
    add_prefix_move(edit, file, "inner/", "dense/");
    add_prefix_move(edit, file, "long_layer_name_", "an_even_longer_layer_name_than_that_");
    auto expected = variables_of(file);
    std::map<std::string, std::string> changed;
    for (const auto& move : edit.moves) {
      changed[std::string(move.to)] = expected.at(std::string(move.from));
    }
    for (const auto& move : edit.moves) expected.erase(std::string(move.from));
    expected.insert(changed.begin(), changed.end());
    edit_file(file, dir / "b.h5", edit);
    CHECK((variables_of(dir / "b.h5") == expected));
    const std::string layers = check_keras_file(dir / "b.h5");
    CHECK(layers.starts_with(
        "input_1\ninner\nflatten\ndense\nan_even_longer_layer_name_than_that_0000\n"));
    CHECK(
        run_python("import h5py,sys; print(sorted(h5py.File(sys.argv[1])['model_weights'].attrs))",
                   {dir / "b.h5"}) == "['layer_names0', 'layer_names1']\n");
  }

  TEST_CASE("what would tear a layer apart is refused") {
    const TempDir dir;
    const std::string file = dir / "a.h5";
    make_keras_model(file, 0);
    const std::string bytes = read_file(file);
    const auto message = [&](const Edit& edit) {
      return error_of([&] { edit_file(file, "", edit); });
    };
    CHECK(message({.moves = {{"dense/kernel", "fc/kernel"}}}) ==
          "layer 'dense': its variables would not be in one layer any more ('fc/kernel', "
          "'dense/bias'); a Keras file keeps a layer's variables together, as LAYER/NAME");
    CHECK(message(prefix_move(file, "dense/", "flatten/")) ==
          "layers 'dense' and 'flatten' would both be called 'flatten'; a Keras file has one group "
          "for each layer");
    CHECK(message({.moves = {{"optimizer/Adam/iter", "iterations"}}}) ==
          "'optimizer/Adam/iter' cannot become 'iterations': in a Keras file it has to stay under "
          "'optimizer/'");
    CHECK((read_file(file) == bytes));
    edit_file(file, "", {.drops = {"optimizer/Adam/iter", "dense/bias"}});
    CHECK(check_keras_file(file) == "input_1\ndense\nflatten\ninner\n");
    CHECK_FALSE(open_checkpoint(file)->find("dense/bias"));
  }

  TEST_CASE(
      "on every HDF5 file of the corpus prefixes are added, moved and stripped, bit for bit") {
    const fs::path corpus = fs::path(CKPT_SHARED) / "corpus";
    if (!fs::exists(corpus)) {
      MESSAGE("SKIPPED: no corpus at " << corpus.string());
      return;
    }
    int files = 0;
    int edited = 0;
    std::map<std::string, int> refused;
    for (const auto& item : fs::recursive_directory_iterator(corpus)) {
      const std::string suffix = item.path().extension();
      if (!item.is_regular_file() || (suffix != ".h5" && suffix != ".hdf5")) continue;
      if (++files % kStride<4> != 0) continue;
      CAPTURE(item.path().string());
      const TempDir dir;
      const std::string original = dir / "a.h5";
      write_file(original, read_file(item.path()));
      const std::string bytes = read_file(original);
      std::map<std::string, std::string> before;
      std::string layout;
      try {
        const auto reader = open_checkpoint(original);
        layout = reader->index().layout;
        if (reader->index().entries.empty()) continue;
      } catch (const Error&) {
        continue;
      }
      before = variables_of(original);
      const bool is_layered = layout.starts_with("Keras") && layout != "Keras 3 weights";
      // A layer is a scope: its first segment gets longer.
      Edit add = prefix_move(original, "", is_layered ? "zz_" : "zz/yy/");
      std::erase_if(add.moves, [&](const NameMove& move) {
        return is_layered && (move.from.starts_with("optimizer/") ||
                              move.from.starts_with("top_level_model_weights/") ||
                              move.from.starts_with("model_weights/"));
      });
      EditResult result;
      try {
        result = edit_file(original, dir / "b.h5", add);
      } catch (const Error& e) {
        const std::string sentence = e.what();
        ++refused[sentence.substr(0, 60)];
        CHECK(e.code() == Errc::kUnsupported);
        continue;
      }
      ++edited;
      CHECK((read_file(original) == bytes));
      std::map<std::string, std::string> expected = before;
      Edit strip;
      for (const auto& move : add.moves) {
        expected[std::string(move.to)] = before.at(std::string(move.from));
        expected.erase(std::string(move.from));
        strip.moves.push_back({move.to, move.from});
      }
      CHECK((variables_of(dir / "b.h5") == expected));
      if (is_layered) check_keras_file(dir / "b.h5");
      // In place, there and back again, and undone.
      const auto stripped = edit_file(dir / "b.h5", "", strip);
      CHECK((variables_of(dir / "b.h5") == before));
      if (is_layered) check_keras_file(dir / "b.h5");
      const auto there = edit_file(original, "", add);
      CHECK((variables_of(original) == expected));
      find_format("hdf5")->undo(original, there.undo, {});
      CHECK((read_file(original) == bytes));
      CHECK(values_of(variables_of(dir / "b.h5")) == values_of(before));
    }
    std::cout << "corpus: " << edited << " files edited there and back";
    for (const auto& [sentence, count] : refused) std::cout << "; " << count << " × " << sentence;
    std::cout << "\n";
    CHECK(edited >= 30 / kStride<4>);
  }
}
