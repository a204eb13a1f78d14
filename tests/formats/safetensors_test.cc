#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/tensor.h"
#include "core/text.h"
#include "formats/formats.h"
#include "formats/safetensors/dtypes.h"
#include "formats/safetensors/format.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// A file of that JSON text and data.
std::string file_of(std::string_view json, std::string_view data) {
  std::string bytes;
  for (std::uint64_t size = json.size(); bytes.size() < 8; size >>= 8) {
    bytes += static_cast<char>(size & 0xff);
  }
  return cat(bytes, json, data);
}

std::string error_of_header(std::string_view json, std::string_view data) {
  return error_of([&] { open_bytes(safetensors::kFormat, file_of(json, data)); });
}

// Two tensors, named and typed so that most rules have something to be broken by.
const std::string kSmall = file_of(
    R"({"__metadata__":{"format":"pt"},"a.w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
    R"("a.b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})",
    "abcdefghijk");

// The bytes of all tensors in the order of their places.
std::string data_of(const Reader& reader) {
  std::map<std::uint64_t, std::string> pieces;
  const auto& entries = reader.index().entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!is_numeric(entries[i].dtype) || entries[i].nbytes == 0) continue;
    const std::string offset =
        std::string(place_of(entries[i])).substr(place_of(entries[i]).rfind(' ') + 1);
    pieces[std::stoull(offset)] = as_text(reader.read(i).bytes);
  }
  std::string all;
  for (const auto& [offset, piece] : pieces) all += piece;
  return all;
}

std::vector<VariableSpec> specs_of_each_dtype() {
  std::vector<VariableSpec> specs;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (safetensors::dtype_rank(dtype) < 0) continue;
    specs.push_back({.name = cat("x.", name_of(dtype)), .dtype = dtype, .shape = {2, 3}});
  }
  return specs;
}

Bytes pattern(std::size_t size, std::size_t seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed * 31 + i * 7);
  return bytes;
}

void write_all(Writer& writer) {
  for (std::size_t i = writer.specs().size(); i-- > 0;) {
    const VariableSpec& spec = writer.specs()[i];
    writer.write(i, pattern(tensor_bytes(spec.dtype, spec.shape), i));
  }
  writer.commit();
}

}  // namespace

TEST_SUITE("formats/safetensors") {
  TEST_CASE("names, types, shapes, places and metadata of a small file are as its bytes say") {
    const auto reader = open_bytes(safetensors::kFormat, kSmall);
    const Index& index = reader->index();
    CHECK(index.format == "safetensors");
    CHECK(index.separator == '.');
    CHECK(index.file_bytes == kSmall.size());
    CHECK(index.notes.empty());
    REQUIRE(index.entries.size() == 2);
    CHECK(index.entries[0] ==
          Entry{.name = "a.w", .own_place = "offset 152", .shape = {2, 1}, .nbytes = 8});
    CHECK(as_text(reader->read(1).bytes) == "ijk");
    Bytes middle(1);
    reader->read(1, 1, middle);
    CHECK(as_text(middle) == "j");
    const Details details = reader->details(0);
    CHECK(details.storage == "contiguous at 152");
    CHECK(details.stored_bytes == 8);
    REQUIRE(details.attributes.size() == 1);
    CHECK(details.attributes[0].name == "format");
    CHECK(details.attributes[0].value == "pt");
  }

  TEST_CASE("each rule of the format that is broken is answered by what was seen and needed") {
    CHECK(error_of([] { open_bytes(safetensors::kFormat, "1234567"); }) ==
          "the file has 7 bytes, 8 are needed for the length of its header");
    CHECK(error_of([] { open_bytes(safetensors::kFormat, file_of("", "")); }) ==
          "the header is empty, {} is the least");
    CHECK(error_of([] {
            open_bytes(safetensors::kFormat, std::string("\x01\xe1\xf5\x05\0\0\0\0{", 9));
          }) == "the header is said to be 100000001 bytes long, the format allows 100000000");
    CHECK(error_of_header(" {}", "") == "the header begins with ' ', '{' is needed");
    CHECK(error_of_header("{}x", "") == "the header is no valid JSON at byte 3");
    CHECK(error_of_header(std::string_view("{}\0", 3), "") ==
          "the header has a NUL at byte 2, which JSON forbids");
    CHECK(error_of_header("{}", "x") ==
          "the tensors take 0 bytes, the file has 1 behind its header");
    CHECK(error_of_header(R"({"__metadata__":{"a":"1","a":"2"}})", "") ==
          "__metadata__ has the key 'a' twice");
    CHECK(error_of_header(R"({"__metadata__":{},"__metadata__":{}})", "") ==
          "the header has the key '__metadata__' twice");
    CHECK(error_of_header(R"({"a":{"dtype":"F32","shape":[18446744073709551616],)"
                          R"("data_offsets":[0,4]}})",
                          "1234") ==
          "a: shape holds a number beyond 64 bits, a whole number of at least 0 and below 2^63 is "
          "needed");
    CHECK(error_of_header(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                          R"("b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}})",
                          "123456") ==
          "b: its data begins at 5 where the data before it ends at 4; the format allows no hole");
    CHECK(error_of([] {
            open_bytes(safetensors::kFormat,
                       "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
          }) == "is a Git LFS pointer, not the file itself; `git lfs pull` fetches that");
  }

  TEST_CASE("real files list and read as an independent reader saw them") {
    const auto rows = expected_tensors("safetensors/");
    if (rows.empty()) MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
    std::map<std::string, std::unique_ptr<Reader>> readers;
    std::vector<Bytes> bytes;
    for (const auto& row : rows) {
      CAPTURE(row.file);
      CAPTURE(row.name);
      auto& reader = readers[row.file];
      if (!reader) reader = open_checkpoint(corpus_path(row.file));
      const auto i = reader->find(row.name);
      REQUIRE(i.has_value());
      const Entry& entry = reader->index().entries[*i];
      CHECK(safetensors::dtype_word(entry.dtype) == row.dtype);
      CHECK(shape_text(entry.shape) == row.shape);
      CHECK(entry.nbytes == row.nbytes);
      bytes.push_back(reader->read(*i).bytes);
    }
    const auto digests = sha1_of(bytes);
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(digests[i] == rows[i].sha1);
    std::size_t entries = 0;
    for (const auto& [file, reader] : readers) entries += reader->index().entries.size();
    CHECK(entries == rows.size());
    MESSAGE("safetensors: ", readers.size(), " files, ", rows.size(), " tensors agree");
  }

  TEST_CASE("an index whose shards are not there says so, and names the first") {
    const std::string path = corpus_path(
        "safetensors/jeremieconte+granite-3.1-1b-a400m-instruct/model.safetensors.index.json");
    if (!std::filesystem::exists(path)) {
      MESSAGE("skipped: there is no corpus in " CKPT_SHARED);
      return;
    }
    CHECK(error_of([&] { open_checkpoint(path); }) ==
          path + ": names the shard 'model-00001-of-00002.safetensors', which is not beside it");
  }

  TEST_CASE("hostile files are answered as the manifest says") {
    int count = 0;
    for (const std::string id : {"safetensors", "safetensors-index"}) {
      for (const HostileFile& row : hostile_files(id)) {
        CAPTURE(row.file);
        CAPTURE(row.what_is_wrong);
        const auto& format = id == "safetensors" ? safetensors::kFormat : safetensors::kIndexFormat;
        const std::string error =
            error_of([&] { read_all(*open_as(format, hostile_path(row.file))); });
        CHECK((error == "no error") == (row.expected != "error"));
        // The table of formats comes to the same end, whatever it takes the file for.
        CHECK((error_of([&] { open_checkpoint(hostile_path(row.file)); }) == "no error") ==
              (row.expected != "error"));
        ++count;
      }
    }
    if (count == 0) MESSAGE("skipped: there are no hostile files in " CKPT_SHARED);
    MESSAGE("safetensors: ", count, " hostile files answered as the manifest says");
  }

  TEST_CASE("a file that is cut at any length is refused") {
    const DamageCount count = cut_everywhere(safetensors::kFormat, kSmall, [](const Reader&) {});
    CHECK(count.read == 0);
    CHECK(count.refused == static_cast<int>(kSmall.size()));
  }

  TEST_CASE("a header with any bit flipped is refused, or leaves every byte of data as it was") {
    const DamageCount count =
        flip_everywhere(safetensors::kFormat, kSmall, kSmall.size() - 11,
                        [](const Reader& reader) { CHECK(data_of(reader) == "abcdefghijk"); });
    CHECK(count.refused > count.read);
    CHECK(count.read > 0);  // in names
  }

  TEST_CASE("every type comes back from a written file, and Python reads it so") {
    const TempDir dir;
    const auto writer =
        safetensors::kFormat.create(dir / "all.safetensors", specs_of_each_dtype(), {});
    write_all(*writer);
    const auto reader = open_checkpoint(dir / "all.safetensors");
    CHECK(reader->index().notes.empty());
    REQUIRE(reader->index().entries.size() == writer->specs().size());
    for (std::size_t i = 0; i < writer->specs().size(); ++i) {
      const VariableSpec& spec = writer->specs()[i];
      const auto at = reader->find(spec.name);
      REQUIRE(at.has_value());
      CHECK(reader->read(*at) ==
            Tensor{spec.dtype, spec.shape, pattern(tensor_bytes(spec.dtype, spec.shape), i)});
    }
    CHECK(run_python(R"(
import json, struct, sys
d = open(sys.argv[1], 'rb').read()
n, = struct.unpack('<Q', d[:8])
h = json.loads(d[8:8 + n])
assert n % 8 == 0 and list(h) == sorted(h, key=lambda k: h[k]['data_offsets'])
end = 0
for k, v in h.items():
    a, b = v['data_offsets']
    assert a == end, k
    end = b
    print(k, v['dtype'], v['shape'], b - a, d[8 + n + a])
assert len(d) == 8 + n + end
)",
                     {dir / "all.safetensors"}) ==
          "x.u64 U64 [2, 3] 48 147\n"
          "x.i64 I64 [2, 3] 48 23\n"
          "x.f64 F64 [2, 3] 48 93\n"
          "x.c64 C64 [2, 3] 48 209\n"
          "x.f32 F32 [2, 3] 24 62\n"
          "x.u32 U32 [2, 3] 24 116\n"
          "x.i32 I32 [2, 3] 24 248\n"
          "x.bf16 BF16 [2, 3] 12 31\n"
          "x.f16 F16 [2, 3] 12 0\n"
          "x.u16 U16 [2, 3] 12 85\n"
          "x.i16 I16 [2, 3] 12 217\n"
          "x.f8e4m3 F8_E4M3 [2, 3] 6 124\n"
          "x.f8e5m2 F8_E5M2 [2, 3] 6 155\n"
          "x.i8 I8 [2, 3] 6 186\n"
          "x.u8 U8 [2, 3] 6 54\n"
          "x.bool BOOL [2, 3] 6 178\n");
  }

  TEST_CASE("the bytes of a written file are those of the reference's writer") {
    const TempDir dir;
    const auto writer = safetensors::kFormat.create(
        dir / "s.safetensors",
        {{.name = "b\"\n", .dtype = DType::kU8, .shape = {}}, {.name = "a", .shape = {0, 2}}}, {});
    writer->write(0, as_byte_view("!"));
    writer->commit();
    CHECK(read_file(dir / "s.safetensors") ==
          file_of(R"({"a":{"dtype":"F32","shape":[0,2],"data_offsets":[0,0]},)"
                  R"("b\"\n":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})"
                  " ",
                  "!"));
  }

  TEST_CASE("what the format cannot hold is refused before a file is there, all of it by name") {
    const TempDir dir;
    CHECK(error_of([&] {
            safetensors::kFormat.create(
                dir / "x",
                {{.name = "c", .dtype = DType::kC128}, {.name = "\xff"}, {.name = "__metadata__"}},
                {});
          }) ==
          "'c' is c128, a type that safetensors does not have; '\\xff' is no valid UTF-8, which a "
          "name in JSON must be; '__metadata__' is a name that the format keeps for itself");
    CHECK(!std::filesystem::exists(dir / "x"));
  }

  TEST_CASE("a set of shards reads as one, in the order of shards and headers") {
    const TempDir dir;
    write_file(dir / "m-1.safetensors",
               file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "ab"));
    write_file(dir / "m-2.safetensors",
               file_of(R"({"c":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
                       R"("b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                       "cd"));
    const std::string path = dir / "index.json";
    const auto open_index = [&](const std::string& map) {
      write_file(path, cat(R"({"metadata":{"total_size":4},"weight_map":)", map, "}"));
      return open_checkpoint(path);
    };
    const auto reader =
        open_index(R"({"b":"m-2.safetensors","c":"m-2.safetensors","a":"m-1.safetensors"})");
    CHECK(reader->index().layout == "sharded");
    CHECK(reader->index().notes.empty());
    REQUIRE(reader->index().entries.size() == 3);
    CHECK(reader->index().entries[1].name == "c");
    CHECK(place_of(reader->index().entries[1]) == "m-2.safetensors, offset 114");
    CHECK(reader->details(1).storage == "contiguous at 114 of m-2.safetensors");
    CHECK(as_text(reader->read(0).bytes) == "ab");
    CHECK(as_text(reader->read(1).bytes) == "d");

    CHECK(error_of([&] {
            open_index(R"({"b":"m-1.safetensors","c":"m-2.safetensors","a":"m-1.safetensors"})");
          }) == path +
                    ": b: the index says it is in the shard 'm-1.safetensors', it is in "
                    "'m-2.safetensors'");
    CHECK(error_of([&] { open_index(R"({"a":"m-1.safetensors","a":"m-2.safetensors"})"); }) ==
          path + ": the index has the key 'a' twice");
    CHECK(error_of([&] { open_index(R"({"a":"sub/m-1.safetensors"})"); }) ==
          path +
              ": names the shard 'sub/m-1.safetensors'; a plain file name is needed, since a "
              "shard lies in the folder of its index");
    CHECK(open_index(R"({"a":"m-1.safetensors","b":"m-2.safetensors"})")->index().notes ==
          std::vector<std::string>{
              "m-2.safetensors: has 1 variable that the index does not name: 'c'"});
    write_file(dir / "m-2.safetensors",
               file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "ab"));
    CHECK(error_of([&] { open_index(R"({"a":"m-1.safetensors","b":"m-2.safetensors"})"); }) ==
          path + ": a: is in two shards, 'm-1.safetensors' and 'm-2.safetensors'");
    write_file(dir / "m-2.safetensors", "short");
    CHECK(error_of([&] { open_index(R"({"a":"m-1.safetensors","b":"m-2.safetensors"})"); }) ==
          path +
              ": m-2.safetensors: the file has 5 bytes, 8 are needed for the length of its "
              "header");
  }

  TEST_CASE("an index that is cut or has a bit flipped is refused, or its variables are read") {
    const TempDir dir;
    write_file(dir / "m.safetensors", kSmall);
    const std::string index = R"({"weight_map":{"a.w":"m.safetensors","a.b":"m.safetensors"}})";
    const auto check = [](const Reader& reader) { CHECK(data_of(reader) == "abcdefghijk"); };
    const DamageCount cut =
        cut_everywhere(safetensors::kIndexFormat, index, check, dir / "index.json");
    CHECK(cut.read == 0);
    CHECK(cut.refused == static_cast<int>(index.size()));
    const DamageCount flipped =
        flip_everywhere(safetensors::kIndexFormat, index, index.size(), check, dir / "index.json");
    CHECK(flipped.refused > 0);
    CHECK(flipped.read == 0);
  }

  TEST_CASE("the record of an interrupted edit is not believed where it makes no sense") {
    const TempDir dir;
    const std::string index = dir / "m.safetensors.index.json";
    const auto writer =
        create_checkpoint(dir / "s.safetensors", {{.name = "a", .shape = {1}}}, {}, "safetensors");
    writer->write(0, Bytes(4, std::byte{1}));
    writer->commit();
    write_file(dir / "thesis.txt", "all of it");
    const auto files_now = [&] {
      std::map<std::string, std::string> files;
      for (const auto& item : std::filesystem::directory_iterator(dir.path())) {
        files[item.path().filename()] = read_file(item.path());
      }
      return files;
    };
    const auto refusal = [&](const std::string& record) {
      write_file(index, R"({"ckpt_edit": )" + record + "}");
      const auto before = files_now();
      const std::string error = error_of([&] { open_checkpoint(index); });
      CHECK(error_code_of([&] { open_checkpoint(index); }) == Errc::kCorrupt);
      CHECK(error_of([&] { recover_checkpoint(index); }) == error);
      CHECK((files_now() == before));
      return error.substr(index.size() + 2);
    };
    const std::string no_shard =
        "the record of an interrupted edit speaks of 'NAME', which is no shard of this set; "
        "nothing is done";
    const auto of = [&](std::string name) {
      return std::string(no_shard).replace(no_shard.find("NAME"), 4, name);
    };
    CHECK(refusal("7") == "is the record of an interrupted edit, and damaged");
    CHECK(refusal(R"({"index": "{\"weight_map\": {}}", "files": [{"file": "../x"}]})") ==
          of("../x"));
    CHECK(refusal(R"({"index": "{\"weight_map\": {}}", "files": [{"file": "thesis.txt"}]})") ==
          of("thesis.txt"));
    CHECK(refusal(R"({"index": "{\"weight_map\": {}}", "files": [{"file": "s.safetensors"}]})") ==
          of("s.safetensors"));
    const std::string state = "\"68 00000000000000000000000000000000\"";
    CHECK(refusal(R"({"index": "{\"weight_map\": {\"a\": \"s.safetensors\"}}", "files": [)"
                  R"({"file": "s.safetensors", "header": "{}", "before": )" +
                  state + ", \"after\": " + state + "}]}") ==
          "s.safetensors: the record of an interrupted edit speaks of it, but it is not what the "
          "record says that it was or will be; nothing is done");
  }
}
