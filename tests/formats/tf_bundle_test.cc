#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/escape.h"
#include "core/text.h"
#include "formats/formats.h"
#include "formats/tf_bundle/format.h"
#include "formats/tf_bundle/index.h"
#include "formats/tf_bundle/protos.h"
#include "formats/tf_bundle/rename.h"
#include "formats/tf_bundle/slice.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/names_of.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

// A writer of bundles in Python, by the specification and without TensorFlow: what this library
// reads in these tests was not written by it. `bundle(prefix, header, entries, shards)`.
constexpr const char* kBundleWriter = R"(
import struct, sys
def crc(b, c=0):
    c ^= 0xffffffff
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
def slices(s): return b''.join(msg(1, b'' if e is None else num(1, e[0]) + v(16) + v(e[1])) for e in s)
def entry(dtype, dims, data=b'', shard=0, offset=0, parts=(), check=None):
    out = num(1, dtype) + msg(2, shape(dims)) + num(3, shard) + num(4, offset) + num(5, len(data))
    if not parts: out += v(6 << 3 | 5) + struct.pack('<I', mask(crc(data)) if check is None else check)
    return out + b''.join(msg(7, slices(p)) for p in parts)
def table(items, snappy=False):
    def block(items):
        out = b''; restarts = []
        for k, val in items:
            restarts.append(len(out)); out += v(0) + v(len(k)) + v(len(val)) + k + val
        restarts = restarts or [0]
        return out + b''.join(struct.pack('<I', r) for r in restarts + [len(restarts)])
    out = b''
    def put(b):
        nonlocal out
        kind = b'\0'
        if snappy:  # one literal
            b = v(len(b)) + bytes([61 << 2]) + struct.pack('<H', len(b) - 1) + b; kind = b'\1'
        handle = v(len(out)) + v(len(b))
        out += b + kind + struct.pack('<I', mask(crc(b + kind)))
        return handle
    data = put(block(items)); meta = put(block([])); index = put(block([(items[-1][0] + b'~', data)]))
    return out + (meta + index).ljust(40, b'\0') + bytes.fromhex('57fb808b247547db')
def header(shards=1, big=0, versions=b'\x08\x01'): return num(1, shards) + num(2, big) + msg(3, versions)
def bundle(prefix, head, items, shards, snappy=False, count=None):
    open(prefix + '.index', 'wb').write(table([(b'', head)] + sorted(items), snappy))
    for i, s in enumerate(shards):
        open('%s.data-%05d-of-%05d' % (prefix, i, count or len(shards)), 'wb').write(s)
f32 = lambda *x: struct.pack('<%df' % len(x), *x)
p = sys.argv[1] + '/m'
)";

// The folder with what `script` writes as bundle "m".
struct WrittenBundle {
  explicit WrittenBundle(const std::string& script) {
    run_python(cat(kBundleWriter, script), {dir.path()});
  }
  [[nodiscard]] std::string index() const { return dir / "m.index"; }
  [[nodiscard]] std::unique_ptr<Reader> open() const { return open_checkpoint(index()); }
  [[nodiscard]] std::string error() const {
    return error_of([&] { open_as(tf::kTfBundleFormat, index()); });
  }
  TempDir dir;
};

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::ranges::copy(tensor.bytes, std::as_writable_bytes(std::span(values)).begin());
  return values;
}

constexpr const char* kSliced = R"(
a, b = f32(1, 2, 3), f32(4, 5, 6)
items = [(b'foo', entry(1, [3, 2], parts=[[None, (0, 1)], [None, (1, 1)]])), (b'after', entry(1, [1], f32(9), offset=24)),
  (bytes.fromhex('00666f6f00010102807f8081'), entry(1, [3, 1], a)),
  (bytes.fromhex('00666f6f00010102807f8181'), entry(1, [3, 1], b, offset=12))]
)";

// The index of a=0.5, b=2.0 and its shard, as TensorFlow wrote them (specs/tensor_bundle_format.md,
// section 10, which took them from TensorFlow's session_bundle test data).
constexpr std::string_view kSmallIndex =
    "\x00\x00\x06\x08\x01\x1a\x02\x08\x01"
    "\x00\x01\x0b\x61\x08\x01\x12\x00\x28\x04\x35\x06\x38\x27\x1f"
    "\x00\x01\x0d\x62\x08\x01\x12\x00\x20\x04\x28\x04\x35\x10\xfd\x78\x4f"
    "\x00\x00\x00\x00\x01\x00\x00\x00\x00\x6c\x12\x9e\xf3"
    "\x00\x00\x00\x00\x01\x00\x00\x00\x00\xc0\xf2\xa1\xb0"
    "\x00\x01\x02\x63\x00\x31\x00\x00\x00\x00\x01\x00\x00\x00\x00\x54\xf2\x76\x2d"
    "\x36\x08\x43\x0e\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv;
constexpr std::string_view kSmallData = "\x00\x00\x00\x3f\x00\x00\x00\x40"sv;

void write_small(const TempDir& dir) {
  write_file(dir / "m.index", kSmallIndex);
  write_file(dir / "m.data-00000-of-00001", kSmallData);
}

}  // namespace

TEST_SUITE("formats/tf_bundle") {
  TEST_CASE("every real bundle lists and reads as an independent reader saw it") {
    std::map<std::string, std::vector<ExpectedTensor>> files;
    for (const char* folder : {"tf2/", "odd/"}) {
      for (const auto& row : expected_tensors(folder)) {
        if (row.file.ends_with(".index")) files[row.file].push_back(row);
      }
    }
    if (files.empty()) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    int tensors = 0;
    int digests = 0;
    for (const auto& item : files) {
      const auto& file = item.first;  // clang 14 cannot capture a structured binding
      const auto& rows = item.second;
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
        const bool is_text = rows[i].dtype == "str";
        CHECK(name_of(entries[i].dtype) == (is_text ? "string" : rows[i].dtype));
        CHECK(entries[i].nbytes == (is_text ? 0 : rows[i].nbytes));
        ++tensors;
        if (rows[i].sha1.empty()) continue;
        bytes.push_back(reader->read(i).bytes);
        expected.push_back(rows[i].sha1);
      }
      CHECK(sha1_of(bytes) == expected);
      digests += static_cast<int>(expected.size());
    }
    MESSAGE(files.size(), " bundles, ", tensors, " variables, ", digests, " digests compared");
    CHECK(files.size() == 30);
    CHECK(digests > 300);
  }

  TEST_CASE("every hostile bundle is answered as its manifest says") {
    const auto files = hostile_files("tf-bundle");
    if (files.empty()) {
      MESSAGE("skipped: there are no hostile files in " CKPT_SHARED);
      return;
    }
    std::map<std::string, int> answered;
    for (const auto& row : files) {
      const auto& [file, what, expected] = row;
      CAPTURE(row.file);
      CAPTURE(row.what_is_wrong);
      std::string answer = "ok";
      try {
        read_all(*open_checkpoint(hostile_path(file)));
      } catch (const Error& e) {
        answer = "error";
        CHECK(e.code() != Errc::kInvalid);
      }
      CHECK(answer == (expected.starts_with("ok") ? "ok" : expected));
      ++answered[answer];
    }
    MESSAGE(files.size(), " hostile bundles: ", answered["error"], " refused, ", answered["ok"],
            " read");
  }

  TEST_CASE("a bundle is found by its prefix, its index, a shard of it and a checkpoint file") {
    const TempDir dir;
    write_small(dir);
    for (const char* stale : {"m", "/home/somebody/run/m", "run/../../m"}) {
      write_file(dir / "checkpoint", cat("model_checkpoint_path: \"", stale,
                                         "\"\nall_model_checkpoint_paths: \"m\"\n"));
      CHECK(names_of(*open_checkpoint(dir / "checkpoint")) == std::vector<std::string>{"a", "b"});
    }
    for (const char* name : {"m", "m.index", "m.data-00000-of-00001"}) {
      CAPTURE(name);
      const auto reader = open_checkpoint(dir / name);
      CHECK(reader->index().format == "TensorFlow bundle");
      CHECK(floats_of(reader->read(1)) == std::vector<float>{2.0F});
      CHECK(reader->index().file_bytes == kSmallIndex.size() + kSmallData.size());
    }
    CHECK(error_of([&] { open_checkpoint(dir / "n"); }) == cat(dir / "n", ": no such file"));
    write_file(dir / "checkpoint", "model_checkpoint_path: \"gone\"\n");
    CHECK(error_of([&] {
            open_checkpoint(dir / "checkpoint");
          }).starts_with(cat(dir / "checkpoint", ": is plain text")));
  }

  TEST_CASE("slices are shown as one variable and read as one") {
    const WrittenBundle written(cat(kSliced, "bundle(p, header(), items, [a + b + f32(9)])"));
    const auto reader = written.open();
    CHECK(names_of(*reader) == std::vector<std::string>{"after", "foo"});
    CHECK(reader->index().entries[1].shape == Shape{3, 2});
    CHECK(floats_of(reader->read(1)) == std::vector<float>{1, 4, 2, 5, 3, 6});
    CHECK(floats_of(reader->read_slice(1, {1, 1}, {2, 1})) == std::vector<float>{5, 6});
    CHECK(reader->details(1).attributes.at(0).value == "-:0,1 -:1,1");
    CHECK(reader->index().notes.empty());
  }

  TEST_CASE("slices that are missing, leave gaps, overlap or are of another shape are refused") {
    const auto error = [](const std::string& change) {
      return WrittenBundle(cat(kSliced, change, "\nbundle(p, header(), items, [a + b + f32(9)])"))
          .error();
    };
    CHECK(error("del items[3]") == "foo: its slice -:1,1 is not in the index");
    CHECK(error("items[0] = (b'foo', entry(1, [3, 3], parts=[[None, (0, 1)], [None, (1, 1)]]))") ==
          "foo: its 2 slices hold 6 of the 9 elements of the tensor of shape [3, 3]");
    CHECK(error("items[0] = (b'foo', entry(1, [3, 2], parts=[[None, (0, 1)], [None, (0, 1)]]))") ==
          "foo: its 2 slices overlap in the tensor of shape [3, 2]");
    CHECK(error("items[3] = (items[3][0], entry(1, [1, 3], b, offset=12))") ==
          "foo: its slice -:1,1 has type 1 and shape [1, 3]; type 1 and shape [3, 1] are needed");
    CHECK(error("items[0] = (b'foo', entry(1, [3, 2], parts=[[None, (0, 3)]]))") ==
          "foo: slice -:0,3 is not inside the shape [3, 2]");
  }

  TEST_CASE("slices of any rank give the tensor they were cut from") {
    // A 4 × 3 × 5 tensor of its own flat indices, cut at 1|2 in each dimension: 8 boxes.
    const Shape shape{4, 3, 5};
    std::vector<tf::Box> boxes;
    for (std::int64_t i = 0; i < 8; ++i) {
      tf::Box box;
      for (std::size_t d = 0; d < 3; ++d) {
        const bool second = (i >> d & 1) != 0;
        box.start.push_back(second ? 2 : 0);
        box.count.push_back(second ? shape[d] - 2 : 2);
      }
      boxes.push_back(box);
    }
    tf::check_cover(boxes, shape);
    for (std::uint64_t first = 0; first < 60; ++first) {
      for (std::uint64_t last = first; last <= 60; ++last) {
        std::vector<int> hits(60, 0);
        for (const tf::Box& box : boxes) {
          std::uint64_t next = 0;
          for (const tf::Run& run : tf::runs_of(box, shape, first, last)) {
            CHECK((next == 0 || run.in_box == next));  // without gaps in the box
            next = run.in_box + run.count;
            for (std::uint64_t k = 0; k < run.count; ++k) {
              const std::uint64_t flat = run.in_tensor + k;
              ++hits[flat];
              // The same element by its coordinates.
              const std::uint64_t at[3] = {flat / 15, flat / 5 % 3, flat % 5};
              std::uint64_t in_box = 0;
              for (std::size_t d = 0; d < 3; ++d) {
                in_box = in_box * static_cast<std::uint64_t>(box.count[d]) + at[d] -
                         static_cast<std::uint64_t>(box.start[d]);
              }
              CHECK(in_box == run.in_box + k);
            }
          }
        }
        for (std::uint64_t flat = 0; flat < 60; ++flat) {
          CHECK(hits[flat] == (flat >= first && flat < last ? 1 : 0));
        }
      }
    }
  }

  TEST_CASE("keys of slices are TensorFlow's ordered code") {
    const auto signed_code = [](std::int64_t value) {
      // One dimension; the name, rank and length around the start are known.
      const std::string key = tf::encode_slice_key("", {{.start = value, .length = 0}});
      return to_hex(key.substr(5, key.size() - 6));
    };
    CHECK(to_hex(tf::encode_slice_key("foo", {{0, -1}, {0, 1}})) == "00666f6f00010102807f8081");
    CHECK(to_hex(tf::encode_slice_key("a\0\xff"sv, {})) == "006100ffff00000100");
    const std::map<std::int64_t, std::string> known{
        {0, "80"},
        {1, "81"},
        {63, "bf"},
        {-1, "7f"},
        {-64, "40"},
        {64, "c040"},
        {8191, "dfff"},
        {8192, "e02000"},
        {1048576, "f0100000"},
        {std::int64_t{1} << 31, "f880000000"},
        {-65, "3fbf"},
        {std::int64_t{1} << 62, "ffc04000000000000000"}};
    for (const auto& [value, code] : known) CHECK(signed_code(value) == code);
  }

  TEST_CASE("big-endian bundles are delivered little-endian, complex numbers by halves") {
    const WrittenBundle written(R"(
data = [(b'c', 8, '>2f', [1.5, -2.0]), (b'f', 1, '>f', [0.1]), (b'h', 19, '>e', [0.5]), (b'i', 9, '>q', [-5]), (b'u', 4, '>B', [7])]
items, blob = [], b''
for n, t, f, x in data:
    d = struct.pack(f, *x); items.append((n, entry(t, [1], d, offset=len(blob)))); blob += d
bundle(p, header(big=1), items, [blob]))");
    const auto reader = written.open();
    const auto hex = [&](std::size_t i) { return to_hex(as_text(reader->read(i).bytes)); };
    CHECK(hex(0) == "0000c03f000000c0");
    CHECK(hex(1) == "cdcccc3d");
    CHECK(hex(2) == "0038");
    CHECK(hex(3) == "fbffffffffffffff");
    CHECK(hex(4) == "07");
    CHECK(reader->index().entries[1].native_dtype == ">f32");
    CHECK(reader->index().entries[4].native_dtype.empty());
  }

  TEST_CASE("strings and other values that are no numbers are listed and kept from being read") {
    const WrittenBundle written(R"(
L = crc(struct.pack('<2I', 5, 0)); s = b'\x05\0' + struct.pack('<I', mask(L)) + b'hello'
whole = mask(crc(b'hello', crc(struct.pack('<I', mask(L)), L)))
items = [(b'res', entry(20, [2], b'')), (b's', entry(7, [2], s, check=whole)), (b'var', entry(21, [], b'1234567', offset=11))]
bundle(p, header(), items, [s + b'1234567']))");
    const auto reader = written.open();
    const auto& entries = reader->index().entries;
    CHECK(entries[0].dtype == DType::kOther);
    CHECK(entries[0].native_dtype == "resource");
    CHECK(entries[1].dtype == DType::kString);
    CHECK(entries[2].native_dtype == "variant");
    CHECK(reader->index().notes.empty());
    CHECK(error_of([&] { return reader->read(1); }) ==
          "s: holds string, not numbers; it is listed and kept, but cannot be read as a tensor");
  }

  TEST_CASE("damaged strings are a note, lengths that lie an error") {
    constexpr const char* kScript = R"(
L = crc(struct.pack('<I', 5)); s = LEN + struct.pack('<I', mask(L)) + b'hellO'
bundle(p, header(), [(b's', entry(7, [1], s, check=1))], [s]))";
    const WrittenBundle damaged(cat("LEN = b'\\5'", kScript));
    CHECK(damaged.open()->index().notes ==
          std::vector<std::string>{
              "s: its strings are damaged: they have the masked crc32c 3d04a247, "
              "the index says 00000001"});
    CHECK(WrittenBundle(cat("LEN = b'\\7'", kScript)).error() ==
          "s: behind the lengths of its strings 7 + 4 bytes are needed; there are 9");
  }

  TEST_CASE("a Snappy-compressed index is read") {
    const WrittenBundle written(
        cat(kSliced, "bundle(p, header(), items, [a + b + f32(9)], snappy=True)"));
    CHECK(floats_of(written.open()->read(1)) == std::vector<float>{1, 4, 2, 5, 3, 6});
  }

  TEST_CASE("a merge that counted a shard too many is read all the same") {
    const WrittenBundle written(
        "bundle(p, header(2), [(b'a', entry(1, [1], f32(3)))], [f32(3)], count=1)");
    const auto reader = written.open();
    CHECK(floats_of(reader->read(0)) == std::vector<float>{3});
    CHECK(reader->index().notes ==
          std::vector<std::string>{"the index speaks of 2 data shards, the files' names of 1"});
  }

  TEST_CASE("a bundle without its data lists, and says what is missing when it is read") {
    const TempDir dir;
    write_file(dir / "m.index", kSmallIndex);
    const auto reader = open_checkpoint(dir / "m");
    CHECK(names_of(*reader) == std::vector<std::string>{"a", "b"});
    CHECK(
        reader->index().notes ==
        std::vector<std::string>{"the data shard m.data-00000-of-00001 is not there; what lies in "
                                 "it is listed, but cannot be read"});
    CHECK(error_of([&] { return reader->read(0); }) ==
          "a: its data shard m.data-00000-of-00001 is not there");
    CHECK(error_code_of([&] { return reader->read(0); }) == Errc::kUnsupported);
  }

  TEST_CASE("versions that forbid this reader are refused") {
    const auto error = [](const std::string& versions) {
      return WrittenBundle(
                 cat("bundle(p, header(versions=", versions, "), [(b'a', entry(1, []))], [b''])"))
          .error();
    };
    CHECK(error("num(1, -1)") == "was written by version -1 of its format; 0 is the oldest");
    CHECK(error("num(2, 2)") == "asks for readers of version 2 of its format; this one has 1");
    CHECK(error("num(3, 1)") == "forbids readers of version 1 of its format, as this one is");
  }

  TEST_CASE("a tensor's checksum is checked however its bytes are read, if all are") {
    const TempDir dir;
    std::vector<VariableSpec> specs{{.name = "w", .dtype = DType::kU8, .shape = {3'000'000}}};
    auto writer = create_checkpoint(dir / "m", specs, {}, "tf");
    writer->write(0, Bytes(3'000'000, std::byte{7}));
    writer->commit();
    std::string data = read_file(dir / "m.data-00000-of-00001");
    data[2'999'999] = 8;
    write_file(dir / "m.data-00000-of-00001", data);
    const auto reader = open_checkpoint(dir / "m");
    Bytes half(1'500'000);
    reader->read(0, 0, half);
    CHECK(error_of([&] { reader->read(0, 1'500'000, half); }) ==
          "w: its bytes have the masked crc32c 9ae14921, the index says 2299cd47");
    CHECK(error_code_of([&] { for_each_piece(*reader, 0, [](std::uint64_t, ByteView) {}); }) ==
          Errc::kCorrupt);
    reader->read(0, 1, half);  // a part of it cannot be checked
  }

  TEST_CASE("cut or flipped, an index ends in an error or the same tensors") {
    const TempDir dir;
    write_small(dir);
    const auto expected = read_all(*open_checkpoint(dir / "m"));
    const Check same = [&](const Reader& reader) {
      CHECK(names_of(reader) == std::vector<std::string>{"a", "b"});
      CHECK(read_all(reader) == expected);
    };
    const auto cut = cut_everywhere(tf::kTfBundleFormat, kSmallIndex, same, dir / "m.index");
    CHECK(cut.refused == static_cast<int>(kSmallIndex.size()));
    const auto flipped = flip_everywhere(tf::kTfBundleFormat, kSmallIndex, kSmallIndex.size(), same,
                                         dir / "m.index");
    // What is not looked at: the metaindex block, its handle, the footer's padding.
    CHECK(flipped.read > 0);
    CHECK(flipped.refused > 600 / kStride<3>);
    // The shard: a cut one is too short, a flipped one has another checksum.
    for (std::size_t size = 0; size < kSmallData.size(); ++size) {
      write_file(dir / "m.data-00000-of-00001", kSmallData.substr(0, size));
      CHECK(error_code_of([&] { open_checkpoint(dir / "m"); }) == Errc::kCorrupt);
    }
    for (std::size_t at = 0; at < kSmallData.size(); ++at) {
      std::string data(kSmallData);
      data[at] = static_cast<char>(data[at] ^ 1);
      write_file(dir / "m.data-00000-of-00001", data);
      CHECK(error_code_of([&] { read_all(*open_checkpoint(dir / "m")); }) == Errc::kCorrupt);
    }
  }

  TEST_CASE("lengths of an entry whose sum wraps do not lead out of the block") {
    // leveldb 1.23 adds them in 32 bits and reads past its memory.
    const WrittenBundle written(R"(
good = table([(b'', header()), (b'a', entry(1, []))])
body = v(0) + v(0xffffffff) + v(1) + b'xy' + struct.pack('<2I', 0, 1)
out = body + b'\0' + struct.pack('<I', mask(crc(body + b'\0')))
end = struct.pack('<2I', 0, 1); index = v(0) + v(1) + v(2) + b'~' + v(0) + v(len(body)) + end
at = len(out); out += index + b'\0' + struct.pack('<I', mask(crc(index + b'\0')))
open(p + '.index', 'wb').write(out + (v(at) + v(0) + v(at) + v(len(index))).ljust(40, b'\0') + good[-8:]))");
    CHECK(written.error() ==
          "data block 0: its entry at 0 claims 0 shared bytes of a key, 4294967295 others and a "
          "value "
          "of 1; 2 bytes are left");
  }

  TEST_CASE("a bundle is written byte for byte as TensorFlow writes it") {
    const TempDir dir;
    std::vector<VariableSpec> specs{{.name = "a", .shape = {}}, {.name = "b", .shape = {}}};
    for (const char* target : {"m", "n.index"}) {
      auto writer = create_checkpoint(dir / target, specs, {}, "tf");
      writer->write(1, as_byte_view(kSmallData.substr(4, 1)));  // in pieces and any order
      writer->write(0, as_byte_view(kSmallData.substr(0, 4)));
      writer->write(1, as_byte_view(kSmallData.substr(5)));
      writer->commit();
    }
    for (const std::string name : {"m", "n"}) {
      CHECK(to_hex(read_file(dir / (name + ".index"))) == to_hex(kSmallIndex));
      CHECK(read_file(dir / (name + ".data-00000-of-00001")) == kSmallData);
    }
  }

  TEST_CASE("TensorFlow's own files, read and written again, are the same bytes") {
    if (!std::filesystem::exists(corpus_path("tf2"))) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    int same = 0;
    for (const auto& item : std::filesystem::recursive_directory_iterator(corpus_path("tf2"))) {
      const std::string path = item.path();
      if (!path.ends_with(".index")) continue;
      CAPTURE(path);
      const auto reader = open_checkpoint(path);
      const auto& entries = reader->index().entries;
      const bool numeric =
          std::ranges::all_of(entries, [](const Entry& entry) { return is_numeric(entry.dtype); });
      const std::string prefix = path.substr(0, path.size() - 6);
      const std::string shard = prefix + ".data-00000-of-00001";
      if (!numeric || !std::filesystem::exists(shard)) continue;
      // In the order in which TensorFlow added them, which is that of their places.
      std::vector<std::size_t> order(entries.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      const auto offset = [&](std::size_t i) {
        return std::stoull(
            std::string(place_of(entries[i])).substr(place_of(entries[i]).find('+') + 1));
      };
      std::ranges::stable_sort(order, {}, offset);
      std::vector<VariableSpec> specs;
      for (const std::size_t i : order) {
        specs.push_back(
            {.name = entries[i].name, .dtype = entries[i].dtype, .shape = entries[i].shape});
      }
      const TempDir dir;
      auto writer = create_checkpoint(dir / "m", specs, {}, "tf");
      for (std::size_t i = 0; i < order.size(); ++i) {
        for_each_piece(*reader, order[i],
                       [&](std::uint64_t, ByteView piece) { writer->write(i, piece); });
      }
      writer->commit();
      CHECK(read_file(dir / "m.data-00000-of-00001") == read_file(shard));
      const std::string index = read_file(path);
      // Blocks that were compressed are not, when they are written.
      if (read_file(dir / "m.index") == index) ++same;
    }
    MESSAGE(same, " indexes are byte-identical");
    CHECK(same >= 13);
  }

  TEST_CASE("written bundles are read by an independent reader, in every dtype") {
    const TempDir dir;
    std::vector<VariableSpec> specs;
    std::vector<Bytes> tensors;
    for (int d = 0; d < kDTypeCount; ++d) {
      const auto dtype = static_cast<DType>(d);
      if (!is_numeric(dtype)) continue;
      specs.push_back(
          {.name = cat("scope/", name_of(dtype)), .dtype = dtype, .shape = {2, 0 + d % 3}});
      Bytes bytes(static_cast<std::size_t>(tensor_bytes(dtype, specs.back().shape)));
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
      tensors.push_back(bytes);
    }
    auto writer = create_checkpoint(dir / "m", specs, {}, "tf");
    for (std::size_t i = 0; i < tensors.size(); ++i) writer->write(i, tensors[i]);
    writer->commit();
    const auto reader = open_checkpoint(dir / "m");
    std::vector<std::string> expected;
    const auto digests = sha1_of(tensors);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      expected.push_back(cat(specs[i].name, " ", shape_text(specs[i].shape), " ", digests[i]));
      const auto at = reader->find(specs[i].name);
      REQUIRE(at);
      CHECK(reader->index().entries[*at].dtype == specs[i].dtype);
      CHECK(reader->read(*at).bytes == tensors[i]);
    }
    std::ranges::sort(expected);
    if (!std::filesystem::exists(CKPT_SHARED "/witness")) {
      MESSAGE("skipped in part: there is no witness in " CKPT_SHARED);
      return;
    }
    const std::string seen = run_python(R"(
import sys
sys.path.insert(0, sys.argv[2])
import scan
for n, t, s, h, z in scan.tf2(sys.argv[1] + '/m.index')[0]: print(n, 'x'.join(map(str, s)), h)
)",
                                        {dir.path(), CKPT_SHARED "/witness"});
    CHECK(seen == join(expected, "\n") + "\n");
  }

  TEST_CASE("an index of several blocks is written and read") {
    const TempDir dir;
    std::vector<VariableSpec> specs;
    for (int i = 0; i < 30'000; ++i) {
      specs.push_back({.name = cat("a/long/scope/of/many/variables/", i), .shape = {}});
    }
    auto writer = create_checkpoint(dir / "m", specs, {}, "tf");
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const float value = static_cast<float>(i);
      writer->write(i, as_byte_view(std::array{value}));
    }
    writer->commit();
    CHECK(read_file(dir / "m.index").size() > 2 * 262144);
    const auto reader = open_checkpoint(dir / "m");
    REQUIRE(reader->index().entries.size() == 30'000);
    CHECK(floats_of(reader->read(*reader->find("a/long/scope/of/many/variables/12345"))) ==
          std::vector<float>{12345});
    // A block of it out of its place.
    std::string index = read_file(dir / "m.index");
    index[200'000] = static_cast<char>(index[200'000] ^ 1);
    write_file(dir / "m.index", index);
    CHECK(error_of([&] { open_checkpoint(dir / "m"); }) ==
          cat(dir / "m", ": m.index: data block 0: its checksum does not match its 262159 bytes"));
  }

  TEST_CASE("a header with another number of shards keeps all else, what is not known too") {
    using namespace std::literals;
    const auto header = "\x08\x01\x10\x01\x4a\x03xyz\x1a\x02\x08\x01"sv;
    CHECK(tf::with_shards(header, 2) == "\x08\x02\x10\x01\x4a\x03xyz\x1a\x02\x08\x01"sv);
    CHECK(tf::with_shards(header, 1) == header);
    CHECK(error_of([&] {
            static_cast<void>(tf::with_shards(header.substr(0, 8), 2));
          }).starts_with("the bundle's header "));
  }

  TEST_CASE("what a bundle cannot hold is refused, and nothing is left") {
    const TempDir dir;
    const auto error = [&](const std::string& name) {
      return error_of(
          [&] { create_checkpoint(dir / "m", {{.name = name, .shape = {}}}, {}, "tf"); });
    };
    const std::string reason =
        "' cannot be a name in a bundle: it is empty, or begins with byte 0, as keys of slices do";
    CHECK(error("") == cat(dir / "m", ": '", reason));
    CHECK(error("\0x"s) == cat(dir / "m", ": '\\x00x", reason));
    CHECK(std::filesystem::is_empty(dir.path()));
    write_small(dir);
    CHECK(error("a") ==
          cat(dir / "m", ": exists already; give another name, or replace it with --overwrite"));
    { auto dropped = create_checkpoint(dir / "n", {{.name = "a", .shape = {}}}, {}, "tf"); }
    CHECK_FALSE(std::filesystem::exists(dir / "n.index"));
    CHECK_FALSE(std::filesystem::exists(dir / "n.data-00000-of-00001"));
  }

  TEST_CASE("an index rewritten under the same names is the same bytes") {
    if (!std::filesystem::exists(CKPT_SHARED "/corpus")) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    int same = 0;
    int indexes = 0;
    for (const auto& item : std::filesystem::recursive_directory_iterator(CKPT_SHARED "/corpus")) {
      const std::string path = item.path();
      if (!path.ends_with(".index")) continue;
      CAPTURE(path);
      ++indexes;
      const auto none = [](std::string_view) { return std::optional<std::string>(); };
      const std::string shard = path.substr(0, path.size() - 6) + ".data-00000-of-00001";
      std::unique_ptr<RandomFile> data;
      if (std::filesystem::exists(shard)) data = open_file(shard);
      try {
        const auto result =
            tf::rename_in_bundle(*open_file(path), none, [&](std::int32_t) { return data.get(); });
        CHECK_FALSE(result.append);
        if (result.index == read_file(path)) ++same;
      } catch (const Error& e) {
        CHECK(e.code() == Errc::kNotFound);  // an object graph in a shard that is not there
      }
    }
    MESSAGE(same, " of ", indexes, " real indexes are byte-identical after a rename of nothing");
    CHECK(same >= 20);
  }

  TEST_CASE("renaming moves slices with their variable and keeps every other byte of an entry") {
    const WrittenBundle written(cat(kSliced, "bundle(p, header(), items, [a + b + f32(9)])"));
    const auto rename = [](std::string_view name) -> std::optional<std::string> {
      if (name == "foo") return "new/foo";
      return std::nullopt;
    };
    const auto result =
        tf::rename_in_bundle(*open_file(written.index()), rename,
                             [](std::int32_t) -> const RandomFile* { return nullptr; });
    write_file(written.dir / "m.index", result.index);
    const auto reader = written.open();
    CHECK(names_of(*reader) == std::vector<std::string>{"after", "new/foo"});
    CHECK(floats_of(reader->read(1)) == std::vector<float>{1, 4, 2, 5, 3, 6});

    const auto error = [&](const std::string& name) {
      return error_of([&] {
        tf::rename_in_bundle(
            *open_file(written.index()), [&](std::string_view) { return std::optional(name); },
            [](std::int32_t) -> const RandomFile* { return nullptr; });
      });
    };
    CHECK(error("same") == "two variables would be called 'same'");
    CHECK(error("") ==
          "after: '' cannot be a name in a bundle: it is empty, or begins with byte 0, as "
          "keys of slices do");
  }

  TEST_CASE("renaming keeps the object graph true, behind the old one in its shard") {
    const std::string source =
        corpus_path("tf2/tensorflow+serving/saved_model_half_plus_two_tf2_cpu/00000123/variables");
    if (!std::filesystem::exists(source + ".index")) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    const TempDir dir;
    std::string data = read_file(source + ".data-00000-of-00001");
    const auto shard = open_file(source + ".data-00000-of-00001");
    const auto result = tf::rename_in_bundle(
        *open_file(source + ".index"),
        [](std::string_view name) -> std::optional<std::string> {
          if (name.starts_with("a/")) return cat("moved/far/", name);
          return std::nullopt;
        },
        [&](std::int32_t number) { return number == 0 ? shard.get() : nullptr; });
    REQUIRE(result.append);
    CHECK(result.append->shard == 0);
    CHECK(result.append->offset == data.size());
    write_file(dir / "m.index", result.index);
    write_file(dir / "m.data-00000-of-00001", data + result.append->bytes);
    const auto reader = open_checkpoint(dir / "m");
    CHECK(names_of(*reader) == std::vector<std::string>{"_CHECKPOINTABLE_OBJECT_GRAPH",
                                                        "b/.ATTRIBUTES/VARIABLE_VALUE",
                                                        "c/.ATTRIBUTES/VARIABLE_VALUE",
                                                        "moved/far/a/.ATTRIBUTES/VARIABLE_VALUE"});
    const auto details = reader->details(3);
    REQUIRE(details.attributes.size() >= 2);
    CHECK(details.attributes[0].name == "full_name");
    CHECK(details.attributes[0].value == "a");
    CHECK(details.attributes[1].value == "a");  // the object's path is no key, and stays
    // The only note is of the old graph's bytes: no key of the graph is lost.
    CHECK(reader->index().notes ==
          std::vector<std::string>{"619 bytes of shard 0 belong to no tensor"});
    // Renamed back, the graph is what it was, byte for byte.
    const auto again = open_file(dir / "m.data-00000-of-00001");
    const auto back = tf::rename_in_bundle(
        *open_file(dir / "m.index"),
        [](std::string_view name) -> std::optional<std::string> {
          if (name.starts_with("moved/far/")) return std::string(name.substr(10));
          return std::nullopt;
        },
        [&](std::int32_t) { return again.get(); });
    REQUIRE(back.append);
    CHECK(back.append->bytes == data.substr(12));
  }

  TEST_CASE("what an object's variable was called is shown beside its key") {
    const std::string source = corpus_path(
        "tf2/theIArchitecture+tensorflow/cc_saved_model/VarsAndArithmeticObjectGraph/variables");
    if (!std::filesystem::exists(source + ".index")) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    const auto reader = open_checkpoint(source);
    CHECK(reader->index().layers ==
          std::map<std::string, std::string, std::less<>>{{"child/z/.ATTRIBUTES", "child_variable"},
                                                          {"x/.ATTRIBUTES", "variable_x"},
                                                          {"y/.ATTRIBUTES", "variable_y"}});
  }
}
