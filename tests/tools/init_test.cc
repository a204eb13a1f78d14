#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "support/digits.h"

namespace {

const std::string kGraphs = CKPT_FIXTURES "/graphs/";

// A folder with the shipped graphs.
struct GraphFolder : DigitsFolder {
  GraphFolder() {
    std::filesystem::copy(kGraphs, dir.path(), std::filesystem::copy_options::recursive);
  }
};

std::vector<std::string> with(std::vector<std::string> command, const std::string& settings) {
  for (const auto setting : ckpt::split(settings, " ")) {
    command.emplace_back("--set");
    command.emplace_back(setting);
  }
  return command;
}

const std::string kTinyBert =
    "layers=2 hidden=8 heads=2 intermediate=12 vocabulary=11 positions=7 length=5";
const std::string kTinyGpt2 = "layers=2 width=8 heads=2 vocabulary=11 positions=7 length=5";

}  // namespace

TEST_SUITE("tools/init") {
  TEST_CASE("init, ls, run and verify go from a graph file to outputs") {
    const GraphFolder w;
    const std::string graph = "classic/reuse_across_calls.json";
    CHECK(w.answer({"init", "--graph", graph, "net.h5", "--seed", "3"}) ==
          "net.h5: 2 variables, 110 parameters, of classic/reuse_across_calls.json (graph file), "
          "seed 3\nstatus 0");
    CHECK(w.answer({"ls", "--flat", "--graph", graph}) ==
          "classic/reuse_across_calls.json: graph, graph file, 0 B\n"
          "my_layer/weights  f32  [10, 10]  100  400 B\n"
          "my_layer/biases   f32  [10]       10   40 B\n"
          "total: 2 variables, 110 parameters, 440 B\n"
          "status 0");
    run_python("import numpy as np,sys\nnp.savez(sys.argv[1], x=np.ones((1,10),'f4'))\n",
               {w.dir / "x.npz"});
    const auto run =
        w.ckpt({"run", "net.h5", "--graph", graph, "--inputs", "x.npz", "-o", "y.npz"});
    CHECK(run.err == "");
    CHECK(run.out.find("out  output_0  f32 [1, 10]") != std::string::npos);
    // One matrix, applied twice: NumPy reads it from the file.
    CHECK(run_python("import numpy as np,h5py,sys\n"
                     "f=h5py.File(sys.argv[1]); w=f['my_layer/weights'][()].astype('f8')\n"
                     "y=np.load(sys.argv[2])['output_0']\n"
                     "print(abs(np.ones((1,10))@w@w-y).max()<1e-5, abs(y).max()>1e-3)\n",
                     {w.dir / "net.h5", w.dir / "y.npz"}) == "True True\n");
    const auto verified =
        w.ckpt({"verify", "net.h5", "--against", "net.h5", "--graph", graph, "--graph-new", graph});
    CHECK(verified.err == "");
    CHECK(verified.status == 0);
  }

  TEST_CASE("the same seed gives the same bytes, another one others") {
    const GraphFolder w;
    const auto init = [&](const std::string& file, const std::string& seed) {
      CHECK(
          w.ckpt(with({"init", "--graph", "bert.json", file, "--seed", seed}, kTinyBert)).status ==
          0);
      return read_file(w.dir / file);
    };
    const std::string bytes = init("a.h5", "1");
    CHECK(init("b.h5", "1") == bytes);
    CHECK(init("c.h5", "2") != bytes);
    CHECK(
        w.answer(with({"init", "--graph", "bert.json", "a.h5"}, kTinyBert)) ==
        "ckpt: a.h5: exists already; give another name, or replace it with --overwrite\nstatus 5");
  }

  // Its softmax magnifies the rounding of 170 operations in a row.
  TEST_CASE("the narrow slim ResNet computes what NumPy computes, by both engines") {
    const GraphFolder w;
    const auto result = w.ckpt(with(
        {"verify", "golden/resnet_v1_50_narrow.safetensors", "--graph", "resnet_v1_50.json",
         "--golden", "golden/resnet_v1_50_narrow_record.npz", "--rtol", "1e-5", "--engine", "both"},
        "size=64 classes=5 width=1"));
    CHECK(result.err == "");
    CHECK(result.out.find("_record.npz: same\n") != std::string::npos);
    CHECK(result.status == 0);
  }

  TEST_CASE("the tiny BERT and GPT-2 compute what NumPy computes") {
    const GraphFolder w;
    for (const auto& network :
         {std::pair{std::string("bert"), kTinyBert}, {std::string("gpt2"), kTinyGpt2}}) {
      const std::string& name = network.first;
      const auto& settings = network.second;
      CAPTURE(name);
      const auto result =
          w.ckpt(with({"verify", "golden/" + name + "_tiny.npz", "--graph", name + ".json",
                       "--golden", "golden/" + name + "_tiny_record.npz", "--rtol", "1e-6"},
                      settings));
      CHECK(result.err == "");
      CHECK(result.out.find("_record.npz: same\n") != std::string::npos);
      CHECK(result.status == 0);
    }
  }

  TEST_CASE("several inputs are run on as one: their rows follow one another") {
    const GraphFolder w;
    run_python(
        "import numpy as np,sys\n"
        "np.savez(sys.argv[1]+'/a.npz', x=np.ones((2,10),'f4'))\n"
        "np.savez(sys.argv[1]+'/b.npz', x=np.zeros((1,10),'f4'))\n"
        "np.savez(sys.argv[1]+'/c.npz', x=np.zeros((1,9),'f4'))\n",
        {w.dir.path().string()});
    CHECK(w.ckpt({"init", "--graph", "classic/reuse_across_calls.json", "net.h5"}).status == 0);
    const auto verify = [&](const std::string& second) {
      return w.ckpt({"verify", "net.h5", "--against", "net.h5", "--graph",
                     "classic/reuse_across_calls.json", "--inputs", "a.npz", "--inputs", second});
    };
    const std::string out = verify("b.npz").out;
    CHECK(out.find("inputs    a.npz, b.npz\noutputs   output_0 [3, 10]: ") != std::string::npos);
    CHECK(verify("c.npz").err ==
          "ckpt: c.npz: input 'x' is f32 [1, 9], whose rows cannot follow those of a.npz, f32 [2, "
          "10]; files of other lengths or types are verified one after the other\n");
  }

  TEST_CASE("a network with a free length takes any, of several inputs one") {
    const GraphFolder w;
    std::ofstream(w.dir.path() / "free.json") << R"({"schema": "ckpt/graph/1",
               "inputs": [{"name": "tokens", "dtype": "i32", "shape": ["?", "?"]}],
               "body": [{"get_variable": "table", "shape": [9, 4], "as": "t"},
                        {"op": "gather", "inputs": ["t", "tokens"], "as": "e"},
                        {"layer": "dense", "units": 3, "inputs": "e", "as": "y"}],
               "outputs": ["y"]})";
    run_python(
        "import numpy as np,sys\n"
        "for n in 5, 7: np.savez(sys.argv[1]+'/%d.npz' % n, tokens=np.ones((2,n),'i4'))\n",
        {w.dir.path().string()});
    CHECK(w.ckpt({"init", "--graph", "free.json", "net.h5"}).status == 0);
    const auto verify = [&](const std::vector<std::string>& inputs) {
      std::vector<std::string> command{"verify",  "net.h5",    "--against", "net.h5",
                                       "--graph", "free.json", "--engine",  "both"};
      for (const std::string& input : inputs) {
        command.emplace_back("--inputs");
        command.push_back(input);
      }
      return w.ckpt(command);
    };
    CHECK(verify({"5.npz"}).out.find("outputs   output_0 [2, 5, 3]: ") != std::string::npos);
    CHECK(verify({"7.npz"}).out.find("outputs   output_0 [2, 7, 3]: ") != std::string::npos);
    CHECK(verify({"7.npz", "7.npz"}).out.find("outputs   output_0 [4, 7, 3]: ") !=
          std::string::npos);
    CHECK(verify({}).status == 0);
    const auto both = verify({"5.npz", "7.npz"});
    CHECK(both.err ==
          "ckpt: 7.npz: input 'tokens' is i32 [2, 7], whose rows cannot follow those of 5.npz, i32 "
          "[2, 5]; files of other lengths or types are verified one after the other\n");
    CHECK(both.status == 2);
  }

  TEST_CASE("a checkpoint that does not fit is told all that is missing, otherwise or too much") {
    const GraphFolder w;
    CHECK(w.ckpt({"init", "--graph", "classic/ghost_twin.json", "net.h5"}).status == 0);
    const auto checked =
        w.ckpt({"ls", "net.h5", "--flat", "--graph", "classic/reuse_across_calls.json"});
    CHECK(checked.err ==
          "ckpt: net.h5: my_layer/weights is missing\n"
          "ckpt: net.h5: my_layer/biases is missing\n"
          "ckpt: net.h5: dense/bias is not in the graph\n"
          "ckpt: net.h5: dense/kernel is not in the graph\n"
          "ckpt: net.h5: dense_1/bias is not in the graph\n"
          "ckpt: net.h5: dense_1/kernel is not in the graph\n");
    CHECK(checked.status == 1);
    CHECK(w.ckpt({"ls", "net.h5", "--graph", "classic/ghost_twin.json"}).status == 0);
    CHECK(w.answer(with({"run", "golden/gpt2_tiny.npz", "--graph", "gpt2.json", "--inputs",
                         "golden/gpt2_tiny_record.npz"},
                        "layers=2 width=8 heads=2 vocabulary=12 positions=7 length=5")) ==
          "ckpt: golden/gpt2_tiny.npz: does not fit gpt2.json (graph file): model/wte is f32 [11, "
          "8], not f32 [12, 8]\nstatus 4");
  }

  TEST_CASE("remap --expect takes a graph: what would be missing or otherwise is said first") {
    const GraphFolder w;
    CHECK(w.ckpt({"init", "--graph", "classic/ghost_twin.json", "net.h5"}).status == 0);
    const auto remapped = [&](const std::string& rule) {
      return w.ckpt({"remap", "net.h5", "out.h5", "-r", rule, "-r", "dense_1/ = -", "--expect",
                     "classic/reuse_across_calls.json", "--overwrite"});
    };
    CHECK(remapped("dense/kernel = my_layer/weights").err ==
          "ckpt: dense/bias: is not in the reference\n"
          "ckpt: my_layer/biases: is in the reference and would be missing\n");
    CHECK(remapped("dense/{x} = my_layer/{x}").status == 1);
    const auto right = w.ckpt({"remap", "net.h5", "out.h5", "-r", "dense/kernel = my_layer/weights",
                               "-r", "dense/bias = my_layer/biases", "-r", "dense_1/{_} = -",
                               "--expect", "classic/reuse_across_calls.json"});
    CHECK(right.err == "");
    CHECK(right.status == 0);
  }

  TEST_CASE("remap --expect takes a graph file's parameters, and refuses them for anything else") {
    const GraphFolder w;
    const auto tiny = [](std::vector<std::string> command, const std::string& classes) {
      return with(std::move(command), "size=32 classes=" + classes);
    };
    CHECK(w.ckpt(tiny({"init", "--graph", "efficientnetb0.json", "net.h5"}, "3")).status == 0);
    const std::vector<std::string> remap{"remap",           "net.h5", "out.h5",  "-r",
                                         "top_conv/=head/", "-n",     "--expect"};
    const auto expecting = [&](const std::string& reference) {
      std::vector<std::string> command = remap;
      command.push_back(reference);
      return command;
    };
    CHECK(w.ckpt(tiny(expecting("efficientnetb0.json"), "5")).err ==
          "ckpt: predictions/bias: would be [3], the reference has [5]\n"
          "ckpt: predictions/kernel: would be [1280, 3], the reference has [1280, 5]\n"
          "ckpt: head/kernel: is not in the reference\n"
          "ckpt: top_conv/kernel: is in the reference and would be missing\n");
    CHECK(w.answer(tiny(expecting("net.h5"), "3")) ==
          "ckpt: net.h5: --set gives parameters to graph files alone; this is none\nstatus 2");
  }

  TEST_CASE("the mistake of a forgotten reuse is answered as TensorFlow answers it") {
    const GraphFolder w;
    CHECK(w.answer({"ls", "--graph", "classic/forgotten_reuse.json"}) ==
          "ckpt: classic/forgotten_reuse.json:21:5: call 'create_layer': 10:11: get_variable "
          "'weights': my_layer/weights: this variable already exists, first made at line 10, "
          "column 11, and reuse is False here; open the scope with reuse True to share it, or "
          "with reuse AUTO to share it where it exists and make it where it does not\nstatus 3");
  }

  TEST_CASE("a Keras config is built, saved and run, too") {
    const DigitsFolder w;
    CHECK(w.answer({"init", "--graph", "digits.json", "new.h5"}) ==
          "new.h5: 14 variables, 4,042 parameters, of digits.json (Keras 3 config), seed 0\n"
          "status 0");
    CHECK(
        w.ckpt({"run", "new.h5", "--graph", "digits.json", "--inputs", "test_digits.npz"}).status ==
        0);
    CHECK(w.answer({"init", "--graph", "digits.json", "--set", "a=1", "b.h5"}) ==
          "ckpt: digits.json: --set gives parameters to graph files alone; this is none\nstatus 2");
  }
}
