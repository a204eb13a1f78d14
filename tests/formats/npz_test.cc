#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/string_pool.h"
#include "core/tensor.h"
#include "core/text.h"
#include "formats/formats.h"
#include "formats/npy.h"
#include "formats/numpy/format.h"
#include "formats/zip/archive_writer.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A NumPy file of that dict and data, without padding.
std::string npy_of(std::string_view dict, std::string_view data) {
  return cat(std::string_view("\x93NUMPY\x01\x00", 8), static_cast<char>(dict.size()), '\0', dict,
             data);
}

std::string error_of_dict(std::string_view dict, std::string_view data = "") {
  return error_of([&] { open_bytes(numpy::kNpyFormat, npy_of(dict, data)); });
}

std::string dict_of(std::string_view descr, std::string_view shape,
                    std::string_view fortran = "False") {
  return cat("{'descr': ", descr, ", 'fortran_order': ", fortran, ", 'shape': ", shape, "}\n");
}

// Runs a script with numpy at hand; `path` is argv[1].
void numpy_script(const std::string& script, const std::string& path) {
  run_python("import sys, io, struct, zlib, zipfile, numpy as np\npath = sys.argv[1]\n" + script,
             {path});
}

Tensor floats(Shape shape, std::vector<float> values) {
  return make_tensor(std::move(shape), values);
}

// A zip of two arrays, one of them deflated: small, and every part of a zip is in it.
std::string small_archive() {
  const TempDir dir;
  numpy_script(R"(
with zipfile.ZipFile(path, 'w') as z:
    for name, a, method in (('a', np.array([1.5, -2], '<f4'), 0), ('b/c', np.arange(6, dtype='>i2').reshape(2, 3), 8)):
        b = io.BytesIO(); np.save(b, a)
        z.writestr(zipfile.ZipInfo(name + '.npy'), b.getvalue(), method)
)",
               dir / "small.npz");
  return read_file(dir / "small.npz");
}

// The native type of the witness' word for one: "float32" is "f32".
std::string native_word(const Entry& entry) {
  return std::string(is_numeric(entry.dtype) ? name_of(entry.dtype) : entry.native_dtype.view());
}

}  // namespace

TEST_SUITE("formats/npz") {
  TEST_CASE("real files list and read as an independent reader saw them") {
    const auto rows = expected_tensors("npz/");
    if (rows.empty()) MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
    std::map<std::string, std::unique_ptr<Reader>> readers;
    std::vector<Bytes> bytes;
    std::vector<std::string> wanted;
    for (const auto& row : rows) {
      CAPTURE(row.file);
      CAPTURE(row.name);
      auto& reader = readers[row.file];
      if (!reader) reader = open_checkpoint(corpus_path(row.file));
      const auto i = reader->find(row.name);
      REQUIRE(i.has_value());
      const Entry& entry = reader->index().entries[*i];
      CHECK(shape_text(entry.shape) == row.shape);
      const auto dtype = parse_dtype(row.dtype);
      CHECK(native_word(entry) == (dtype ? name_of(*dtype) : row.dtype));
      if (is_numeric(entry.dtype)) {
        CHECK(entry.nbytes == row.nbytes);
        bytes.push_back(reader->read(*i).bytes);
        wanted.push_back(row.sha1);
      } else {
        CHECK(entry.dtype == DType::kString);
        CHECK(
            reader->details(*i).storage.ends_with(cat(", ", row.nbytes, " bytes of ", row.dtype)));
      }
    }
    CHECK(sha1_of(bytes) == wanted);
    std::size_t entries = 0;
    for (const auto& [file, reader] : readers) entries += reader->index().entries.size();
    CHECK(entries == rows.size());
    MESSAGE("npz: ", readers.size(), " files, ", rows.size(), " arrays agree, ", wanted.size(),
            " of them by digest");
  }

  TEST_CASE("hostile files are answered as the manifest says, but for four rows") {
    // Judged wrong in the manifest, which has them as readable:
    const std::map<std::string, std::string> judged{
        {"npz/descr_m8.npz", "32 bytes of dates are declared, 16 are there"},
        {"npz/z_prefix.npz", "every offset is off by 18; the manifest's note allows an error"},
        {"npz/z_extra_lie.npz", "an extra field passes its block, and what it hides is unknown"},
        {"npz/z_trailing.npz", "bytes behind the end record; the manifest's note allows an error"}};
    int count = 0;
    for (const std::string id : {"npz", "npy"}) {
      for (const HostileFile& row : hostile_files(id)) {
        CAPTURE(row.file);
        CAPTURE(row.what_is_wrong);
        const auto& format = id == "npz" ? numpy::kNpzFormat : numpy::kNpyFormat;
        const std::string path = hostile_path(row.file);
        const bool refused = row.expected == "error" || judged.contains(row.file);
        const std::string error = error_of([&] { read_all(*open_as(format, path)); });
        CHECK((error != "no error") == refused);
        // A zip of nothing but another zip is no npz to the table of formats.
        const bool found = !refused && row.file != "npz/z_nested.npz";
        CHECK((error_of([&] { read_all(*open_checkpoint(path)); }) == "no error") == found);
        ++count;
      }
    }
    if (count == 0) MESSAGE("skipped: there are no hostile files in " CKPT_SHARED);
    MESSAGE("npz and npy: ", count, " hostile files, ", judged.size(), " rows judged wrong");
  }

  TEST_CASE("an archive that is cut at any length is refused") {
    const std::string bytes = small_archive();
    const DamageCount count = cut_everywhere(numpy::kNpzFormat, bytes, [](const Reader&) {});
    CHECK(count.read == 0);
    CHECK(count.refused == static_cast<int>(bytes.size()));
  }

  TEST_CASE("an archive with any bit flipped is refused, or its arrays are the same") {
    const std::string bytes = small_archive();
    const auto whole = open_bytes(numpy::kNpzFormat, bytes);
    const std::vector<Tensor> tensors = read_all(*whole);
    REQUIRE(tensors.size() == 2);
    const DamageCount count =
        flip_everywhere(numpy::kNpzFormat, bytes, bytes.size(), [&](const Reader& reader) {
          CHECK(reader.index().entries == whole->index().entries);
          CHECK(read_all(reader) == tensors);
        });
    CHECK(count.refused > count.read);
    CHECK(count.read > 0);  // in times, versions and attributes
  }

  TEST_CASE("both byte orders, column-major arrays and every type of NumPy's are delivered alike") {
    const TempDir dir;
    numpy_script(R"(
arrays = {}
for kind in ('i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'c8', 'c16', 'b1'):
    for order in '<>':
        for shape in ((), (0, 3), (5,), (2, 3), (3, 4, 5)):
            n = int(np.prod(shape))
            a = (np.arange(n) * 3 % 2 if kind == 'b1' else np.arange(n) * 3 + 1).reshape(shape).astype(order + kind)
            key = order + kind + str(shape)
            arrays['C' + key] = a
            arrays['F' + key] = np.asfortranarray(a)
np.savez(path + '/stored.npz', **arrays)
np.savez_compressed(path + '/deflated.npz', **arrays)
import hashlib
with open(path + '/sums', 'w') as f:
    for k, a in arrays.items():
        b = np.ascontiguousarray(a.astype(a.dtype.newbyteorder('<'))).tobytes()
        f.write(f'{k}\t{a.dtype.newbyteorder("=")}\t{hashlib.sha1(b).hexdigest()[:12]}\n')
)",
                 dir.path().string());
    for (const std::string file : {"stored.npz", "deflated.npz"}) {
      const auto reader = open_checkpoint(dir / file);
      std::vector<Bytes> bytes;
      std::vector<std::string> wanted;
      const std::string sums = read_file(dir / "sums");
      for (const std::string_view line : split(sums, "\n")) {
        if (line.empty()) continue;
        const auto cells = split(line, "\t");
        CAPTURE(line);
        const auto i = reader->find(cells[0]);
        REQUIRE(i.has_value());
        CHECK(reader->index().entries[*i].dtype ==
              (cells[1] == "bool" ? DType::kBool : parse_dtype(cells[1])));
        bytes.push_back(reader->read(*i).bytes);
        wanted.emplace_back(cells[2]);
      }
      CHECK(wanted.size() == 280);
      CHECK(sha1_of(bytes) == wanted);
    }
  }

  TEST_CASE("what the index says of arrays that are no plain numbers") {
    const TempDir dir;
    numpy_script(R"(
np.savez(path, be=np.zeros((2, 3), '>f4'), f=np.asfortranarray(np.zeros((2, 3), '<f8')), u=np.array(['abc', 'd']),
         s=np.array([b'xy']), t=np.zeros(2, [('a', '<f4'), ('b', '>i8', (2, 2))]), d=np.zeros(1, 'M8[ns]'), v=np.zeros(3, 'V2'), l=np.zeros(1, 'g'))
)",
                 dir / "odd.npz");
    const auto reader = open_checkpoint(dir / "odd.npz");
    const auto row = [&](std::string_view name) {
      const auto i = reader->find(name).value();
      const Entry& entry = reader->index().entries[i];
      return cat(place_of(entry), " ", name_of(entry.dtype), " ", to_string(entry.shape), " ",
                 entry.nbytes, " '", entry.native_dtype, "'",
                 reader->details(i).storage.substr(reader->details(i).storage.find(',')));
    };
    CHECK(reader->index().layout == "native");
    CHECK(reader->index().notes.empty());
    CHECK(row("f") == "f.npy f64 [2, 3] 48 '', column-major (Fortran order)");
    CHECK(row("u") == "u.npy string [2] 0 '<U3', 24 bytes of <U3");
    CHECK(row("s") == "s.npy string [1] 0 '|S2', 2 bytes of |S2");
    CHECK(row("t") == "t.npy other [2] 0 'compound of 2', 72 bytes of compound of 2");
    CHECK(row("d") == "d.npy other [1] 0 '<M8[ns]', 8 bytes of <M8[ns]");
    CHECK(row("v") == "v.npy other [3] 0 '|V2', 6 bytes of |V2");
    CHECK(row("l") == "l.npy other [1] 0 '<f16', 16 bytes of <f16");
    CHECK(reader->index().entries[reader->find("be").value()].native_dtype == ">f4");
    CHECK(reader->index().entries[reader->find("u").value()].role == Role::kOther);
    CHECK(error_of([&] { (void)reader->read(reader->find("v").value()); }) ==
          "v: holds |V2, not numbers; it is listed and kept, but cannot be read as a tensor");
  }

  TEST_CASE("each lie of a NumPy header is answered by what was seen and needed") {
    CHECK(error_of_dict(dict_of("'<f4'", "(2,)"), "1234567") ==
          "shape [2] of elements of 4 bytes needs 8 bytes, there are 7");
    CHECK(error_of_dict(dict_of("'|O'", "(1,)"), "x") ==
          "holds Python objects as a pickle, which is never read, since it can run code");
    CHECK(error_of_dict(dict_of("[('a', '<f4'), ('b', [('c', '|O')])]", "(1,)"), "x") ==
          "holds Python objects as a pickle, which is never read, since it can run code");
    CHECK(error_of_dict(dict_of("'<f4'", "(1,)", "Maybe")) ==
          "the NumPy header has 'M' at byte 34, a string, a whole number, True, False, None, a "
          "tuple, a list or a dict is needed");
    CHECK(error_of_dict(dict_of("'<f4'", "(1,)", "None")) ==
          "fortran_order is None, True or False is needed");
    CHECK(error_of_dict(dict_of("'<f4'", "(2)")) == "shape is a number, a tuple is needed");
    CHECK(error_of_dict(dict_of("('<f4', (2,))", "()")) ==
          "descr is a tuple, a string or a list of fields is needed");
    CHECK(error_of_dict(dict_of("[('a',)]", "()")) ==
          "a field of descr is no tuple of a name, a type and perhaps a shape");
    CHECK(error_of_dict(dict_of("[('a', '<f4', (4294967296, 4294967296))]", "()")) ==
          "a field of descr has an impossible shape");
    CHECK(error_of([] { open_bytes(numpy::kNpyFormat, "\x93NUMPY\x01"); }) ==
          "the NumPy header needs 1 more bytes and has 0 left");
    // Python 2 wrote its long integers so.
    const auto reader =
        open_bytes(numpy::kNpyFormat, npy_of(dict_of("'<u2'", "(1L, 2L)"), "abcd"), "x/w.npy");
    CHECK(reader->index().entries.at(0).shape == Shape{1, 2});
    CHECK(reader->index().entries.at(0).name == "w");
  }

  TEST_CASE("a damaged array is noticed where it is read to its end, in any pieces") {
    const TempDir dir;
    numpy_script("np.savez(path, a=np.arange(600000, dtype='<f4'), b=np.zeros(3))", dir / "x.npz");
    std::string bytes = read_file(dir / "x.npz");
    bytes[1000000] = static_cast<char>(bytes[1000000] ^ 1);
    const auto reader = open_bytes(numpy::kNpzFormat, bytes);
    Bytes start(4);
    reader->read(0, 0, start);
    CHECK(as_text(start) == std::string_view("\0\0\0\0", 4));
    const std::string error =
        error_of([&] { for_each_piece(*reader, 0, [](std::uint64_t, ByteView) {}); });
    CHECK(error.starts_with("zip member 'a.npy': its bytes are damaged: their CRC-32 is "));
    CHECK(error_of([&] { (void)reader->read(0); }) == error);
    CHECK(reader->read(1).bytes == Bytes(24));
  }

  TEST_CASE("pieces of a deflated array are the same in any order, and of several arrays in turn") {
    const TempDir dir;
    numpy_script(R"(
np.savez_compressed(path, **{f'a{i}': np.arange(100000, dtype='<u4') * (i + 1) for i in range(12)})
)",
                 dir / "x.npz");
    const auto reader = open_checkpoint(dir / "x.npz");
    const auto value = [&](std::size_t i, std::uint64_t at) {
      Bytes bytes(4);
      reader->read(i, at, bytes);
      return std::to_integer<std::uint32_t>(bytes[0]) |
             std::to_integer<std::uint32_t>(bytes[1]) << 8 |
             std::to_integer<std::uint32_t>(bytes[2]) << 16 |
             std::to_integer<std::uint32_t>(bytes[3]) << 24;
    };
    for (const std::uint64_t at : {5U, 99999U, 0U, 50000U, 49999U, 50001U, 99998U}) {
      for (std::size_t i = 0; i < 12; ++i) CHECK(value(i, at) == at * (i + 1));
    }
  }

  TEST_CASE("a column-major array of more than one band reads row-major, whole and in slices") {
    const TempDir dir;
    numpy_script(
        "np.save(path, np.asfortranarray(np.arange(9000000, dtype='<f4').reshape(5, 900, 2000)))",
        dir / "big.npy");
    const auto reader = open_checkpoint(dir / "big.npy");
    std::uint64_t wrong = 0;
    std::uint64_t count = 0;
    for_each_piece(*reader, 0, [&](std::uint64_t, ByteView piece) {
      for (std::size_t i = 0; i + 4 <= piece.size(); i += 4, ++count) {
        float value = 0;
        std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(i), 4,
                    reinterpret_cast<std::byte*>(&value));
        if (value != static_cast<float>(count)) ++wrong;
      }
    });
    CHECK(count == 9000000);
    CHECK(wrong == 0);
    CHECK(reader->read_slice(0, {4, 899, 1998}, {1, 1, 2}) ==
          floats({1, 1, 2}, {8999998, 8999999}));
    CHECK(reader->read_slice(0, {0, 1, 0}, {2, 1, 1}) == floats({2, 1, 1}, {2000, 1802000}));
  }

  TEST_CASE("what numpy reads of a written archive is what was written, for every type") {
    const TempDir dir;
    std::vector<VariableSpec> specs;
    std::vector<Bytes> bytes;
    for (int i = 0; i < kDTypeCount; ++i) {
      const auto dtype = static_cast<DType>(i);
      if (!is_numeric(dtype) || dtype == DType::kBf16 || dtype == DType::kF8e4m3 ||
          dtype == DType::kF8e5m2) {
        continue;
      }
      specs.push_back(
          {.name = cat("scope/", name_of(dtype), "/ü"), .dtype = dtype, .shape = {2, 0, 1}});
      specs.push_back({.name = std::string(name_of(dtype)), .dtype = dtype, .shape = {3, 2}});
    }
    specs.push_back({.name = "scalar", .shape = {}});
    const auto writer = create_checkpoint(dir / "x.npz", specs, {}, "npz");
    for (std::size_t i = specs.size(); i-- > 0;) {
      Bytes tensor(tensor_bytes(specs[i].dtype, specs[i].shape));
      for (std::size_t k = 0; k < tensor.size(); ++k) {
        tensor[k] = static_cast<std::byte>(specs[i].dtype == DType::kBool ? k % 2 : k + i);
      }
      const ByteView view = tensor;
      writer->write(i, view.first(tensor.size() / 2));
      writer->write(i, view.subspan(tensor.size() / 2));
      bytes.insert(bytes.begin(), std::move(tensor));
    }
    writer->commit();
    const auto reader = open_checkpoint(dir / "x.npz");
    REQUIRE(reader->index().entries.size() == specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
      CHECK(reader->index().entries[i].name == specs[i].name);
      CHECK(reader->read(i) == Tensor{specs[i].dtype, specs[i].shape, bytes[i]});
    }
    const std::string seen = run_python(R"(
import sys, zipfile, numpy as np
z = np.load(sys.argv[1])
for k in z.files:
    a = z[k]
    print(k, a.dtype, a.shape, a.tobytes().hex())
zf = zipfile.ZipFile(sys.argv[1])
assert zf.testzip() is None
for i in zf.infolist():
    f = open(sys.argv[1], 'rb'); f.seek(i.header_offset)
    h = f.read(30)
    assert (i.header_offset + 30 + int.from_bytes(h[26:28], 'little') + int.from_bytes(h[28:30], 'little')) % 64 == 0
)",
                                        {dir / "x.npz"});
    const auto lines = split(seen, "\n");
    REQUIRE(lines.size() == specs.size() + 1);
    CHECK(lines[0] == "scope/f16/ü float16 (2, 0, 1) ");
    CHECK(lines[1] == "f16 float16 (3, 2) 0102030405060708090a0b0c");
    CHECK(lines[specs.size() - 2].starts_with("c128 complex128 (3, 2) 1b1c1d"));
    CHECK(lines[specs.size() - 1] == "scalar float32 () 1c1d1e1f");
  }

  TEST_CASE("the same variables make the same archive") {
    const TempDir dir;
    for (const std::string file : {"one.npz", "two.npz"}) {
      const auto writer = create_checkpoint(dir / file, {{.name = "a", .shape = {1}}}, {}, "npz");
      writer->write(0, as_byte_view("1234"));
      writer->commit();
    }
    CHECK(read_file(dir / "one.npz") == read_file(dir / "two.npz"));
  }

  TEST_CASE("what the format cannot hold is refused before a file is there, all of it by name") {
    const TempDir dir;
    CHECK(error_of([&] {
            numpy::kNpzFormat.create(dir / "x",
                                     {{.name = "w", .dtype = DType::kBf16}, {.name = ""}}, {});
          }) == "'w' is bf16, a type that NumPy does not have; a variable has the empty name");
    CHECK(error_of([&] { numpy::kNpzFormat.create(dir / "x", {{.name = "\xff"}}, {}); }) ==
          "'\\xff.npy' is no valid UTF-8 without NUL, which a name in a zip archive must be");
    CHECK(error_of([&] {
            numpy::kNpzFormat.create(dir / "x", {{.name = std::string(65532, 'n')}}, {});
          }) == "a name in a zip archive has 1 to 65,535 bytes, this one 65536");
    CHECK(!std::filesystem::exists(dir / "x"));
  }

  TEST_CASE("more members than 16 bits count are written and read with zip64") {
    const TempDir dir;
    StringPool names;
    std::vector<zip::NewMember> members;
    const std::string header = npy_header(DType::kU8, {});
    for (int i = 0; i < 66000; ++i) {
      members.push_back({names.add(cat("v", i, ".npy")), header.size() + 1});
    }
    NewFile file(dir / "many.npz", Overwrite::kNo);
    zip::ArchiveWriter writer(file, std::move(members));
    for (std::size_t i = 0; i < 66000; ++i) {
      writer.append(i, as_byte_view(header));
      const std::byte value{static_cast<unsigned char>(i)};
      writer.append(i, ByteView(&value, 1));
    }
    writer.finish();
    file.commit();
    const auto reader = open_checkpoint(dir / "many.npz");
    CHECK(reader->index().entries.size() == 66000);
    CHECK(reader->read(65999).bytes == Bytes{std::byte{65999 & 0xff}});
    CHECK(run_python("import sys, numpy as np\nz = np.load(sys.argv[1])\n"
                     "print(len(z.files), z['v65999'])",
                     {dir / "many.npz"}) == "66000 207\n");
  }

  TEST_CASE("a copy of a deflated member of more than 4 GiB keeps both of its sizes") {
    const TempDir dir;
    const zip::Member old{.name = "zeros.npy",
                          .stored_bytes = 100,
                          .size = std::uint64_t{5} << 30,
                          .method = zip::Method::kDeflated};
    NewFile file(dir / "copy.npz", Overwrite::kNo);
    zip::ArchiveWriter writer(file, {{"zeros.npy", old.size, &old}});
    writer.finish();
    file.commit();
    const zip::Archive archive = zip::read_archive(*open_file(dir / "copy.npz"));
    REQUIRE(archive.members.size() == 1);
    CHECK(archive.members[0].size == old.size);
    CHECK(archive.members[0].stored_bytes == 100);
  }

  TEST_CASE("sizes and offsets of 64 bits, and descriptors behind the data, are read") {
    const TempDir dir;
    numpy_script(R"(
b = io.BytesIO(); np.save(b, np.array([7, 8], '<i4')); d = b.getvalue(); n = len(d)
crc = zlib.crc32(d); F = 0xffffffff
local = struct.pack('<IHHHHHIIIHH', 0x04034b50, 45, 8, 0, 0, 33, 0, F, F, 5, 20) + b'a.npy' + struct.pack('<HHQQ', 1, 16, 0, 0)
out = local + d + struct.pack('<IIQQ', 0x08074b50, crc, n, n)
extra = struct.pack('<HHI', 0x5455, 4, 9) + struct.pack('<HHQQQ', 1, 24, n, n, 0)
central = struct.pack('<IHHHHHHIIIHHHHHII', 0x02014b50, 45, 45, 8, 0, 0, 33, crc, F, F, 5, len(extra), 2, 0, 0, 0, F) + b'a.npy' + extra + b'hi'
at = len(out); out += central; end = len(out)
out += struct.pack('<IQHHIIQQQQ', 0x06064b50, 44, 45, 45, 0, 0, 1, 1, len(central), at)
out += struct.pack('<IIQI', 0x07064b50, 0, end, 1)
out += struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, 0xffff, 0xffff, F, F, 3) + b'end'
open(path, 'wb').write(out)
assert list(np.load(path)['a']) == [7, 8]
)",
                 dir / "z64.npz");
    const auto reader = open_checkpoint(dir / "z64.npz");
    CHECK(place_of(reader->index().entries.at(0)) == "a.npy");
    CHECK(as_text(reader->read(0).bytes) == std::string_view("\7\0\0\0\10\0\0\0", 8));
  }

  TEST_CASE("members that overlap, though their names agree, are refused") {
    const TempDir dir;
    numpy_script(R"(
b = io.BytesIO(); np.save(b, np.zeros(2, '<f4')); d = b.getvalue()
inner = struct.pack('<IHHHHHIIIHH', 0x04034b50, 20, 0, 0, 0, 33, zlib.crc32(d), len(d), len(d), 5, 0) + b'b.npy' + d
c = zlib.crc32(inner)
out = struct.pack('<IHHHHHIIIHH', 0x04034b50, 20, 0, 0, 0, 33, c, len(inner), len(inner), 5, 0) + b'a.npy' + inner
head = lambda name, c, n, at: struct.pack('<IHHHHHHIIIHHHHHII', 0x02014b50, 20, 20, 0, 0, 0, 33, c, n, n, 5, 0, 0, 0, 0, 0, at) + name
central = head(b'a.npy', c, len(inner), 0) + head(b'b.npy', zlib.crc32(d), len(d), 35)
out += central + struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, 2, 2, len(central), len(out), 0)
open(path, 'wb').write(out)
)",
                 dir / "x.npz");
    CHECK(error_of([&] { open_checkpoint(dir / "x.npz"); }) ==
          (dir / "x.npz") + ": the zip members 'a.npy' and 'b.npy' overlap at 35");
  }
}

TEST_SUITE("formats/npy") {
  TEST_CASE("a single array is a checkpoint of one variable, called as its file") {
    const TempDir dir;
    numpy_script("np.save(path, np.array([[1, 2], [3, 4]], '>f4'))", dir / "conv.kernel.npy");
    const auto reader = open_checkpoint(dir / "conv.kernel.npy");
    CHECK(reader->index().format == "npy");
    CHECK(reader->index().entries ==
          std::vector<Entry>{
              {.name = "conv.kernel", .shape = {2, 2}, .nbytes = 16, .native_dtype = ">f4"}});
    CHECK(reader->read(0) == floats({2, 2}, {1, 2, 3, 4}));
    CHECK(reader->details(0).storage == "contiguous at 128");
  }

  TEST_CASE("a file that is cut at any length is refused, one with a bit flipped never overread") {
    const std::string bytes = npy_of(dict_of("'<f4'", "(2, 3)"), std::string(24, 'x'));
    const DamageCount cut = cut_everywhere(numpy::kNpyFormat, bytes, [](const Reader&) {});
    CHECK(cut.read == 0);
    // The format has no checksum: a flipped digit is another shape.
    const DamageCount flipped =
        flip_everywhere(numpy::kNpyFormat, bytes, bytes.size() - 24, [](const Reader& reader) {
          for (const Tensor& tensor : read_all(reader)) {
            CHECK(
                std::ranges::all_of(tensor.bytes, [](std::byte b) { return b == std::byte{'x'}; }));
            CHECK(tensor.bytes.size() <= 24);
          }
        });
    CHECK(flipped.refused > flipped.read);
  }
}
