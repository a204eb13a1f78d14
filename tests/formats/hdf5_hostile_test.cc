#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>

#include <map>

#include "core/error.h"
#include "core/escape.h"
#include "core/system.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/child.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// How opening a file and reading all of it ended.
enum Outcome : int { kOk = 0, kError = 2, kDifferent = 3 };

// Is the checkpoint at `path`, as far as it can be read, the one that `wanted` was read from?
Outcome compare(const std::string& path,
                const std::vector<std::pair<std::string, Tensor>>& wanted) {
  try {
    const auto reader = open_checkpoint(path);
    if (reader->index().entries.size() != wanted.size()) return kDifferent;
    for (const auto& [name, tensor] : wanted) {
      const auto at = reader->find(name);
      if (!at || !(reader->read(*at) == tensor)) return kDifferent;
    }
    return kOk;
  } catch (const Error&) {
    return kError;
  }
}

std::vector<std::pair<std::string, Tensor>> write_small(const std::string& path) {
  std::vector<std::pair<std::string, Tensor>> variables;
  std::vector<VariableSpec> specs;
  for (const char* name : {"dense/kernel", "dense/bias", "step"}) {
    variables.emplace_back(name, Tensor{DType::kU8, {5}, Bytes(5, std::byte{7})});
    specs.push_back({name, DType::kU8, {5}});
  }
  const auto writer = create_checkpoint(path, specs);
  for (std::size_t i = 0; i < 3; ++i) writer->write(i, variables[i].second.bytes);
  writer->commit();
  return variables;
}

std::string element_code(const Tensor& tensor) { return to_hex(as_text(tensor.bytes)); }

}  // namespace

TEST_SUITE("formats/hdf5_hostile") {
  TEST_CASE("a file cut anywhere is an error that says how long it should be") {
    const TempDir dir;
    (void)write_small(dir / "x.h5");
    const std::string whole = read_file(dir / "x.h5");
    const std::string cut = dir / "cut.h5";
    int errors = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      write_file(cut, std::string_view(whole).substr(0, size));
      const std::string message = error_of([&] { (void)open_checkpoint(cut); });
      errors += static_cast<int>(message != "no error");
      if (size == 3000) {
        CHECK(message == cat(cut, ": is truncated: it is 3000 bytes long, but its superblock says ",
                             whole.size(), " (", whole.size() - 3000, " are missing)"));
      }
    }
    CHECK(errors == static_cast<int>(whole.size()));
  }

  // All structures of this file have a checksum, so what differs are tensors' own bytes.
  TEST_CASE("a file with one byte flipped is an error, or the same but for a tensor's own bytes") {
    const TempDir dir;
    const auto wanted = write_small(dir / "x.h5");
    const std::string whole = read_file(dir / "x.h5");
    std::map<int, int> counts;
    // The metadata blocks are mostly unused; all used bytes are within these.
    for (std::size_t at = 0; at < whole.size(); at += kStride<5>) {
      if (whole[at] == '\0' && at % 16 != 0) continue;
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 0xff);
      write_file(dir / "flip.h5", flipped);
      ++counts[run_in_child([&] { return static_cast<int>(compare(dir / "flip.h5", wanted)); })];
    }
    MESSAGE("flips: same ", counts[kOk], ", error ", counts[kError], ", different ",
            counts[kDifferent]);
    int crashed = 0;
    for (const auto& [status, count] : counts) crashed += status > kDifferent ? count : 0;
    CHECK(crashed == 0);
    CHECK(counts[kError] > 200 / kStride<5>);
    CHECK(counts[kDifferent] <= 15);  // the 15 bytes of the three tensors
  }

  TEST_CASE("links and storage that leave the file are listed and never followed") {
    const TempDir dir;
    run_python(
        "import h5py, numpy as np, sys\n"
        "d = sys.argv[1]\n"
        "with h5py.File(d + '/other.h5', 'w') as o: o['w'] = np.ones(3, 'f4')\n"
        "with h5py.File(d + '/x.h5', 'w') as f:\n"
        "    f['link'] = h5py.ExternalLink('other.h5', '/w')\n"
        "    f.create_dataset('outside', (3,), 'f4', external=[(d + '/raw', 0, 12)])\n"
        "    v = h5py.VirtualLayout((3,), 'f4'); v[:] = h5py.VirtualSource('other.h5', 'w', (3,))\n"
        "    f.create_virtual_dataset('virtual', v)\n"
        "    f.create_dataset('lzf', data=np.ones(30, 'f4'), compression='lzf')\n",
        {dir.path()});
    const auto reader = open_checkpoint(dir / "x.h5");
    const auto& index = reader->index();
    CHECK(
        index.notes ==
        std::vector<std::string>{
            "/link: an external link to other.h5:/w; links that leave the file are not followed",
            "/lzf: is encoded with a filter that is not known here, filter 32000 'lzf'; it cannot "
            "be read",
            "/outside: its data is in another file (" + dir.path().string() +
                "/raw), which is not opened; it cannot be read",
            "/virtual: a virtual dataset, put together from others (other.h5), which are not "
            "opened; it cannot be read"});
    const auto refusal = [&](const char* name) {
      return error_of([&] { (void)reader->read(*reader->find(name)); });
    };
    CHECK(refusal("outside") == "outside: its data is in another file, which is never opened");
    CHECK(refusal("virtual") ==
          "virtual: is a virtual dataset; its data is put together from others, perhaps in other "
          "files, which are never opened");
    CHECK(refusal("lzf") ==
          "lzf: its data is encoded with filter 32000 'lzf', which cannot be decoded here");
  }

  TEST_CASE("further names are aliases, cycles end, soft links that lead nowhere are notes") {
    const TempDir dir;
    run_python(
        "import h5py, numpy as np, sys\n"
        "with h5py.File(sys.argv[1], 'w') as f:\n"
        "    f['a/w'] = np.ones(3, 'f4'); f['b'] = f['a/w']; f['a/up'] = f['/']\n"
        "    f['s'] = h5py.SoftLink('/a/w'); f['a/t'] = h5py.SoftLink('w')\n"
        "    f['c1'] = h5py.SoftLink('/c2'); f['c2'] = h5py.SoftLink('/c1')\n"
        "    f['g'] = h5py.SoftLink('/a')\n",
        {dir / "x.h5"});
    const auto reader = open_checkpoint(dir / "x.h5");
    REQUIRE(reader->index().entries.size() == 1);
    CHECK(reader->index().entries[0].name == "a/w");
    CHECK(reader->index().entries[0].aliases == std::vector<std::string>{"a/t", "b", "s"});
    CHECK(reader->index().notes ==
          std::vector<std::string>{
              "/a/up: a further name of a group that is listed under another name; its variables "
              "are listed once",
              "/c1: a soft link to /c2, which leads to nothing in this file",
              "/c2: a soft link to /c1, which leads to nothing in this file",
              "/g: a soft link to /a, whose variables are listed there"});
  }

  TEST_CASE("groups 10,000 deep are walked without recursion") {
    const TempDir dir;
    run_python(
        "import h5py, sys, numpy as np\n"
        "with h5py.File(sys.argv[1], 'w', libver='latest') as f:\n"
        "    g = f\n"
        "    for i in range(10000): g = g.create_group('g')\n"
        "    g['w'] = np.ones(3, 'f4')\n",
        {dir / "x.h5"});
    const auto reader = open_checkpoint(dir / "x.h5");
    REQUIRE(reader->index().entries.size() == 1);
    CHECK(reader->index().entries[0].name.size() == 20001);
    CHECK(reader->read(0).bytes.size() == 12);
  }

  TEST_CASE("the paths of deep groups are not kept, and those of too many deep variables refused") {
    const TempDir dir;
    run_python(R"py(
import h5py, sys
from h5py import h5d, h5f, h5g, h5p, h5s, h5t
access = h5p.create(h5p.FILE_ACCESS)
access.set_libver_bounds(h5f.LIBVER_V18, h5f.LIBVER_V110)
space = h5s.create(h5s.SCALAR)
for path, depth, is_full in ((sys.argv[1], 40000, False), (sys.argv[2], 20000, True)):
    g = h5g.open(h5f.create(path.encode(), h5f.ACC_TRUNC, None, access), b'/')
    for i in range(depth):
        g = h5g.create(g, b'g')
        if is_full: h5d.create(g, b'w', h5t.IEEE_F32LE, space)
    if not is_full: h5d.create(g, b'w', h5t.IEEE_F32LE, space)
)py",
               {dir / "deep.h5", dir / "full.h5"});
    const auto run = measure_in_child([&] {
      const auto reader = open_checkpoint(dir / "deep.h5");
      return reader->index().entries.at(0).name.size() == 80001 ? 0 : 1;
    });
    CHECK(run.status == 0);
    CHECK(run.peak_bytes < std::uint64_t{200} << 20U);
    CHECK(error_of([&] {
            (void)open_checkpoint(dir / "full.h5");
          }).ends_with(" bytes together; at most 134217728 and 1024 for each are read"));
  }

  TEST_CASE("a sparse file of 20 GB is listed and read in slices, what stores nothing not whole") {
    const TempDir dir;
    run_python(
        "import h5py, sys\n"
        "with h5py.File(sys.argv[1], 'w') as f:\n"
        "    f.create_dataset('big', (5 << 30,), 'f4', fillvalue=2)\n"
        "    f.create_dataset('bomb', (1 << 40,), 'f8', chunks=(1 << 20,))\n"
        "    s = f.create_dataset('sparse', (5 << 30,), 'f4', track_times=False)\n"
        "    s[-1] = 7\n",
        {dir / "x.h5"});
    const auto reader = open_checkpoint(dir / "x.h5");
    CHECK(reader->index().file_bytes > (std::uint64_t{20} << 30U));
    CHECK(element_code(reader->read_slice(*reader->find("sparse"), {(std::int64_t{5} << 30) - 1},
                                          {1})) == "0000e040");
    CHECK(element_code(reader->read_slice(*reader->find("big"), {77}, {1})) == "00000040");
    CHECK(error_of([&] { (void)reader->read(*reader->find("bomb")); }) ==
          "bomb: declares 8,796,093,022,208 bytes, but only 0 are stored; it is not read whole, "
          "slices of it are");
  }

  TEST_CASE("a file that a writer has locked, as h5py does, is refused") {
    const TempDir dir;
    (void)write_small(dir / "x.h5");
    const FileDescriptor writer(::open((dir / "x.h5").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::flock(writer.get(), LOCK_EX) == 0);
    CHECK(error_of([&] { (void)open_checkpoint(dir / "x.h5"); }) ==
          (dir / "x.h5") +
              ": another program has it open for writing (it holds a lock); try again when that "
              "program has closed it");
  }
}
