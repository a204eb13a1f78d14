#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/text.h"
#include "support/workplace.h"

namespace {

// Every dataset of two files by h5py, names mapped by a Python function of `name`.
std::string compare(const std::string& a, const std::string& b, const std::string& to_name) {
  return run_python(
      "import h5py,sys\n"
      "def all(f):\n"
      "  d={}\n"
      "  f.visititems(lambda n,o: d.__setitem__(n,o[()].tobytes()) if isinstance(o,h5py.Dataset) "
      "else None)\n"
      "  return d\n"
      "a=all(h5py.File(sys.argv[1],'r')); b=all(h5py.File(sys.argv[2],'r'))\n"
      "print({(lambda name: " +
          to_name + ")(k):v for k,v in a.items()}==b)\n",
      {a, b});
}

}  // namespace

TEST_SUITE("tools/remap") {
  TEST_CASE("a scope moves to a new file: the input is untouched, every byte is there") {
    const Workplace w;
    const std::string before = read_file(w.dir / "d.h5");
    const auto result = w.ckpt({"remap", "d.h5", "out.h5", "-r", "conv1/=stem/"});
    CHECK(result.status == 0);
    CHECK(result.err == "");
    CHECK(
        result.out.starts_with("- conv1/\n"
                               "+ stem/   14 variables   rule 1 (conv1/ = stem/)\n"
                               "done: 14 renamed, 27 kept; out.h5: "));
    CHECK(result.out.ends_with("receipt: out.h5.ckpt-receipt.json\n"));
    CHECK(read_file(w.dir / "d.h5") == before);
    CHECK(compare(w.dir / "d.h5", w.dir / "out.h5",
                  "name.replace('conv1/','stem/') if name.startswith('conv1/') else name") ==
          "True\n");
    CHECK(w.files() == std::vector<std::string>{"d.h5", "out.h5", "out.h5.ckpt-receipt.json"});
  }

  TEST_CASE("in place and back: undo gives every byte, and marks its receipt") {
    const Workplace w;
    const std::string before = read_file(w.dir / "d.h5");
    CHECK(w.ckpt({"remap", "-i", "d.h5", "-r", "conv1/=stem/"}).status == 0);
    CHECK(w.ckpt({"remap", "-i", "d.h5", "-r", "dense_{i:int}/ = fc{i}/"}).status == 0);
    CHECK(read_file(w.dir / "d.h5") != before);
    CHECK(w.files() ==
          std::vector<std::string>{"d.h5", "d.h5.ckpt-receipt-2.json", "d.h5.ckpt-receipt-2.undo",
                                   "d.h5.ckpt-receipt.json", "d.h5.ckpt-receipt.undo"});
    CHECK(w.ckpt({"undo", "d.h5"}).out ==
          "d.h5: is as it was before 6 names changed, by d.h5.ckpt-receipt-2.json\n");
    CHECK(w.ckpt({"undo", "d.h5"}).out ==
          "d.h5: is as it was before 14 names changed, by d.h5.ckpt-receipt.json\n");
    CHECK(read_file(w.dir / "d.h5") == before);
    const auto again = w.ckpt({"undo", "d.h5"});
    CHECK(again.status == 0);
    CHECK(again.out ==
          "d.h5: is as it was before d.h5.ckpt-receipt.json already; nothing to undo\n");
    CHECK(w.ckpt({"undo", "d.h5", "--list"}).out ==
          "d.h5.ckpt-receipt-2.json: undone\nd.h5.ckpt-receipt.json: undone\n");
    // Numbers are not given twice, as long as one of them is there.
    CHECK(w.ckpt({"remap", "-i", "d.h5", "-r", "conv2/=root/"}).status == 0);
    CHECK(w.ckpt({"undo", "d.h5", "--forget"}).out ==
          "d.h5.ckpt-receipt-2.json: removed\nd.h5.ckpt-receipt.json: removed\n");
    CHECK(w.files() ==
          std::vector<std::string>{"d.h5", "d.h5.ckpt-receipt-3.json", "d.h5.ckpt-receipt-3.undo"});
    CHECK(w.ckpt({"undo", "d.h5"}).status == 0);
    CHECK(read_file(w.dir / "d.h5") == before);
    CHECK(w.ckpt({"undo", "d.h5", "--forget", "all"}).status == 0);
    CHECK(w.files() == std::vector<std::string>{"d.h5"});
    const auto none = w.ckpt({"undo", "d.h5"});
    CHECK(none.status == 2);
    CHECK(none.err == "ckpt: d.h5: there is no receipt beside it (d.h5.ckpt-receipt.json)\n");
  }

  TEST_CASE("undo refuses a file that was changed since") {
    const Workplace w;
    CHECK(w.ckpt({"remap", "-i", "d.h5", "-r", "conv1/=stem/"}).status == 0);
    std::string bytes = read_file(w.dir / "d.h5");
    bytes += "x";
    write_file(w.dir / "d.h5", bytes);
    CHECK(w.ckpt({"undo", "d.h5"}).status != 0);
    CHECK(read_file(w.dir / "d.h5") == bytes);
  }

  TEST_CASE("a dry run prints the plan and writes nothing") {
    const Workplace w;
    const auto result = w.ckpt({"remap", "d.h5", "out.h5", "-n", "-r", "conv1/=stem/"});
    CHECK(result.status == 0);
    CHECK(result.out ==
          "- conv1/\n"
          "+ stem/   14 variables   rule 1 (conv1/ = stem/)\n"
          "plan: 14 renamed, 27 kept; 1 operation on the file\n");
    CHECK(w.files() == std::vector<std::string>{"d.h5"});
  }

  TEST_CASE("a second run of a migration is already done, status 0") {
    const Workplace w;
    CHECK(w.ckpt({"remap", "-i", "d.h5", "-r", "conv1/=stem/", "--no-receipt"}).status == 0);
    const std::string once = read_file(w.dir / "d.h5");
    const auto result = w.ckpt({"remap", "-i", "d.h5", "-r", "conv1/=stem/"});
    CHECK(result.status == 0);
    CHECK(result.out ==
          "already migrated: no rule matches, and every target is there; nothing to do\n");
    CHECK(read_file(w.dir / "d.h5") == once);
    CHECK(w.files() == std::vector<std::string>{"d.h5"});
  }

  TEST_CASE("every collision is listed, status 3, nothing written") {
    const Workplace w;
    const auto result = w.ckpt({"remap", "d.h5", "out.h5", "-r", "dense/bias = logits/bias"});
    CHECK(result.status == 3);
    CHECK(result.out == "");
    CHECK(result.err.find("ckpt: d.h5: 'logits/bias' stays where it is, so that 'dense/bias' "
                          "(rule 1) cannot take its name; move or drop it as well\n") !=
          std::string::npos);
    CHECK(w.files() == std::vector<std::string>{"d.h5"});
    const auto unused = w.ckpt({"remap", "d.h5", "out.h5", "-r", "conv3/=x/"});
    CHECK(unused.status == 3);
    CHECK(unused.err ==
          "ckpt: d.h5: rule 1 (conv3/ = x/) matches nothing; did you mean 'conv1/' or 'conv2/'?\n");
  }

  TEST_CASE("a syntax error points at its column, status 2") {
    const Workplace w;
    const auto result = w.ckpt({"remap", "d.h5", "out.h5", "-r", "a/{b=c"});
    CHECK(result.status == 2);
    CHECK(result.err ==
          "ckpt: rule 1: column 5: expected '}'; write \\{ for a brace in a name\n"
          "  a/{b=c\n"
          "      ^\n");
  }

  TEST_CASE("an existing output is kept without --overwrite, status 5") {
    const Workplace w;
    write_file(w.dir / "out.h5", "mine");
    const auto result = w.ckpt({"remap", "d.h5", "out.h5", "-r", "conv1/=stem/"});
    CHECK(result.status == 5);
    CHECK(result.err ==
          "ckpt: out.h5: exists already; give another name, or replace it with --overwrite\n");
    CHECK(read_file(w.dir / "out.h5") == "mine");
    CHECK(w.files() == std::vector<std::string>{"d.h5", "out.h5"});
  }

  TEST_CASE("swapped scopes, operations on values, and the way back by the receipt") {
    const Workplace w;
    CHECK(w.ckpt({"remap", "d.h5", "out.h5", "-r", "conv1/=conv2/", "-r", "conv2/=conv1/", "-r",
                  "dense/kernel = dense/w | permute(1,0)"})
              .status == 0);
    CHECK(run_python("import h5py,sys,numpy as np\n"
                     "a=h5py.File(sys.argv[1],'r'); b=h5py.File(sys.argv[2],'r')\n"
                     "print(np.array_equal(a['dense/kernel:0'][()].T,b['dense/w:0'][()]),"
                     "np.array_equal(a['dense/kernel/Adam'][()].T,b['dense/w/Adam'][()]),"
                     "np.array_equal(a['conv1/bias:0'][()],b['conv2/bias:0'][()]))",
                     {w.dir / "d.h5", w.dir / "out.h5"}) == "True True True\n");
    CHECK(w.ckpt({"remap", "out.h5", "back.h5", "--invert", "-m", "out.h5.ckpt-receipt.json"})
              .status == 0);
    CHECK(compare(w.dir / "d.h5", w.dir / "back.h5", "name") == "True\n");
  }

  TEST_CASE("dropped slots give their room back when asked") {
    const Workplace w;
    const auto result = w.ckpt({"remap", "d.h5", "out.h5", "--repack", "-r", "{p:path}/Adam = -",
                                "-r", "{p:path}/Adam_1 = -", "-r", "beta{_:int}_power = -"});
    CHECK(result.status == 0);
    CHECK(std::filesystem::file_size(w.dir / "out.h5") < 32000);
    CHECK(w.ckpt({"ls", "out.h5"}).out.find("total: 15 variables, 4,043 parameters, 15.8 KiB\n") !=
          std::string::npos);
  }

  TEST_CASE("JSON has the keys that scripts rely on") {
    const Workplace w;
    const auto parsed = nlohmann::json::parse(
        w.ckpt({"remap", "d.h5", "out.h5", "-n", "--json", "-r", "logits/=head/"}).out);
    CHECK(parsed["schema"] == "ckpt/remap/1");
    CHECK(parsed["moves"].size() == 6);
    CHECK(parsed["moves"][0]["from"] == "logits/bias/Adam");
    CHECK(parsed["moves"][0]["to"] == "head/bias/Adam");
    CHECK(parsed["moves"][0]["rule"] == 0);
    CHECK(parsed["problems"].empty());
    CHECK(parsed["operations"].dump() == R"([{"operation":"move","place":"logits","to":"head"}])");
    CHECK(parsed["receipt"].is_null());
  }

  TEST_CASE("an outcome that is not the reference's is refused before a byte is written") {
    const Workplace w;
    const auto result =
        w.ckpt({"remap", "d.h5", "out.h5", "-r", "logits/=head/", "--expect", "d.h5"});
    CHECK(result.status == 1);
    CHECK(result.err ==
          "ckpt: head/bias: is not in the reference\n"
          "ckpt: head/kernel: is not in the reference\n"
          "ckpt: logits/bias: is in the reference and would be missing\n"
          "ckpt: logits/kernel: is in the reference and would be missing\n");
    CHECK(w.files() == std::vector<std::string>{"d.h5"});
  }
}

TEST_SUITE("tools/map") {
  TEST_CASE("a map is checked, explained and inverted") {
    const Workplace w;
    write_file(
        w.dir / "map.json",
        R"({"schema": "ckpt/map/1", "rules": ["conv{i:int}/ = block{i}/", "logits/ = head/"]})");
    CHECK(w.ckpt({"map", "check", "map.json", "d.h5"}).out == "2 rules, no fault found\n");
    const auto explained = w.ckpt({"map", "explain", "map.json", "d.h5"}).out;
    CHECK(explained.find("conv2/kernel   rule 1 (conv{i:int}/ = block{i}/)\n") !=
          std::string::npos);
    CHECK(explained.find("global_step   no rule\n") != std::string::npos);
    const auto inverse = w.ckpt({"map", "invert", "map.json", "d.h5"});
    CHECK(inverse.status == 0);
    CHECK(nlohmann::json::parse(inverse.out)["rules"].size() == 2);
    write_file(w.dir / "back.json", inverse.out);
    CHECK(w.ckpt({"remap", "d.h5", "out.h5", "-m", "map.json"}).status == 0);
    CHECK(w.ckpt({"remap", "out.h5", "back.h5", "-m", "back.json"}).status == 0);
    CHECK(compare(w.dir / "d.h5", w.dir / "back.h5", "name") == "True\n");
  }

  TEST_CASE("what cannot be inverted is named, status 3") {
    const Workplace w;
    write_file(w.dir / "map.json", R"({"schema": "ckpt/map/1", "rules": ["conv1/ = -"]})");
    const auto result = w.ckpt({"map", "invert", "map.json"});
    CHECK(result.status == 3);
    CHECK(result.err.find("rule 1 (conv1/ = -) cannot be inverted: ") != std::string::npos);
  }
}

TEST_SUITE("tools/remap_formats") {
  TEST_CASE("scopes move in every kind of file that is edited, and undo takes it back") {
    const Workplace w;
    for (const std::string name : {"d.safetensors", "d.npz", "d.index", "d.pt"}) {
      CAPTURE(name);
      REQUIRE(w.ckpt({"convert", "d.h5", name}).status == 0);
      const bool has_dots = name == "d.safetensors" || name == "d.pt";
      const std::string rule = has_dots ? "conv1.=stem." : "conv1/=stem/";
      const std::string before = read_file(w.dir / name);
      const auto result = w.ckpt({"remap", "-i", name, "-r", rule});
      CHECK(result.status == 0);
      CHECK(result.err == "");
      CHECK(result.out.starts_with(has_dots ? "- conv1.\n+ stem.   14 variables   rule 1"
                                            : "- conv1/\n+ stem/   14 variables   rule 1"));
      CHECK(result.out.find(ckpt::cat("done: 14 renamed, 27 kept; ", name, ", in place: ")) !=
            std::string::npos);
      CHECK(result.out.ends_with(ckpt::cat("receipt: ", name, ".ckpt-receipt.json (`ckpt undo ",
                                           name, "` takes it back)\n")));
      CHECK(w.ckpt({"remap", "-i", name, "-r", rule}).out ==
            "already migrated: no rule matches, and every target is there; nothing to do\n");
      CHECK(w.ckpt({"undo", name}).out == ckpt::cat(name,
                                                    ": is as it was before 14 names changed, by ",
                                                    name, ".ckpt-receipt.json\n"));
      CHECK(read_file(w.dir / name) == before);
    }
  }

  TEST_CASE("a shard that an interrupted remap of a bundle has left is no riddle") {
    const Workplace w;
    REQUIRE(w.ckpt({"convert", "d.h5", "d.index"}).status == 0);
    const std::vector<std::string> command{"remap", "d.index", "new.index", "-r", "conv1/=stem/"};
    const std::string shard = w.dir / "new.data-00000-of-00001";
    // Another file may be all that is left of a checkpoint.
    write_file(shard, "weeks of training");
    const auto refused = w.ckpt(command);
    CHECK(refused.status == 5);
    CHECK(refused.err ==
          "ckpt: new.index: new.data-00000-of-00001: exists already, and no index beside it: an "
          "interrupted run has left it, or it has lost its index; remove it, give another name, or "
          "replace it with --overwrite\n");
    CHECK(read_file(shard) == "weeks of training");
    CHECK_FALSE(std::filesystem::exists(w.dir / "new.index"));
    std::vector<std::string> asked = command;
    asked.emplace_back("--overwrite");
    CHECK(w.ckpt(asked).status == 0);
    CHECK(w.ckpt({"doctor", "new.index"}).status == 0);
  }

  TEST_CASE("a bundle takes the place of another one, whose shards go away with it") {
    const Workplace w;
    REQUIRE(w.ckpt({"convert", "d.h5", "d.index"}).status == 0);
    REQUIRE(w.ckpt({"convert", "d.h5", "out.index", "-r", "conv1/=old/"}).status == 0);
    const auto files = [&] {
      std::set<std::string> names;
      for (const auto& item : std::filesystem::directory_iterator(w.dir.path())) {
        const std::string name = item.path().filename();
        if (name.starts_with("out")) names.insert(name);
      }
      return names;
    };
    const auto of_one = files();
    const auto remap = [&](const std::string& to) {
      return w.ckpt(
          {"remap", "d.index", "out.index", "-r", "conv1/=" + to, "--no-receipt", "--overwrite"});
    };
    const std::string bytes = read_file(w.dir / "d.data-00000-of-00001");
    CHECK(remap("a/").status == 0);
    CHECK(files() ==
          std::set<std::string>{"out.data-00000-of-00002", "out.data-00001-of-00002", "out.index"});
    CHECK(read_file(w.dir / "out.data-00000-of-00002") == bytes);
    CHECK(read_file(w.dir / "out.data-00001-of-00002") == "");
    CHECK(w.ckpt({"doctor", "out.index"}).status == 0);
    CHECK(remap("b/").status == 0);  // and back
    CHECK(files() == of_one);
    CHECK(w.ckpt({"ls", "out.index:b"}).status == 0);
    // A bundle that cannot be read may speak of any shard.
    write_file(w.dir / "out.index", "something else");
    CHECK(remap("c/").status == 0);
    CHECK(read_file(w.dir / "out.data-00000-of-00001") == bytes);
    CHECK(w.ckpt({"ls", "out.index:c"}).status == 0);
    // By a link to another's index that one would be replaced, without its shards.
    std::filesystem::remove(w.dir / "out.index");
    std::filesystem::create_symlink("d.index", w.dir / "out.index");
    const auto refused = remap("d/");
    CHECK(refused.status == 5);
    CHECK(refused.err ==
          "ckpt: out.index: is a symbolic link: what it leads to would be replaced, and the files "
          "that belong to it would not; give that one's own name, or another\n");
    CHECK(w.ckpt({"ls", "d.index:conv1"}).status == 0);
  }

  TEST_CASE("a set of safetensors files becomes a new one, its index with it") {
    const Workplace w;
    REQUIRE(w.ckpt({"convert", "d.h5", "a.safetensors.index.json", "--max-shard-size", "20KB"})
                .status == 0);
    const std::vector<std::string> rules{"-r", "conv1.=stem.", "-r",
                                         "dense.bias + conv2.bias = both | concat(0)",
                                         "--no-companions"};
    std::vector<std::string> command{"remap", "a.safetensors.index.json",
                                     "b.safetensors.index.json"};
    command.insert(command.end(), rules.begin(), rules.end());
    const auto made = w.ckpt(command);
    CHECK(made.err == "");
    REQUIRE(made.status == 0);
    command[1] = "d.h5";
    command[2] = "e.h5";
    for (std::string& word : command) std::replace(word.begin(), word.end(), '.', '/');
    command[1] = "d.h5";
    command[2] = "e.h5";
    REQUIRE(w.ckpt(command).status == 0);
    CHECK(w.ckpt({"diff", "e.h5", "b.safetensors.index.json"}).out ==
          "e.h5 and b.safetensors.index.json: the same, 40 variables\n");
    const std::string index = read_file(w.dir / "a.safetensors.index.json");
    const auto in_place = w.ckpt({"remap", "-i", "a.safetensors.index.json", "-r", "conv1.=stem."});
    CHECK(in_place.err == "");
    CHECK(in_place.status == 0);
    CHECK(w.ckpt({"ls", "a.safetensors.index.json:stem"}).status == 0);
    CHECK(w.ckpt({"undo", "a.safetensors.index.json"}).status == 0);
    CHECK(read_file(w.dir / "a.safetensors.index.json") == index);
  }

  TEST_CASE("what a format cannot do is said with what it can") {
    const Workplace w;
    REQUIRE(w.ckpt({"convert", "d.h5", "d.npz"}).status == 0);
    const auto journal = w.ckpt({"remap", "-i", "d.npz", "--how", "journal", "-r", "conv1/=stem/"});
    CHECK(journal.status == 4);
    CHECK(journal.err ==
          "ckpt: d.npz: cannot be changed under a journal, since its parts must move; `--how "
          "replace` puts a changed copy in its place\n");
    REQUIRE(w.ckpt({"convert", "d.h5", "d.safetensors"}).status == 0);
    const auto grown = w.ckpt(
        {"remap", "-i", "d.safetensors", "--how", "journal", "-r", "conv1.=a_much_longer_scope."});
    CHECK(grown.status == 4);
    CHECK(grown.err.find("cannot be changed under a journal: the new header has ") !=
          std::string::npos);
  }
}
