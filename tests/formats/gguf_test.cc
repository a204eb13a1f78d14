#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/text.h"
#include "formats/formats.h"
#include "formats/gguf/format.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A writer of GGUF in Python, by the format's own description.
constexpr const char* kGgufWriter = R"(
import struct, sys
def gguf(path, kv, tensors, version=3, order='<', align=32, tail=b''):
    u32 = lambda v: struct.pack(order + 'I', v)
    u64 = lambda v: struct.pack(order + 'Q', v)
    text = lambda s: u64(len(s.encode())) + s.encode()
    fmt = {0: 'B', 1: 'b', 2: 'H', 3: 'h', 4: 'I', 5: 'i', 6: 'f', 7: 'B', 10: 'Q', 11: 'q', 12: 'd'}
    def value(t, v):
        if t == 8: return text(v)
        if t == 9: return u32(v[0]) + u64(len(v[1])) + b''.join(value(v[0], x) for x in v[1])
        return struct.pack(order + fmt[t], v)
    out = b'GGUF' + u32(version) + u64(len(tensors)) + u64(len(kv))
    for k, t, v in kv: out += text(k) + u32(t) + value(t, v)
    data = b''
    for name, dims, t, d in tensors:
        data += b'\0' * (-len(data) % align)
        out += text(name) + u32(len(dims)) + b''.join(map(u64, dims)) + u32(t) + u64(len(data))
        data += d
    out += b'\0' * (-len(out) % align) + data + tail
    open(path, 'wb').write(out)
path = sys.argv[1]
)";

std::string gguf_of(const std::string& call) {
  const TempDir dir;
  run_python(cat(kGgufWriter, call), {dir / "x"});
  return read_file(dir / "x");
}

std::string error_of_gguf(const std::string& call) {
  const std::string bytes = gguf_of(call);
  return error_of([&] { open_bytes(gguf::kFormat, bytes); });
}

std::string error_of_bytes(std::string_view bytes) {
  return error_of([&] { open_bytes(gguf::kFormat, bytes); });
}

}  // namespace

TEST_SUITE("formats/gguf") {
  TEST_CASE("a real file lists as an independent reader saw it, extents outermost first") {
    const auto rows = expected_tensors("gguf/");
    if (rows.empty()) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    std::map<std::string, std::unique_ptr<Reader>> readers;
    for (const auto& row : rows) {
      CAPTURE(row.name);
      auto& reader = readers[row.file];
      if (!reader) reader = open_checkpoint(corpus_path(row.file));
      const auto i = reader->find(row.name);
      REQUIRE(i.has_value());
      const Entry& entry = reader->index().entries[*i];
      CHECK(cat("ggml", entry.dtype == DType::kF32   ? 0
                        : entry.dtype == DType::kF16 ? 1
                                                     : 99) == row.dtype);
      // That reader prints extents as the file has them, innermost first.
      CHECK(shape_text(Shape(entry.shape.rbegin(), entry.shape.rend())) == row.shape);
    }
    // That reader gives no digests: Python cuts the tensors out of the file by itself.
    const auto& reader = *readers.begin()->second;
    REQUIRE(reader.index().entries.size() == rows.size());
    const std::string digests = run_python(R"(
import struct, sys, hashlib
d = open(sys.argv[1], 'rb').read()
n, k = struct.unpack('<QQ', d[8:24]); i = 24
def text(i):
    n, = struct.unpack('<Q', d[i:i+8]); return d[i+8:i+8+n], i + 8 + n
for _ in range(k):
    key, i = text(i); t, = struct.unpack('<I', d[i:i+4]); i += 4
    assert t == 8; v, i = text(i)
    assert (key, v) == (b'general.architecture', v)
rows = []
for _ in range(n):
    name, i = text(i); nd, = struct.unpack('<I', d[i:i+4]); i += 4
    dims = struct.unpack(f'<{nd}Q', d[i:i+8*nd]); i += 8 * nd
    t, o = struct.unpack('<IQ', d[i:i+12]); i += 12
    size = (4, 2)[t]
    for x in dims: size *= x
    rows.append((o, size))
i += -i % 32
for o, size in rows: print(hashlib.sha1(d[i+o:i+o+size]).hexdigest()[:12])
)",
                                           {corpus_path(rows[0].file)});
    std::vector<Bytes> bytes;
    for (const Tensor& tensor : read_all(reader)) bytes.push_back(tensor.bytes);
    CHECK(join(sha1_of(bytes), "\n") + "\n" == digests);
    MESSAGE("GGUF: 1 file, ", rows.size(), " tensors agree");
  }

  TEST_CASE("names, numbers, quantised blocks and metadata of every type are listed") {
    const std::string bytes = gguf_of(R"(
gguf(path, [('general.architecture', 8, 'llama'), ('general.alignment', 4, 64), ('b', 7, 1), ('i', 1, -5), ('h', 3, -300),
            ('q', 11, -1 << 40), ('w', 2, 65535), ('f', 6, 0.5), ('d', 12, 1e300), ('n', 9, (5, list(range(-3, 9)))),
            ('t', 9, (8, ['x', 'yz'])), ('deep', 9, (9, [(4, [1]), (4, [2, 3])])), ('u', 0, 7), ('U', 10, 1 << 63), ('s', 5, -7)],
     [('blk.0.w', [2, 3], 0, struct.pack('<6f', *range(6))), ('blk.0.q', [512, 2], 12, bytes(576)), ('bf', [1], 30, b'ab'),
      ('i8', [3], 24, b'abc'), ('new', [4], 77, b'1234'), ('scalar', [], 28, bytes(8))], align=64)
)");
    const auto reader = open_bytes(gguf::kFormat, bytes);
    const auto row = [&](std::string_view name) {
      const auto i = reader->find(name).value();
      const Entry& entry = reader->index().entries[i];
      return cat(name_of(entry.dtype), " ", to_string(entry.shape), " ", entry.nbytes, " '",
                 entry.native_dtype, "' ", reader->details(i).storage, " ",
                 reader->details(i).stored_bytes);
    };
    CHECK(reader->index().format == "GGUF");
    CHECK(reader->index().layout == "version 3");
    CHECK(row("blk.0.w") == "f32 [3, 2] 24 '' contiguous at 704 24");
    CHECK(row("blk.0.q") ==
          "other [2, 512] 0 'Q4_K' contiguous at 768, 576 bytes: 4 blocks of 144 bytes for 256 "
          "elements 576");
    CHECK(row("bf") == "bf16 [1] 2 '' contiguous at 1344 2");
    CHECK(row("new") ==
          "other [4] 0 'ggml type 77' contiguous at 1472, of a type whose size is not known 0");
    CHECK(row("scalar") == "f64 [] 8 '' contiguous at 1536 8");
    CHECK(as_text(reader->read(reader->find("i8").value()).bytes) == "abc");
    CHECK(error_of([&] { (void)reader->read(1); }) ==
          "blk.0.q: holds Q4_K, not numbers; it is listed and kept, but cannot be read as a "
          "tensor");
    CHECK(reader->index().notes ==
          std::vector<std::string>{
              "new: is of ggml type 77, which is not known; its bytes could not be checked"});
    std::vector<std::string> attributes;
    for (const auto& [name, value] : reader->details(0).attributes) {
      attributes.push_back(cat(name, "=", value));
    }
    CHECK(reader->metadata() == Metadata{{"general.architecture", "llama"}});
    CHECK(join(reader->other_metadata(), " ") == "general.alignment b i h q w f d n t deep u U s");
    CHECK(join(attributes, "; ") ==
          "general.architecture=llama; general.alignment=64; b=true; i=-5; h=-300; "
          "q=-1099511627776; w=65535; f=0.5; d=1e+300; n=12 of i32 [-3, -2, -1, 0, 1, 2, 3, 4, …]; "
          "t=2 of string [x, yz]; deep=2 of array [1 of u32 [1], 2 of u32 [2, 3]]; u=7; "
          "U=9223372036854775808; s=-7");
  }

  TEST_CASE("a conversion says what of the metadata it leaves behind") {
    const TempDir dir;
    write_file(dir / "x.gguf", gguf_of(R"(
gguf(path, [('general.name', 8, 'tiny'), ('llama.block_count', 4, 2), ('tokens', 9, (8, ['a', 'b']))],
     [('w', [1], 0, struct.pack('<f', 1))])
)"));
    const auto with_text = run_ckpt({"convert", "x.gguf", "x.safetensors"}, dir.path());
    CHECK(with_text.status == 0);
    CHECK(with_text.err ==
          "ckpt: note: not carried over, what the file says of itself: llama.block_count, tokens "
          "(it is no text about the whole file)\n");
    const auto without = run_ckpt({"convert", "x.gguf", "x.npz"}, dir.path());
    CHECK(without.err.starts_with(
        "ckpt: note: not carried over, what the file says of itself: general.name\n"));
    CHECK(open_checkpoint(dir / "x.safetensors")->metadata() == Metadata{{"general.name", "tiny"}});
  }

  TEST_CASE("version 2 and big-endian files are read, other versions refused") {
    const std::string call =
        "gguf(path, [('a', 4, 1)], [('w', [2], 1, struct.pack(o + '2e', 1, 2)), ('b', [2], 24, "
        "b'xy')], version=v, order=o)";
    const auto values = [&](const std::string& settings) {
      const auto reader = open_bytes(gguf::kFormat, gguf_of(cat(settings, "; ", call)));
      CHECK(as_text(reader->read(1).bytes) == "xy");
      return cat(reader->index().layout, " ", reader->index().entries[0].native_dtype, " ",
                 sha1_of({reader->read(0).bytes})[0]);
    };
    const std::string digest =
        sha1_of({{std::byte{0}, std::byte{0x3c}, std::byte{0}, std::byte{0x40}}})[0];
    CHECK(values("v, o = 2, '<'") == cat("version 2  ", digest));
    CHECK(values("v, o = 3, '<'") == cat("version 3  ", digest));
    CHECK(values("v, o = 3, '>'") == cat("version 3 big-endian F16 ", digest));
    CHECK(error_of_gguf(cat("v, o = 1, '<'; ", call)) ==
          "is GGUF of version 1; versions 2 and 3 are known, big-endian from 3 on");
    CHECK(error_of_gguf(cat("v, o = 2, '>'; ", call)) ==
          "is GGUF of version 2 in big-endian order; versions 2 and 3 are known, big-endian from 3 "
          "on");
  }

  TEST_CASE("each lie of an index is answered by what was seen and needed") {
    CHECK(error_of_bytes("GGUF") ==
          "the file's index passes its end: 4 bytes are needed at 4, there are 0");
    CHECK(error_of_bytes(std::string_view("GGUF\3\0\0\0\xff\xff\xff\xff\0\0\0\0", 16)) ==
          "the file is said to have 4294967295 tensors; its 0 bytes have no room for them");
    CHECK(error_of_gguf("gguf(path, [('k', 4, 1), ('k', 4, 2)], [])") ==
          "the metadata has the key 'k' twice");
    CHECK(
        error_of_gguf("gguf(path, [('general.alignment', 4, 24)], [])") ==
        "metadata 'general.alignment': is 24 of type u32, a u32 that is a power of two is needed");
    CHECK(error_of_gguf("gguf(path, [('k', 7, 2)], [])") ==
          "metadata 'k': a bool is 2, 0 or 1 is needed");
    CHECK(error_of_gguf("gguf(path, [], [('w', [1], 0, b'1234'), ('w', [1], 0, b'1234')])") ==
          "two tensors are called 'w'");
    CHECK(error_of_gguf("gguf(path, [], [('w', [2], 0, b'1234')])") ==
          "w: 8 bytes at 0 pass the end of the tensors' 4 bytes");
    CHECK(
        error_of_gguf(
            "gguf(path, [], [('v', [16], 0, b'1234'), ('w', [1], 0, b'1234')], tail=bytes(64))") ==
        "w: its bytes begin at 32, inside those of v");
    CHECK(error_of_gguf("gguf(path, [], [('w', [1, 1, 1, 1, 1], 0, b'1234')])") ==
          "w: has 5 dimensions, 4 are the most");
    CHECK(error_of_gguf("gguf(path, [], [('w', [100], 2, bytes(100))])") ==
          "w: its rows of 100 elements are no whole blocks of Q4_0, which has 32");
    CHECK(error_of_gguf("gguf(path, [], [('w', [1 << 40, 1 << 40], 0, b'')])") ==
          "w: shape [1099511627776, 1099511627776] has more than 2^63 elements");
    CHECK(error_of_gguf(
              "gguf(path, [], [('a', [1], 0, b'1234'), ('w', [1], 0, b'1234')], align=8)") ==
          "w: offset 8 is no multiple of the alignment 32");
  }

  TEST_CASE("a wild index is refused as an unknown one is") {
    const std::string path = hostile_path("misc/gguf.gguf");
    if (!std::filesystem::exists(path)) {
      MESSAGE("skipped: there are no hostile files in " CKPT_SHARED);
      return;
    }
    CHECK(error_code_of([&] { open_checkpoint(path); }) == Errc::kCorrupt);
  }

  TEST_CASE("a file that is cut is refused, one with a bit flipped is never read past its end") {
    const std::string bytes = gguf_of(
        "gguf(path, [('a', 8, 'x'), ('n', 9, (4, [1, 2]))], [('w', [2, 3], 0, b'x' * 24), ('q', "
        "[32], 2, b'y' * 18)])");
    const DamageCount cut = cut_everywhere(gguf::kFormat, bytes, [](const Reader&) {});
    CHECK(cut.read == 0);
    CHECK(cut.refused == static_cast<int>(bytes.size()));
    // The format has no checksum: a flipped digit is another type or extent.
    const DamageCount flipped =
        flip_everywhere(gguf::kFormat, bytes, bytes.size() - 50, [&](const Reader& reader) {
          for (const Tensor& tensor : read_all(reader)) {
            CHECK(bytes.find(as_text(tensor.bytes)) != std::string::npos);
          }
        });
    CHECK(flipped.refused > 0);
    CHECK(flipped.read > 0);
  }
}
