#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/system.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace {

const std::string kDigits = CKPT_FIXTURES "/digits/digits.h5";

// One line on standard error, a status, and nothing on standard output.
void check_refused(const std::vector<std::string>& arguments, int status, const std::string& err) {
  const ProcessResult result = run_ckpt(arguments);
  INFO("ckpt ", arguments.at(0), " ", arguments.back());
  CHECK(result.err == "ckpt: " + err + "\n");
  CHECK(result.status == status);
  CHECK(result.out == "");
}

}  // namespace

TEST_SUITE("tools/cli") {
  TEST_CASE("help goes to standard output with the exit statuses, and so does the version") {
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"--help"}, {"ls", "--help"}, {"show", "-h"}}) {
      const ProcessResult result = run_ckpt(command);
      CHECK(result.status == 0);
      CHECK(result.err == "");
      CHECK(result.out.find("Exit status:\n  0  done, nothing to report\n") != std::string::npos);
    }
    CHECK(run_ckpt({"ls", "--help"}).out.find("Usage: ckpt ls [OPTIONS] [FILE...]") !=
          std::string::npos);
    CHECK(run_ckpt({"--version"}).out == "ckpt 0.1.0\n");
  }

  TEST_CASE("a file's name cannot write to the terminal what it likes") {
    check_refused({"ls", "a\x1b[31m\nb"}, 4, "a\\x1b[31m\\nb: no such file");
    check_refused({"recover", "a\x1b[31m\nb"}, 4, "a\\x1b[31m\\nb: no such file");
    const ProcessResult none = run_ckpt({"ls", kDigits, "--glob", "\x1b[31m"});
    CHECK(none.err.find('\x1b') == std::string::npos);
  }

  TEST_CASE("a misspelt command or option is answered with the nearest, status 2") {
    check_refused({"lss", "x.h5"}, 2, "no command 'lss'; did you mean 'ls'?");
    check_refused(
        {"frobnicate"}, 2,
        "no command 'frobnicate'; there are ls, show, dups, remap, verify, run, init, diff, "
        "convert, formats, map, undo, recover, doctor");
    check_refused({"ls", "--collaps", kDigits}, 2,
                  "The following argument was not expected: --collaps; did you mean '--collapse'? "
                  "See `ckpt ls --help`");
    check_refused({"ls"}, 2, "FILE is required, or --graph G; see `ckpt ls --help`");
    check_refused({"ls", "--json", "--tsv", kDigits}, 2,
                  "--json excludes --tsv; see `ckpt ls --help`");
  }

  TEST_CASE("a missing, empty, foreign or unreadable file is answered with one line, status 4") {
    const TempDir dir;
    check_refused({"ls", dir / "none.h5"}, 4, dir / "none.h5" + ": no such file");
    check_refused({"ls", dir.path()}, 4,
                  dir.path().string() + ": is a directory; a checkpoint file is needed");
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    check_refused({"ls", dir / "fifo"}, 4,
                  dir / "fifo" +
                      ": is a pipe or a device; a regular file is needed, since checkpoints are "
                      "read at random places");
    write_file(dir / "empty.h5", "");
    const ProcessResult empty = run_ckpt({"ls", dir / "empty.h5"});
    CHECK(empty.status == 4);
    CHECK(empty.out == "");
    CHECK(empty.err.starts_with("ckpt: " + dir / "empty.h5" + ": is empty; what can be read is "));
    write_file(dir / "cut.h5", read_file(kDigits).substr(0, 30000));
    check_refused({"ls", dir / "cut.h5"}, 4,
                  dir / "cut.h5" +
                      ": is truncated: it is 30000 bytes long, but its superblock says 66892 "
                      "(36892 are missing)");
  }

  TEST_CASE("a file that another program has open for writing is not read") {
    const TempDir dir;
    write_file(dir / "f.h5", read_file(kDigits));
    const ckpt::FileDescriptor writer(::open((dir / "f.h5").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::flock(writer.get(), LOCK_EX | LOCK_NB) == 0);
    check_refused({"ls", dir / "f.h5"}, 4,
                  dir / "f.h5" +
                      ": another program has it open for writing (it holds a lock); try again when "
                      "that program has closed it");
  }

  TEST_CASE("errors of one file do not stop the others, and the worst status is the answer") {
    const ProcessResult result = run_ckpt({"ls", "--depth", "1", "/none.h5", kDigits});
    CHECK(result.status == 4);
    CHECK(result.err == "ckpt: /none.h5: no such file\n");
    CHECK(result.out.find("total: 15 variables, 4,043 parameters") != std::string::npos);
  }

  TEST_CASE("a closed pipe ends quietly, a full device with a sentence") {
    const ProcessResult head = run({"sh", "-c",
                                    "for i in 1 2 3 4 5 6 7 8; do set -- \"$@\" \"$1\"; done; "
                                    "\"$0\" ls --json \"$@\" | head -n 1",
                                    CKPT_TOOL, kDigits});
    CHECK(head.err == "");
    CHECK(head.out == "{\n");
    const ProcessResult full = run({"sh", "-c", "\"$0\" ls \"$1\" >/dev/full", CKPT_TOOL, kDigits});
    CHECK(full.status == 5);
    CHECK(full.err == "ckpt: cannot write to standard output: No space left on device\n");
  }
}

TEST_SUITE("tools/ls") {
  TEST_CASE("the tree of the digits net, word for word") {
    const ProcessResult result = run_ckpt({"ls", "digits.h5"}, CKPT_FIXTURES "/digits");
    CHECK(result.status == 0);
    CHECK(result.err == "");
    CHECK(result.out ==
          "digits.h5: HDF5, native, 65.3 KiB\n"
          "conv1/                                        112    448 B\n"
          "  batch_normalization/                         32    128 B\n"
          "    beta                f32  [8]                8     32 B\n"
          "    gamma               f32  [8]                8     32 B\n"
          "    moving_mean         f32  [8]                8     32 B\n"
          "    moving_variance     f32  [8]                8     32 B\n"
          "  bias                  f32  [8]                8     32 B\n"
          "  kernel                f32  [3, 3, 1, 8]      72    288 B\n"
          "conv2/                                      1,168  4.6 KiB\n"
          "  bias                  f32  [16]              16     64 B\n"
          "  kernel                f32  [3, 3, 8, 16]  1,152  4.5 KiB\n"
          "dense/                                      2,320  9.1 KiB\n"
          "  bias                  f32  [16]              16     64 B\n"
          "  kernel                f32  [144, 16]      2,304  9.0 KiB\n"
          "dense_1/                                      272  1.1 KiB\n"
          "  bias                  f32  [16]              16     64 B\n"
          "  kernel                f32  [16, 16]         256  1.0 KiB\n"
          "global_step             i64  []                 1      8 B\n"
          "logits/                                       170    680 B\n"
          "  bias                  f32  [10]              10     40 B\n"
          "  kernel                f32  [16, 10]         160    640 B\n"
          "total: 15 variables, 4,043 parameters, 15.8 KiB\n"
          "optimizer slots: 26 variables, 8,054 parameters, 31.5 KiB (--slots shows them)\n");
  }

  TEST_CASE("a scope of a file, and a scope that is not there") {
    const ProcessResult result = run_ckpt({"ls", kDigits + ":dense"});
    CHECK(result.out.find("dense/ ") != std::string::npos);
    CHECK(result.out.find("dense_1") == std::string::npos);
    CHECK(result.out.find("total: 2 variables, 2,320 parameters") != std::string::npos);
    check_refused({"ls", kDigits + ":dens"}, 2,
                  kDigits +
                      ": no scope or variable 'dens' in it; did you mean 'dense', "
                      "'dense_1' or 'dense/bias'?");
  }

  TEST_CASE("a colon in a file's name is part of the name where there is such a file") {
    const TempDir dir;
    write_file(dir / "a:dense", read_file(kDigits));
    CHECK(run_ckpt({"ls", dir / "a:dense"}).out.find("conv1/") != std::string::npos);
    CHECK(run_ckpt({"ls", dir / "a:dense:conv2"}).out.find("conv1/") == std::string::npos);
  }

  TEST_CASE("a glob that matches nothing is an answer of no") {
    const ProcessResult result = run_ckpt({"ls", "--flat", "--glob", "*/kern", kDigits});
    CHECK(result.status == 1);
    CHECK(result.err ==
          "ckpt: no variable matches */kern (* stays inside a scope, ** crosses scopes)\n");
  }

  TEST_CASE("--long says where and how each variable lies") {
    const auto out = run_ckpt({"ls", "--long", kDigits + ":logits/bias"}).out;
    CHECK(out.find("logits/bias:0: contiguous at ") != std::string::npos);
  }

  TEST_CASE("JSON, JSON lines and TSV hold the same variables, slots too") {
    const auto whole = nlohmann::json::parse(run_ckpt({"ls", "--json", kDigits}).out);
    REQUIRE(whole["variables"].size() == 41);
    CHECK(whole["input"]["bytes"] == 66892);
    CHECK(whole["totals"]["slots"]["variables"] == 26);
    const std::string lines = run_ckpt({"ls", "--jsonl", kDigits}).out;
    const std::string tsv = run_ckpt({"ls", "--tsv", kDigits}).out;
    std::size_t line = 0;
    std::size_t row = tsv.find('\n') + 1;
    for (const auto& variable : whole["variables"]) {
      auto one = nlohmann::json::parse(lines.substr(line, lines.find('\n', line) - line));
      CHECK(one["file"] == kDigits);
      one.erase("file");
      CHECK(one == variable);
      const std::string name = "\t" + variable["name"].get<std::string>() + "\t";
      CHECK(tsv.substr(row, tsv.find('\n', row) - row).find(name) != std::string::npos);
      line = lines.find('\n', line) + 1;
      row = tsv.find('\n', row) + 1;
    }
    CHECK(line == lines.size());
    CHECK(row == tsv.size());
  }

  TEST_CASE("--paths calls variables by their place") {
    const std::string out = run_ckpt({"ls", "--flat", "--paths", kDigits}).out;
    CHECK(out.find("\nconv1/kernel:0  ") != std::string::npos);
  }
}

TEST_SUITE("tools/show") {
  TEST_CASE("the raw bytes of a variable are those that h5py reads") {
    const ProcessResult raw = run_ckpt({"show", kDigits, "conv2/kernel", "--raw"});
    CHECK(raw.status == 0);
    CHECK(raw.out.size() == 4608);
    const TempDir dir;
    write_file(dir / "raw", raw.out);
    CHECK(run_python("import h5py,sys\n"
                     "f=h5py.File(sys.argv[1],'r')\n"
                     "print(f['conv2/kernel:0'][()].tobytes()==open(sys.argv[2],'rb').read())",
                     {kDigits, dir / "raw"}) == "True\n");
  }

  TEST_CASE("NumPy reads what --npy writes: every shape and type has its header") {
    const TempDir dir;
    run_python(
        "import h5py,numpy as np,sys\n"
        "f=h5py.File(sys.argv[1],'w')\n"
        "for t in "
        "['f2','f4','f8','i1','i2','i4','i8','u1','u2','u4','u8','c8','c16','>f4','>i8']:\n"
        "  for s in [(),(3,),(2,3),(0,4)]:\n"
        "    n=int(np.prod(s)); f[t+'/'+'x'.join(map(str,s or ['scalar']))]="
        "(np.arange(n)-1).astype(t).reshape(s)\n"
        "f['flags']=np.array([True,False])\n",
        {dir / "types.h5"});
    const auto listed = nlohmann::json::parse(run_ckpt({"ls", "--json", dir / "types.h5"}).out);
    REQUIRE(listed["variables"].size() == 61);
    std::string names;
    for (const auto& variable : listed["variables"]) {
      const std::string name = variable["name"];
      std::string file = name;
      std::ranges::replace(file, '/', '-');
      const auto result = run_ckpt({"show", dir / "types.h5", name, "--npy", dir / file});
      CHECK(result.err == "");
      REQUIRE(result.status == 0);
      names += name + "\n";
    }
    CHECK(run_python("import h5py,numpy as np,sys\n"
                     "f=h5py.File(sys.argv[1]+'/types.h5','r')\n"
                     "for n in sys.argv[2].split():\n"
                     "  a=f[n][()]\n"
                     "  b=np.load(sys.argv[1]+'/'+n.replace('/','-'),allow_pickle=False)\n"
                     "  if not (np.array_equal(a,b) and a.dtype.newbyteorder('=')==b.dtype and "
                     "a.shape==b.shape): print(n)",
                     {dir.path(), names}) == "");
  }

  TEST_CASE("an existing NumPy file is kept unless --overwrite is given") {
    const TempDir dir;
    write_file(dir / "k.npy", "mine");
    check_refused(
        {"show", kDigits, "dense/bias", "--npy", dir / "k.npy"}, 5,
        dir / "k.npy" + ": exists already; give another name, or replace it with --overwrite");
    CHECK(read_file(dir / "k.npy") == "mine");
  }

  TEST_CASE("a misspelt variable is answered with the nearest, status 2") {
    check_refused({"show", kDigits, "dense/kernal"}, 2,
                  kDigits +
                      ": no variable 'dense/kernal' in it; did you mean 'dense/kernel' "
                      "or 'dense_1/kernel'?");
  }

  TEST_CASE("statistics and digest agree with NumPy and xxhsum's algorithm") {
    const auto shown =
        nlohmann::json::parse(run_ckpt({"show", kDigits, "dense/kernel", "--json"}).out);
    const auto expected = nlohmann::json::parse(
        run_python("import h5py,json,sys,numpy as np\n"
                   "a=h5py.File(sys.argv[1],'r')['dense/kernel:0'][()].astype('f8')\n"
                   "print(json.dumps({'mean':a.mean(),'deviation':a.std(),'min':a.min(),"
                   "'max':a.max(),'histogram':np.histogram(a,16)[0].tolist()}))",
                   {kDigits}));
    const auto& s = shown["statistics"];
    for (const char* key : {"mean", "deviation", "min", "max"}) {
      CHECK(s[key].get<double>() == doctest::Approx(expected[key].get<double>()).epsilon(1e-12));
    }
    CHECK(s["histogram"] == expected["histogram"]);
    CHECK(shown["digest"] == "xxh3-128:1d07fc4a4c1a3b531d4ca964eaefd888");
    CHECK(shown["companions"] == nlohmann::json({"dense/kernel/Adam", "dense/kernel/Adam_1"}));
  }
}
