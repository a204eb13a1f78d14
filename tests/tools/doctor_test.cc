#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/temp_dir.h"

namespace {

// A folder with the digits checkpoint, whole and cut off.
struct Sickroom {
  Sickroom() {
    std::filesystem::copy(CKPT_FIXTURES "/digits/digits.h5", dir.path() / "d.h5");
    write_file(dir / "cut.h5", read_file(dir / "d.h5").substr(0, 50000));
  }
  ProcessResult ckpt(std::vector<std::string> arguments) const {
    return run_ckpt(std::move(arguments), dir.path());
  }
  TempDir dir;
};

}  // namespace

TEST_SUITE("tools/doctor") {
  TEST_CASE("a whole file is healthy, status 0") {
    const Sickroom room;
    const auto result = room.ckpt({"doctor", "d.h5"});
    CHECK(result.status == 0);
    CHECK(result.err.empty());
    CHECK(result.out ==
          "d.h5: healthy\n"
          "kind     HDF5, native, 65.3 KiB\n"
          "whole    41 variables, 47.3 KiB\n");
  }

  TEST_CASE("room that nothing uses and attributes near 64 KB are told of a healthy file") {
    const Sickroom room;
    run_python(R"py(
import h5py, numpy as np, sys
for libver in ('earliest', 'latest'):
    with h5py.File(sys.argv[1] + libver + '.h5', 'w', libver=libver) as f:
        f['kept/kernel'] = np.zeros(50000, 'f4')
        f['dropped'] = np.zeros(25000, 'f4')
        f['kept'].attrs['layer_names'] = np.array([b'x' * 100] * 600)
    with h5py.File(sys.argv[1] + libver + '.h5', 'a', libver=libver) as f: del f['dropped']
)py",
               {room.dir / ""});
    for (const std::string libver : {"earliest", "latest"}) {
      CAPTURE(libver);
      const auto result = room.ckpt({"doctor", libver + ".h5", "--json"});
      CHECK(result.status == 0);
      const auto json = nlohmann::json::parse(result.out);
      CHECK(json["verdict"] == "healthy");
      const auto spare = json["spare_bytes"].get<std::uint64_t>();
      CHECK(spare >= 100000);
      CHECK(spare < 104000);
      REQUIRE(json["notes"].size() == 1);
      CHECK(json["notes"][0] ==
            "/kept: the attribute 'layer_names' has 60,000 bytes, and most programs can write "
            "65,536 at most: longer names or more of them may not fit");
    }
    const auto text = room.ckpt({"doctor", "earliest.h5"}).out;
    CHECK(text.find("\nspare    99.") != std::string::npos);
    CHECK(text.find(" KiB (27 %) that nothing uses; written anew, as by h5repack or `ckpt remap "
                    "--repack`, the file is shorter\n") != std::string::npos);
  }

  TEST_CASE("of a truncated file it says what is whole, and writes that to a new one") {
    const Sickroom room;
    const auto result = room.ckpt({"doctor", "cut.h5", "--salvage", "whole.h5"});
    CHECK(result.status == 1);
    CHECK(
        result.out.starts_with("cut.h5: DAMAGED\n"
                               "because  is truncated: it is 50000 bytes long, but its superblock "
                               "says 66892 (16892 are missing)\n"));
    CHECK(result.out.find("\nlost     global_step: object header at 62208: its 16 bytes pass the "
                          "end of the file (50000)\n") != std::string::npos);
    CHECK(result.out.ends_with("written  whole.h5: the 28 whole variables\n"));
    // Each is what it was in the file before that was cut, by another reader.
    const std::string compare = R"(
import h5py, sys
a, b = (h5py.File(p, 'r') for p in sys.argv[1:])
names = []
b.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
was = lambda n: a[n] if isinstance(a[n], h5py.Dataset) else a[n + ':0']
print(len(names), all(was(n)[()].tobytes() == b[n][()].tobytes() for n in names))
)";
    CHECK(run_python(compare, {room.dir / "d.h5", room.dir / "whole.h5"}) == "28 True\n");
  }

  TEST_CASE("a variable whose stored bytes are damaged is lost, the others are whole") {
    const Sickroom room;
    run_python(
        "import h5py, numpy as np, sys\n"
        "f = h5py.File(sys.argv[1], 'w')\n"
        "f['good'] = np.arange(5.)\n"
        "d = f.create_dataset('bad', data=np.arange(1000.), chunks=(1000,), fletcher32=True)\n"
        "at = d.id.get_chunk_info(0).byte_offset; f.close()\n"
        "b = open(sys.argv[1], 'r+b'); b.seek(at + 8); b.write(b'!')\n",
        {room.dir / "bad.h5"});
    const auto result = room.ckpt({"doctor", "bad.h5", "--json"});
    CHECK(result.status == 1);
    const auto json = nlohmann::json::parse(result.out);
    CHECK(json["schema"] == "ckpt/doctor/1");
    CHECK(json["verdict"] == "damaged");
    CHECK(json["damage"] == "");
    CHECK(json["whole"] == std::vector<std::string>{"good"});
    CHECK(json["lost"].size() == 1);
    CHECK(json["lost"][0]["name"] == "bad");
    CHECK(json["lost"][0]["reason"].get<std::string>().find("checksum") != std::string::npos);
  }

  TEST_CASE("a Keras archive whose bytes do not match its checksum is damaged, wherever that is") {
    const Sickroom room;
    run_python(R"(
import h5py, io, numpy as np, sys, zipfile
inner = io.BytesIO()
with h5py.File(inner, 'w') as f: f['layers/dense/vars/0'] = np.full(100, 7, 'i4')
for name, change in ('good', lambda b: b), ('bad', lambda b: b.replace(b'\x07\0\0\0' * 9, b'\x08\0\0\0' * 9, 1)):
    with zipfile.ZipFile(sys.argv[1] + name + '.keras', 'w') as z:
        z.writestr('model.weights.h5', inner.getvalue())
    with open(sys.argv[1] + name + '.keras', 'r+b') as f:
        b = change(f.read()); f.seek(0); f.write(b)
)",
               {room.dir / ""});
    CHECK(room.ckpt({"doctor", "good.keras"}).status == 0);
    const auto result = room.ckpt({"doctor", "bad.keras"});
    CHECK(result.status == 1);
    CHECK(result.out.find("\nlost     model.weights.h5: its bytes are damaged: their CRC-32 is ") !=
          std::string::npos);
    CHECK(result.out.find("; which variable it hit cannot be told\n") != std::string::npos);
  }

  TEST_CASE("ls --salvage lists what is whole and complains of the rest") {
    const Sickroom room;
    CHECK(room.ckpt({"ls", "cut.h5"}).status == 4);
    const auto result = room.ckpt({"ls", "--salvage", "--flat", "cut.h5"});
    CHECK(result.status == 0);
    CHECK(result.out.find("conv1/bias") != std::string::npos);
    CHECK(result.out.find("global_step") == std::string::npos);
    CHECK(result.err.find("ckpt: cut.h5: lost: global_step: object header at 62208: its 16 bytes "
                          "pass the end of the file (50000)\n") != std::string::npos);
  }

  TEST_CASE("what is no checkpoint stays an error; an existing target is not replaced") {
    const Sickroom room;
    write_file(room.dir / "text", "no checkpoint\n");
    const auto text = room.ckpt({"doctor", "text"});
    CHECK(text.status == 4);
    CHECK(text.out.empty());
    CHECK(room.ckpt({"doctor", "none.h5"}).status == room.ckpt({"ls", "none.h5"}).status);
    const auto there = room.ckpt({"doctor", "cut.h5", "--salvage", "d.h5"});
    CHECK(there.status == 5);
    CHECK(there.err ==
          "ckpt: d.h5: exists already; give another name, or replace it with --overwrite\n");
  }
}
