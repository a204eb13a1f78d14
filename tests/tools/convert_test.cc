#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/text.h"
#include "formats/formats.h"
#include "support/error_of.h"
#include "support/workplace.h"

using namespace ckpt;

namespace {

// Name, type, shape and bytes of every tensor, with "/" between segments.
std::map<std::string, std::string> content_of(const std::string& path) {
  const auto reader = open_checkpoint(path);
  std::map<std::string, std::string> content;
  const Index& index = reader->index();
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    const Entry& entry = index.entries[i];
    std::string name = entry.name;
    std::replace(name.begin(), name.end(), index.separator, '/');
    content[name] =
        cat(name_of(entry.dtype), to_string(entry.shape), as_text(reader->read(i).bytes));
  }
  return content;
}

}  // namespace

TEST_SUITE("tools/convert") {
  TEST_CASE("every written kind becomes every other, tensor by tensor the same bytes") {
    const Workplace w;
    const std::vector<std::string> names{"a.h5",    "b.safetensors", "c.npz",
                                         "d.index", "e.pt",          "f.safetensors.index.json"};
    const auto wanted = content_of(w.dir / "d.h5");
    REQUIRE(wanted.size() == 41);
    for (const std::string& name : names) {
      const auto made = w.ckpt({"convert", "d.h5", name});
      CHECK(made.err == "");
      REQUIRE(made.status == 0);
      CHECK((content_of(w.dir / name) == wanted));
      for (const std::string& other : names) {
        const std::string target = "from_" + name.substr(0, 1) + "_" + other;
        const auto result = w.ckpt({"convert", name, target});
        CHECK(result.err == "");
        CHECK(result.status == 0);
        CHECK((content_of(w.dir / target) == wanted));
      }
    }
  }

  TEST_CASE("other programs read what was written") {
    const Workplace w;
    CHECK(w.ckpt({"convert", "d.h5", "m.npz", "-r", "conv1/=stem/"}).out ==
          "done: 41 variables, 47.3 KiB; m.npz: npz\n");
    CHECK(w.ckpt({"convert", "m.npz", "back.h5", "-r", "stem/=conv1/"}).status == 0);
    CHECK(run_python("import numpy as np, h5py, sys\n"
                     "a = h5py.File(sys.argv[1], 'r'); z = np.load(sys.argv[2]); b = "
                     "h5py.File(sys.argv[3], 'r')\n"
                     "print(len(z.files), np.array_equal(a['conv1/kernel:0'], z['stem/kernel']),\n"
                     "      np.array_equal(a['conv1/kernel:0'], b['conv1/kernel:0']))",
                     {w.dir / "d.h5", w.dir / "m.npz", w.dir / "back.h5"}) == "41 True True\n");
  }

  TEST_CASE("operations, casts and separators of both kinds") {
    const Workplace w;
    CHECK(w.ckpt({"convert", "d.h5", "x.safetensors", "--rest", "drop", "--no-companions", "-r",
                  "dense/kernel = fc/weight | permute(1,0)", "-r", "global_step = step", "--cast",
                  "f32=f16", "-n"})
              .out ==
          "dense/kernel -> fc.weight   f16 [16, 144] | permute(1,0) | cast(f16)\n"
          "global_step -> step   i64 []\n"
          "plan: 2 variables, 4.5 KiB; x.safetensors: safetensors\n");
    CHECK(!std::filesystem::exists(w.dir / "x.safetensors"));
  }

  TEST_CASE("types that the target does not have are refused by name, or cast") {
    const Workplace w;
    CHECK(w.ckpt({"convert", "d.h5", "b.safetensors", "--cast", "f32=bf16"}).status == 0);
    const auto refused = w.ckpt({"convert", "b.safetensors", "b.npz", "-r", "dense.bias = b",
                                 "--rest", "drop", "--no-companions"});
    CHECK(refused.status == 3);
    CHECK(
        refused.err ==
        "ckpt: b.npz: 'b' is bf16, a type that NumPy does not have; --cast FROM=TO changes types, "
        "a rule names\n");
    CHECK(w.ckpt({"convert", "b.safetensors", "b.npz", "--cast", "bf16=f32"}).status == 0);
    CHECK(w.ckpt({"convert", "d.h5", "x.npz", "--cast", "f32"}).err ==
          "ckpt: --cast f32: '' is no type; FROM=TO is needed, as bf16=f32\n");
  }

  TEST_CASE("a set of files is cut by size, and is whole where its index is") {
    const Workplace w;
    CHECK(w.ckpt({"convert", "d.h5", "s.safetensors.index.json", "--max-shard-size", "20KB"}).out ==
          "done: 41 variables, 47.3 KiB; s.safetensors.index.json: sharded safetensors\n");
    const auto index = nlohmann::json::parse(read_file(w.dir / "s.safetensors.index.json"));
    CHECK(index["metadata"]["total_size"] == 48392);
    CHECK(index["weight_map"].size() == 41);
    CHECK(index["weight_map"]["conv1.bias"] == "s-00001-of-00003.safetensors");
    for (const char* shard : {"s-00001-of-00003", "s-00002-of-00003", "s-00003-of-00003"}) {
      const auto size = std::filesystem::file_size(w.dir / (std::string(shard) + ".safetensors"));
      CHECK(size < 24000);
    }
    const auto again =
        w.ckpt({"convert", "d.h5", "s.safetensors.index.json", "--max-shard-size", "20KB"});
    CHECK(again.status == 5);
    CHECK(again.err ==
          "ckpt: s.safetensors.index.json: exists already; give another name, or replace it "
          "with --overwrite\n");
    CHECK(w.ckpt({"convert", "d.h5", "s.npz", "--max-shard-size", "20KB"}).err ==
          "ckpt: --max-shard-size makes a set of files, which is called "
          "NAME.safetensors.index.json; s.npz would be one file\n");
  }

  TEST_CASE("a set of files takes the place of another one where that is asked for") {
    const Workplace w;
    const std::string index = "s.safetensors.index.json";
    const auto convert = [&](const std::string& size) {
      return w.ckpt({"convert", "d.h5", index, "--max-shard-size", size, "--overwrite", "-r",
                     size == "20KB" ? "conv1/=a/" : "conv1/=b/"});
    };
    const auto files = [&] {
      std::set<std::string> names;
      for (const auto& item : std::filesystem::directory_iterator(w.dir.path())) {
        const std::string name = item.path().filename();
        if (name.starts_with("s")) names.insert(name);
      }
      return names;
    };
    CHECK(convert("20KB").status == 0);
    const auto of_three = files();
    CHECK(of_three.size() == 4);
    CHECK(convert("30KB").status == 0);  // fewer files than before
    CHECK(files().size() == 3);
    CHECK(w.ckpt({"ls", index + ":b"}).status == 0);
    CHECK(convert("20KB").status == 0);  // more
    CHECK(files() == of_three);
    CHECK(w.ckpt({"ls", index + ":a"}).status == 0);
    CHECK(w.ckpt({"doctor", index}).status == 0);
    // A remap to a set that is there; shards without an index are replaced as well.
    const std::vector<std::string> remap{
        "remap", index, "t.safetensors.index.json", "-r", "a.=c.", "--overwrite", "--no-receipt"};
    CHECK(w.ckpt(remap).status == 0);
    CHECK(w.ckpt(remap).status == 0);
    std::filesystem::remove(w.dir / "t.safetensors.index.json");
    CHECK(w.ckpt(remap).status == 0);
    CHECK(w.ckpt({"ls", "t.safetensors.index.json:c"}).status == 0);
    // A set may take its own place.
    CHECK(w.ckpt({"convert", index, index, "-r", "a.=d.", "--overwrite"}).status == 0);
    CHECK(w.ckpt({"ls", index + ":d"}).status == 0);
    CHECK(files().size() == 2);
  }

  TEST_CASE("a shard that lies without its index is not replaced unasked") {
    const Workplace w;
    const std::string index = "s.safetensors.index.json";
    const std::string shard = "s-00002-of-00003.safetensors";
    write_file(w.dir / shard, "weeks of training");
    REQUIRE(w.ckpt({"convert", "d.h5", "t.safetensors.index.json", "--max-shard-size", "20KB"})
                .status == 0);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"convert", "d.h5", index, "--max-shard-size", "20KB"},
          {"remap", "t.safetensors.index.json", index, "-r", "conv1.=stem."}}) {
      CAPTURE(command[0]);
      const auto refused = w.ckpt(command);
      CHECK(refused.status == 5);
      CHECK(refused.err == cat("ckpt: ", index, ": ", shard,
                               ": exists already, and no index beside it: an interrupted run has "
                               "left it, or it has lost its index; remove it, give another name, "
                               "or replace it with --overwrite\n"));
      CHECK(read_file(w.dir / shard) == "weeks of training");
      CHECK_FALSE(std::filesystem::exists(w.dir / index));
      CHECK_FALSE(std::filesystem::exists(w.dir / "s-00001-of-00003.safetensors"));
    }
  }

  TEST_CASE("of two programs that make several files of one name, the first to be done has it") {
    const Workplace w;
    for (const auto& [id, file] : {std::pair<std::string, std::string>{"tf", "s.index"},
                                   {"safetensors-index", "s.safetensors.index.json"}}) {
      const auto first = create_checkpoint(w.dir / file, {{.name = "a", .shape = {1}}}, {}, id);
      CHECK(w.ckpt({"convert", "d.h5", file}).status == 0);
      first->write(0, Bytes(4));
      const std::string late = error_of([&] { first->commit(); });
      CHECK(late.ends_with("came into being while it was written; give another name"));
      CHECK(w.ckpt({"doctor", file}).status == 0);
    }
  }

  TEST_CASE("what the name does not tell is asked for") {
    const Workplace w;
    const auto result = w.ckpt({"convert", "d.h5", "out.xyz"});
    CHECK(result.status == 2);
    CHECK(result.err ==
          "ckpt: out.xyz: the name does not tell what kind of file is meant; --to tells it: hdf5, "
          "safetensors, safetensors-index, npz, tf, torch\n");
    CHECK(w.ckpt({"convert", "d.h5", "out", "--to", "safetensor"}).err ==
          "ckpt: --to safetensor: there is no such format; did you mean 'safetensors'?; there are "
          "hdf5, safetensors, safetensors-index, npz, tf, torch\n");
    CHECK(w.ckpt({"convert", "d.h5", "out", "--to", "tf"}).status == 0);
    CHECK(std::filesystem::exists(w.dir / "out.index"));
  }

  TEST_CASE("second names are written twice, what is no tensor is not lost in silence") {
    const Workplace w;
    run_python(
        "import h5py, sys\n"
        "f = h5py.File(sys.argv[1], 'w'); f['a'] = [1., 2.]; f['b'] = f['a']; f['s'] = 'x'",
        {w.dir / "t.h5"});
    const auto refused = w.ckpt({"convert", "t.h5", "t.npz"});
    CHECK(refused.status == 3);
    CHECK(
        refused.err ==
        "ckpt: note: 1 second name is written as a tensor of its own: 'b'\n"
        "ckpt: t.h5: 's': holds no plain numbers but 'variable-length string', which no other kind "
        "of file takes; drop with rules ('NAME = -'), or all of them with --tensors-only\n");
    CHECK(!std::filesystem::exists(w.dir / "t.npz"));
    const auto made = w.ckpt({"convert", "t.h5", "t.npz", "--tensors-only"});
    CHECK(made.status == 0);
    CHECK(made.err ==
          "ckpt: note: left out: 's': holds no plain numbers but 'variable-length string'\n"
          "ckpt: note: 1 second name is written as a tensor of its own: 'b'\n");
    CHECK(content_of(w.dir / "t.npz").size() == 2);
  }

  TEST_CASE("names that fall together are refused") {
    const Workplace w;
    run_python(
        "import numpy as np, sys\n"
        "np.savez(sys.argv[1], **{'a/b': np.zeros(2), 'a.b': np.ones(2)})",
        {w.dir / "t.npz"});
    const auto result = w.ckpt({"convert", "t.npz", "t.safetensors"});
    CHECK(result.status == 3);
    CHECK(result.err ==
          "ckpt: t.npz: 'a/b' and 'a.b' would both be called 'a.b'; a rule must give one of them "
          "another name\n");
  }

  TEST_CASE("what a file says of itself goes where it can be held, and is named where not") {
    const Workplace w;
    run_python(R"(
import h5py, sys
with h5py.File(sys.argv[1], 'a') as f:
  f.attrs['model_config'] = '{"class_name": "Sequential", "config": {"name": "n", "layers": []}}'
  f.attrs['author'] = '\u00e9' * 50000
  f.attrs['latin'] = b'caf\xe9'
)",
               {w.dir / "d.h5"});
    const std::string latin =
        "ckpt: note: not carried over, what the file says of itself: latin (it is no plain text)\n";
    const auto to_safetensors = w.ckpt({"convert", "d.h5", "a.safetensors"});
    CHECK(to_safetensors.err == latin);
    REQUIRE(to_safetensors.status == 0);
    const auto back = w.ckpt({"convert", "a.safetensors", "b.h5"});
    CHECK(back.err == "");
    REQUIRE(back.status == 0);
    CHECK(run_python("import h5py, json, struct, sys\n"
                     "f = h5py.File(sys.argv[1], 'r').attrs\n"
                     "print(sorted(f), len(f['author']), f['model_config'])\n"
                     "s = open(sys.argv[2], 'rb').read()\n"
                     "m = json.loads(s[8:8 + struct.unpack('<Q', s[:8])[0]])['__metadata__']\n"
                     "print(sorted(m), m['author'] == f['author'])\n",
                     {w.dir / "b.h5", w.dir / "a.safetensors"}) ==
          "['author', 'ckpt_format', 'ckpt_version', 'model_config'] 50000 "
          "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"n\", \"layers\": []}}\n"
          "['author', 'model_config'] True\n");
    CHECK(w.ckpt({"convert", "d.h5", "c.safetensors", "-r", "conv1/=stem/"}).err ==
          "ckpt: note: not carried over, what the file says of itself: model_config (it has names "
          "that the rules change)\n" +
              latin);
    CHECK(w.ckpt({"convert", "a.safetensors", "d.npz"}).err ==
          "ckpt: note: not carried over, what the file says of itself: author, model_config\n");
  }

  TEST_CASE("numbers, lists and what is said of a variable stay behind, and are named") {
    const Workplace w;
    run_python(R"(
import h5py, numpy, sys
with h5py.File(sys.argv[1], 'w') as f:
  f.attrs.update({'author': 'me', 'step': 7, 'sizes': [1, 2], 'tags': ['a', 'b']})
  for i in range(2000):
    f['s/v%d' % i] = [1.]
    f['s/v%d' % i].attrs['trainable'] = True
  f['s/v7'].attrs['units'] = 'm'
  f['s'].attrs['trainable'] = False
  f['s'].attrs['author'] = 'me'
  f['t/vars/0'] = [1.]
  f['t/vars'].attrs['name'] = 't'
  f['u/vars/0'] = [1.]
  f['u/vars'].attrs['name'] = 'dense_19'
  f['o'] = numpy.void(b'ab')
  f['o'].attrs['dtype'] = 'bfloat16'
with h5py.File(sys.argv[2], 'w') as f:
  f['w'] = [1.]
  for i in range(3000): f.attrs['a%d' % i] = i if i % 2 else 'text'
)",
               {w.dir / "t.h5", w.dir / "many.h5"});
    const auto converted = w.ckpt({"convert", "t.h5", "t.safetensors"});
    CHECK(converted.status == 0);
    CHECK(
        converted.err ==
        "ckpt: note: not carried over, what the file says of itself: sizes, step, tags, name of "
        "u/vars, trainable of 2,000 variables and 1 scope, units of s/v7 (it is no text about the "
        "whole file)\n");
    // The lists of names that Keras keeps are its variables' names.
    std::filesystem::copy(CKPT_FIXTURES "/keras/layers.h5", w.dir / "k.h5");
    CHECK(w.ckpt({"convert", "k.h5", "k.npz"}).err ==
          "ckpt: note: not carried over, what the file says of itself: backend, keras_version\n");
    // However many there are, it is a line.
    const auto many = w.ckpt({"convert", "many.h5", "many.npz"});
    CHECK(many.status == 0);
    CHECK(
        many.err ==
        "ckpt: note: not carried over, what the file says of itself: a0, a10, a100, a1000, a1002, "
        "a1004, a1006, a1008, a1010, a1012 and 1,490 more\n"
        "ckpt: note: not carried over, what the file says of itself: a1, a1001, a1003, a1005, "
        "a1007, a1009, a101, a1011, a1013, a1015 and 1,490 more (it is no text about the whole "
        "file)\n");
  }
}
