#include <doctest/doctest.h>

#include <map>

#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "formats/tf_bundle/v1.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A writer of version 1 tables in Python, by the specification.
constexpr const char* kTableWriter = R"(
import struct, sys
def crc(b):
    c = 0xffffffff
    for x in b:
        c ^= x
        for _ in range(8): c = (c >> 1) ^ (0x82f63b78 if c & 1 else 0)
    return c ^ 0xffffffff
def mask(c): return ((c >> 15 | c << 17) + 0xa282ead8) & 0xffffffff
def v(n):
    n &= (1 << 64) - 1
    out = b''
    while n > 127: out += bytes([n & 127 | 128]); n >>= 7
    return out + bytes([n])
def num(f, n): return v(f << 3) + v(n) if n else b''
def msg(f, b): return v(f << 3 | 2) + v(len(b)) + b
def shape(dims): return b''.join(msg(2, num(1, d)) for d in dims)
def slc(s): return b''.join(msg(1, b'' if e is None else num(1, e[0]) + v(16) + v(e[1])) for e in s)
def key(name, s):
    one = lambda n: bytes([0x80 ^ (n & 255)])
    return b'\0' + name + b'\0\1' + (bytes([1, len(s)]) if s else b'\0') + b''.join(
        one(0) + one(-1) if e is None else one(e[0]) + one(e[1]) for e in s)
def meta(*variables): return msg(1, b''.join(msg(1, msg(1, n) + msg(2, shape(d)) + num(3, t) +
    b''.join(msg(4, slc(s)) for s in parts)) for n, d, t, parts in variables) + msg(2, b''))
def data(name, s, values): return (key(name, s), msg(2, msg(1, name) + msg(2, slc(s)) + msg(3, values)))
def table(path, *items):
    out = b''
    def put(items):
        nonlocal out
        b = b''; restarts = []
        for k, x in items: restarts.append(len(b)); b += v(0) + v(len(k)) + v(len(x)) + k + x
        b += b''.join(struct.pack('<I', r) for r in (restarts or [0]) + [max(1, len(restarts))])
        handle = v(len(out)) + v(len(b))
        out += b + b'\0' + struct.pack('<I', mask(crc(b + b'\0')))
        return handle
    items = sorted(items); d = put(items); m = put([]); i = put([(items[-1][0] + b'~', d)])
    open(path, 'wb').write(out + (m + i).ljust(40, b'\0') + bytes.fromhex('57fb808b247547db'))
p = sys.argv[1] + '/m'
f32 = lambda *x: msg(5, struct.pack('<%df' % len(x), *x))
ints = lambda f, *x: msg(f, b''.join(map(v, x)))
)";

struct WrittenTable {
  explicit WrittenTable(const std::string& script) {
    run_python(cat(kTableWriter, script), {dir.path()});
  }
  [[nodiscard]] std::string error(const std::string& name = "m") const {
    return error_of([&] { open_as(tf::kTfV1Format, dir / name); });
  }
  TempDir dir;
};

std::string hex_of(const Reader& reader, std::string_view name) {
  return to_hex(as_text(reader.read(*reader.find(name)).bytes));
}

}  // namespace

TEST_SUITE("formats/tf_v1") {
  TEST_CASE("every real file of version 1 lists and reads as an independent reader saw it") {
    std::map<std::string, std::vector<ExpectedTensor>> files;
    for (const auto& row : expected_tensors("tf1/")) files[row.file].push_back(row);
    if (files.empty()) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    std::size_t digests = 0;
    for (const auto& witnessed : files) {
      const auto& file = witnessed.first;
      const auto& rows = witnessed.second;
      CAPTURE(file);
      const auto reader = open_checkpoint(corpus_path(file));
      const auto& entries = reader->index().entries;
      REQUIRE(entries.size() == rows.size());
      std::vector<Bytes> bytes;
      std::vector<std::string> expected;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        CAPTURE(rows[i].name);
        CHECK(entries[i].name == rows[i].name);
        CHECK(shape_text(entries[i].shape) == rows[i].shape);
        CHECK(name_of(entries[i].dtype) == rows[i].dtype);
        // That reader digests the field as it is stored; for integers it is in varints.
        if (entries[i].dtype != DType::kF32) continue;
        CHECK(entries[i].nbytes == rows[i].nbytes);
        bytes.push_back(reader->read(i).bytes);
        expected.push_back(rows[i].sha1);
      }
      CHECK(sha1_of(bytes) == expected);
      digests += expected.size();
    }
    MESSAGE(files.size(), " files, ", digests, " digests compared");
    CHECK(files.size() == 8);
    CHECK(digests == 1240);
  }

  TEST_CASE("slices are assembled, also from several shards") {
    constexpr const char* kScript = R"(
left, right = data(b'w', [None, (0, 2)], f32(1, 2, 4, 5)), data(b'w', [None, (2, 1)], f32(3, 6))
b = data(b'b', [], f32(7))
)";
    const std::vector<std::string> scripts{
        "table(p, (b'', meta((b'w', [2, 3], 1, [[None, (0, 2)], [None, (2, 1)]]), (b'b', [], 1, "
        "[[]]))), "
        "left, right, b)",
        "table(p + '-00000-of-00002', (b'', meta((b'w', [2, 3], 1, [[None, (0, 2)]]))), left)\n"
        "table(p + '-00001-of-00002', (b'', meta((b'w', [2, 3], 1, [[None, (2, 1)]]), (b'b', [], "
        "1, "
        "[[]]))), right, b)"};
    for (const std::string& script : scripts) {
      CAPTURE(script);
      const WrittenTable written(cat(kScript, script));
      const auto reader = open_checkpoint(written.dir / "m");  // a prefix, where there are shards
      REQUIRE(reader->index().entries.size() == 2);
      CHECK(reader->index().entries[0].shape == Shape{2, 3});
      CHECK(hex_of(*reader, "w") == "0000803f0000004000004040000080400000a0400000c040");
      CHECK(hex_of(*reader, "b") == "0000e040");
    }
    const WrittenTable half(cat(kScript,
                                "table(p + '-00000-of-00002', (b'', meta((b'w', [2, 3], 1, [[None, "
                                "(0, 2)]]))), left)"));
    CHECK(half.error("m-00000-of-00002") == "m-00001-of-00002: no such file");
  }

  TEST_CASE("values of every type come out of their fields") {
    const WrittenTable written(R"(
types = [(b'bool', 10, ints(11, 1, 0)), (b'c128', 18, msg(12, struct.pack('<4d', 1, 2, 3, 4))), (b'c64', 8, msg(9, struct.pack('<4f', 1, 2, 3, 4))),
  (b'f16', 19, ints(13, 0x3c00, 0x8000)), (b'f64', 2, msg(6, struct.pack('<2d', 1, -1))), (b'i16', 5, ints(7, -2, 3)), (b'i32', 3, ints(7, -1, 70000)),
  (b'i64', 9, ints(10, -1, 1 << 40)), (b'i8', 6, ints(7, -3, 4)), (b'q', 11, ints(7, -3, 4)), (b's', 7, msg(8, b'ab') + msg(8, b'')),
  (b'single', 3, num(7, 5) + num(7, 6)), (b'u16', 17, ints(7, 65535, 1)), (b'u8', 4, ints(7, 255, 1))]
table(p, (b'', meta(*[(n, [2], t, [[None]]) for n, t, x in types])), *[data(n, [None], x) for n, t, x in types])
)");
    const auto reader = open_checkpoint(written.dir / "m");
    CHECK(hex_of(*reader, "bool") == "0100");
    CHECK(hex_of(*reader, "c64") == "0000803f000000400000404000008040");
    CHECK(hex_of(*reader, "c128").starts_with("000000000000f03f0000000000000040"));
    CHECK(hex_of(*reader, "f16") == "003c0080");
    CHECK(hex_of(*reader, "f64") == "000000000000f03f000000000000f0bf");
    CHECK(hex_of(*reader, "i16") == "feff0300");
    CHECK(hex_of(*reader, "i32") == "ffffffff70110100");
    CHECK(hex_of(*reader, "i64") == "ffffffffffffffff0000000000010000");
    CHECK(hex_of(*reader, "i8") == "fd04");
    CHECK(hex_of(*reader, "q") == "fd04");
    CHECK(reader->index().entries[*reader->find("q")].native_dtype == "qint8");
    CHECK(hex_of(*reader, "single") == "0500000006000000");
    CHECK(hex_of(*reader, "u16") == "ffff0100");
    CHECK(hex_of(*reader, "u8") == "ff01");
    CHECK(reader->index().entries[*reader->find("s")].dtype == DType::kString);
  }

  TEST_CASE("a table whose records are not as it describes them is refused") {
    const auto error = [](const std::string& script) { return WrittenTable(script).error(); };
    CHECK(error("table(p, (b'', meta((b'w', [2], 1, [[None]]))), data(b'w', [None], f32(1)))") ==
          "w: slice - has 1 values, its shape [2] needs 2");
    CHECK(error("table(p, (b'', meta((b'w', [2], 1, [[None]]))))") ==
          "w: has 0 slices of the 1 it is described with");
    CHECK(error("table(p, (b'', meta((b'w', [2], 1, [[None]]))), data(b'x', [None], f32(1, 2)))") ==
          "has the slice - of 'x', which is not as its key or the description of the tensors says");
    CHECK(
        error(
            "table(p, (b'', meta((b'w', [3], 1, [[(0, 2)]]))), data(b'w', [(0, 2)], f32(1, 2)))") ==
        "w: its 1 slices hold 2 of the 3 elements of the tensor of shape [3]");
    CHECK(error("table(p, (b'', meta((b'w', [2], 99, [[None]]))))") ==
          "w: type 99 and shape [2] cannot be a tensor's");
    CHECK(error("table(p, (b'x', b''))") == "does not begin with a description of its tensors");
  }

  TEST_CASE("cut or flipped, a file of version 1 ends in an error or the same tensors") {
    const WrittenTable written(
        "table(p, (b'', meta((b'a', [], 1, [[]]), (b'b', [2], 3, [[None]]))), data(b'a', [], "
        "f32(0.5)), "
        "data(b'b', [None], ints(7, -1, 2)))");
    const std::string bytes = read_file(written.dir / "m");
    const auto expected = read_all(*open_checkpoint(written.dir / "m"));
    const Check same = [&](const Reader& reader) { CHECK(read_all(reader) == expected); };
    CHECK(cut_everywhere(tf::kTfV1Format, bytes, same).read == 0);
    CHECK(flip_everywhere(tf::kTfV1Format, bytes, bytes.size(), same).refused > 800 / kStride<3>);
  }
}
