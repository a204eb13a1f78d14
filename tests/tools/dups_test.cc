#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/temp_dir.h"

namespace {

const std::string kFolder = CKPT_FIXTURES "/digits";

const char* const kReport =
    "digits_ghost.h5: 45 variables, found 1 strong\n"
    "\n"
    "strong ghost-twin: dense_2/, dense_3/\n"
    "  keep   dense/, dense_1/: it alone has optimizer slots\n"
    "  proof  dense_2/ repeats dense/: 2 variables of the same names, dtypes and shapes\n"
    "  proof  dense_3/ repeats dense_1/: 2 variables of the same names, dtypes and shapes\n"
    "  proof  sizes in and out differ, so the one cannot follow the other in a stack\n"
    "  proof  their bytes differ\n"
    "  proof  of the optimizer the first has used slots for 4 of 4 variables, the second none\n"
    "  proof  dense_2/kernel is within 0.9 % of Glorot, uniform, for [144, 16]; its twin is 1.64 "
    "times as wide\n"
    "  proof  dense_2/bias is all 0\n"
    "  proof  dense_3/kernel is within 1.9 % of Glorot, uniform, for [16, 16]; its twin is 1.18 "
    "times as wide\n"
    "  proof  dense_3/bias is all 0\n"
    "  proof  dense/bias is not constant\n"
    "  rule   dense_2/{_:path} = -\n"
    "  rule   dense_3/{_:path} = -\n"
    "  frees  10.1 KiB\n";

}  // namespace

TEST_SUITE("tools/dups") {
  TEST_CASE("the ghost of the digits net is found, word for word, with status 1") {
    const ProcessResult result = run_ckpt({"dups", "digits_ghost.h5"}, kFolder);
    CHECK(result.out == kReport);
    CHECK(result.err == "");
    CHECK(result.status == 1);
    CHECK(run_ckpt({"dups", "digits_ghost.h5", "--fail-on", "certain"}, kFolder).status == 0);
  }

  TEST_CASE("the clean digits net is left alone: dense and dense_1 are two layers") {
    const ProcessResult result = run_ckpt({"dups", "digits.h5", "--all"}, kFolder);
    CHECK(result.out == "digits.h5: 41 variables, nothing found that should not be there\n");
    CHECK(result.status == 0);
  }

  TEST_CASE("--fix writes a map of the sure rules, and never over a file unasked") {
    const TempDir dir;
    const std::string map = dir / "fix.json";
    const ProcessResult first = run_ckpt({"dups", "digits_ghost.h5", "--fix", map}, kFolder);
    CHECK(first.err == "ckpt: " + map + ": 2 rules written\n");
    CHECK(first.status == 1);
    CHECK(read_file(map) ==
          "{\n  \"schema\": \"ckpt/map/1\",\n  \"rules\": [\n    \"dense_2/{_:path} = -\",\n"
          "    \"dense_3/{_:path} = -\"\n  ]\n}\n");
    const ProcessResult again = run_ckpt({"dups", "digits_ghost.h5", "--fix", map}, kFolder);
    CHECK(again.err ==
          "ckpt: " + map + ": exists already; give another name, or replace it with --overwrite\n");
    CHECK(again.status == 5);
    CHECK(run_ckpt({"dups", "digits.h5", "--fix", map, "--overwrite"}, kFolder).err ==
          "ckpt: " + map + ": 0 rules written; there is nothing to mend\n");
  }

  TEST_CASE("--json has the keys that scripts rely on, in their order") {
    const ProcessResult result = run_ckpt({"dups", "digits_ghost.h5", "--json"}, kFolder);
    CHECK(result.status == 1);
    const auto json = nlohmann::ordered_json::parse(result.out);
    std::string keys;
    for (const auto& item : json.items()) keys += item.key() + " ";
    CHECK(keys == "schema tool inputs findings totals notes ");
    CHECK(json["schema"] == "ckpt/dups/1");
    CHECK(json["inputs"][0]["path"] == "digits_ghost.h5");
    const auto& finding = json["findings"][0];
    keys.clear();
    for (const auto& item : finding.items()) keys += item.key() + " ";
    CHECK(keys == "code confidence members keep why evidence fix rules nbytes ");
    CHECK(finding["code"] == "ghost-twin");
    CHECK(finding["members"][3] ==
          nlohmann::ordered_json{{"input", 0}, {"name", "dense_3/"}, {"path", {"dense_3"}}});
    CHECK(finding["keep"] == nlohmann::ordered_json{"dense/", "dense_1/"});
    CHECK(finding["fix"] == "offered");
    CHECK(json["totals"]["strong"] == 1);
    CHECK(json["totals"]["variables"] == 45);
  }

  TEST_CASE("--junit has a test case for each code, as another program's XML parser sees it") {
    const TempDir dir;
    const ProcessResult result = run_ckpt({"dups", "digits_ghost.h5", "--junit"}, kFolder);
    CHECK(result.status == 1);
    write_file(dir / "dups.xml", result.out);
    CHECK(run_python("import sys, xml.etree.ElementTree as t\n"
                     "s = t.parse(sys.argv[1]).getroot()[0]\n"
                     "print(s.get('tests'), s.get('failures'), len(s))\n"
                     "print([c.get('name') for c in s if len(c)], s[0][0].get('message'))\n",
                     {dir / "dups.xml"}) ==
          "15 1 15\n['ghost-twin'] 1 finding, the first strong: dense/, dense_1/, dense_2/, "
          "dense_3/\n");
  }

  TEST_CASE(
      "--only chooses, --explain explains, and a misspelt code is answered with the nearest") {
    CHECK(run_ckpt({"dups", "digits_ghost.h5", "--only", "tied"}, kFolder).status == 0);
    const ProcessResult help = run_ckpt({"dups", "--explain", "ghost-twin"});
    CHECK(help.status == 0);
    CHECK(help.out.starts_with("ghost-twin: a second set of variables that was never trained\n"));
    const ProcessResult typo = run_ckpt({"dups", "--explain", "ghost-twim"});
    CHECK(typo.status == 2);
    CHECK(typo.err == "ckpt: no code 'ghost-twim'; did you mean 'ghost-twin'?\n");
    const ProcessResult none = run_ckpt({"dups"});
    CHECK(none.status == 2);
    CHECK(none.err == "ckpt: FILE is required; see `ckpt dups --help`\n");
  }

  TEST_CASE("--across tells what two files have in common, whole scopes at once") {
    const ProcessResult result =
        run_ckpt({"dups", "--across", "digits.h5", "digits_ghost.h5"}, kFolder);
    CHECK(result.status == 1);
    CHECK(result.out.find("certain exact-copy: digits.h5:conv2/, digits_ghost.h5:conv2/\n") !=
          std::string::npos);
    CHECK(result.out.find("  rule") == std::string::npos);
    const ProcessResult one = run_ckpt({"dups", "--across", "digits.h5"}, kFolder);
    CHECK(one.err == "ckpt: --across needs two files or more\n");
    CHECK(one.status == 2);
  }

  TEST_CASE("compressed and big-endian copies are equal where their values' bytes are") {
    const TempDir dir;
    run_python(
        "import sys, h5py, numpy as np\n"
        "f = h5py.File(sys.argv[1], 'w')\n"
        "v = np.random.Generator(np.random.PCG64(1)).standard_normal((300, 700)).astype('f4')\n"
        "f.create_dataset('net/kernel', data=v)\n"
        "f.create_dataset('net_1/kernel', data=v, chunks=(64, 64), compression='gzip')\n"
        "f.create_dataset('net_2/kernel', data=v.astype('>f4'))\n"
        "f.create_dataset('net_3/kernel', data=v[::-1], chunks=(64, 64), compression='gzip')\n",
        {dir / "f.h5"});
    const ProcessResult result = run_ckpt({"dups", "f.h5"}, dir.path());
    CHECK(result.out.find("certain exact-copy: net_1/, net_2/\n  keep   net/: its name is the "
                          "plainer one\n") != std::string::npos);
    CHECK(result.status == 1);
  }

  TEST_CASE("a digest proposes, bytes decide: tensors that claim one digest may still differ") {
    for (const int count : {2, 3}) {
      const TempDir dir;
      run_python(
          "import sys, h5py, numpy as np\n"
          "f = h5py.File(sys.argv[1], 'w')\n"
          "f.attrs['ckpt_format'] = np.bytes_('native'); f.attrs['ckpt_version'] = np.int64(1)\n"
          "for i in range(int(sys.argv[2])):\n"
          "    v = np.random.Generator(np.random.PCG64(1)).standard_normal((512, 512))\n"
          "    v[511, 511] += i\n"
          "    d = f.create_dataset(f'net_{i}/kernel', data=v.astype('f4'))\n"
          "    d.attrs['xxh3_128'] = np.bytes_('ab' * 16)\n",
          {dir / "f.h5", std::to_string(count)});
      const ProcessResult result = run_ckpt({"dups", "f.h5", "--all"}, dir.path());
      CHECK(result.out.find("certain") == std::string::npos);
      CHECK(result.status == 0);
    }
  }

  TEST_CASE("a terminal sees how far a long search is, and nothing of it once it is done") {
    const TempDir dir;
    // Two times 1.5 GiB that decode to one chunk over and over: little to write, much to compare.
    run_python(
        "import sys, h5py, numpy as np, zlib\n"
        "f = h5py.File(sys.argv[1], 'w')\n"
        "v = np.random.Generator(np.random.PCG64(1)).standard_normal(1 << 10).astype('f4')\n"
        "chunk = zlib.compress(np.tile(v, 1 << 10).tobytes())\n"
        "for name in ('net', 'net_1'):\n"
        "    d = f.create_dataset(name + '/kernel', (384 << 10, 1 << 10), 'f4',\n"
        "                         chunks=(1 << 10, 1 << 10), compression='gzip')\n"
        "    for i in range(384): d.id.write_direct_chunk((i << 10, 0), chunk)\n",
        {dir / "f.h5"});
    const ProcessResult seen =
        run({"script", "-qec", "'" CKPT_TOOL "' dups f.h5", "/dev/null"}, dir.path());
    const auto drawn = seen.out.find("\r\x1b[Kf.h5: comparing [");
    const auto report = seen.out.find("\r\x1b[Kf.h5: 2 variables, found 1 certain");
    CHECK(drawn != std::string::npos);
    CHECK(seen.out.find(" of 6.0 GiB") != std::string::npos);
    REQUIRE(report != std::string::npos);
    CHECK(drawn < report);
    CHECK(seen.out.find("comparing", report) == std::string::npos);
  }

  TEST_CASE("stored digests spare the reading of what they tell apart, and --deep checks them") {
    const TempDir dir;
    // Three equal megabytes; the third claims another digest.
    run_python(
        "import sys, h5py, numpy as np\n"
        "f = h5py.File(sys.argv[1], 'w')\n"
        "f.attrs['ckpt_format'] = np.bytes_('native'); f.attrs['ckpt_version'] = np.int64(1)\n"
        "v = np.random.Generator(np.random.PCG64(1)).standard_normal((512, 512)).astype('f4')\n"
        "for name, digest in (('a', 'ab' * 16), ('b', 'ab' * 16), ('c', 'cd' * 16)):\n"
        "    d = f.create_dataset(name + '/kernel', data=v)\n"
        "    d.attrs['xxh3_128'] = np.bytes_(digest)\n",
        {dir / "f.h5"});
    const ProcessResult quick = run_ckpt({"dups", "f.h5"}, dir.path());
    CHECK(quick.out.find("certain tied: b/kernel\n  keep   a/kernel") != std::string::npos);
    CHECK(quick.out.find("c/kernel") == std::string::npos);
    CHECK(quick.err == "");
    const ProcessResult deep = run_ckpt({"dups", "f.h5", "--deep"}, dir.path());
    CHECK(deep.err.find("a/kernel: its attribute xxh3_128 says abababababababababababababababab, "
                        "its bytes have ") != std::string::npos);
  }

  TEST_CASE("where there is nothing to mend the map is empty, and remap goes on with it") {
    const TempDir dir;
    const std::string map = dir / "fix.json";
    CHECK(run_ckpt({"dups", "digits.h5", "--fix", map}, kFolder).err ==
          "ckpt: " + map + ": 0 rules written; there is nothing to mend\n");
    const ProcessResult remap =
        run_ckpt({"remap", "digits.h5", dir / "clean.h5", "-m", map}, kFolder);
    CHECK(remap.status == 0);
    CHECK(remap.err == "ckpt: note: " + map + " has no rules, so every name stays as it is\n");
    CHECK(run_ckpt({"diff", "digits.h5", dir / "clean.h5"}, kFolder).status == 0);
    const ProcessResult dropping =
        run_ckpt({"remap", "digits.h5", dir / "x.h5", "-m", map, "--rest", "drop"}, kFolder);
    CHECK(dropping.status == 2);
    CHECK(dropping.err == "ckpt: no rules; give some with -r 'SOURCE = TARGET' or -m MAP\n");
  }

  TEST_CASE("a bundle without its data is searched by its names, and that is no answer") {
    const TempDir dir;
    const std::string bundle = dir / "m.index";
    REQUIRE(run_ckpt({"convert", "digits.h5", bundle}, kFolder).status == 0);
    std::filesystem::remove(dir / "m.data-00000-of-00001");
    const ProcessResult result = run_ckpt({"dups", "m.index"}, dir.path());
    CHECK(result.status == 1);
    CHECK(result.out ==
          "m.index: 41 variables, nothing found by names alone; the values of 3 variables that "
          "could be copies cannot be read, so that copies may have been missed\n");
    CHECK(result.err.starts_with(
        "ckpt: m.index: note: the data shard m.data-00000-of-00001 is not there; what lies in it "
        "is "
        "listed, but cannot be read\n"
        "ckpt: m.index: note: conv2/bias: its data shard m.data-00000-of-00001 is not there\n"));
    const ProcessResult json = run_ckpt({"dups", "m.index", "--json"}, dir.path());
    CHECK(json.status == 1);
    CHECK(json.out.find("\"compared\": 3, \"unread\": 3,") != std::string::npos);
  }
}
