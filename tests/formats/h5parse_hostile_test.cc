#include <doctest/doctest.h>

#include <map>

#include "core/error.h"
#include "core/text.h"
#include "formats/h5parse/lookup3.h"
#include "formats/h5parse/parsed_source.h"
#include "formats/h5parse_listing.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

// What the parser says of a file: the listing, or the sentence of its Error.
std::string answer(const std::string& path) {
  try {
    return parser_listing(path);
  } catch (const Error& e) {
    return cat("error: ", e.what());
  }
}

std::string answer_to(std::string_view content) {
  const ByteView bytes = as_byte_view(content);
  try {
    return parser_listing(*memory_file({bytes.begin(), bytes.end()}));
  } catch (const Error& e) {
    return cat("error: ", e.what());
  }
}

bool is_error(const std::string& answer) { return answer.starts_with("error: "); }

// A small file with every kind of object, by version.
std::string make_small(const std::string& path, const std::string& libver) {
  run_python(R"py(
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], 'w', libver=sys.argv[2]) as f:
    f['dense/kernel'] = np.arange(6, dtype='f4').reshape(2, 3)
    f['dense/names'] = np.array(['a', 'bc'], dtype=h5py.string_dtype())
    f.create_dataset('chunks', data=np.arange(40).reshape(5, 8), chunks=(2, 3), compression='gzip',
                     shuffle=True, fletcher32=True, maxshape=(None, 8))
    f['compound'] = np.zeros(2, np.dtype([('a', 'i4'), ('b', 'S3')]))
    f['soft'] = h5py.SoftLink('/dense'); f.attrs['text'] = 'hello'
)py",
             {path, libver});
  return read_file(path);
}

}  // namespace

TEST_SUITE("formats/h5parse_hostile") {
  TEST_CASE("lookup3 gives the values its author published") {
    CHECK(h5parse::lookup3(as_byte_view("")) == 0xdeadbeef);
    CHECK(h5parse::lookup3(as_byte_view("Four score and seven years ago")) == 0x17770551);
  }

  TEST_CASE(
      "every truncation of a small file is an error, and salvage never throws but at the head") {
    for (const std::string libver : {"earliest", "latest"}) {
      const TempDir dir;
      const std::string content = make_small(dir / "good.h5", libver);
      REQUIRE(!is_error(answer(dir / "good.h5")));
      std::size_t salvaged = 0;
      for (std::size_t size = 0; size < content.size(); ++size) {
        CAPTURE(size);
        const std::string_view cut = std::string_view(content).substr(0, size);
        CHECK(is_error(answer_to(cut)));
        const ByteView bytes = as_byte_view(cut);
        const auto file = memory_file({bytes.begin(), bytes.end()});
        try {
          const h5parse::ParsedSource source(*file, h5parse::Mode::kSalvage);
          if (!source.open(source.root()).links.empty()) ++salvaged;
        } catch (const Error&) {
        }
      }
      CHECK(salvaged > content.size() / 4);
    }
  }

  TEST_CASE("every byte flipped in a small file ends in an error or a listing") {
    for (const std::string libver : {"earliest", "latest"}) {
      const TempDir dir;
      std::string content = make_small(dir / "good.h5", libver);
      const std::string good = answer(dir / "good.h5");
      std::map<std::string, int> counts;
      for (std::size_t at = 0; at < content.size(); at += kStride<3>) {
        for (const char flip : {'\xff', '\x01', '\x80'}) {
          if (kSanitized && flip != '\xff') continue;  // the fuzzer tries the others
          content[at] = static_cast<char>(content[at] ^ flip);
          const std::string seen = answer_to(content);
          ++counts[is_error(seen) ? "error" : seen == good ? "the same" : "another listing"];
          content[at] = static_cast<char>(content[at] ^ flip);
        }
      }
      for (const auto& [what, count] : counts) MESSAGE(libver << ": " << what << ": " << count);
      CHECK(counts["error"] > 100);
      CHECK(counts["the same"] > 100);
    }
  }

  TEST_CASE("a symbol table node of which no entry can be read ends in notes, found by fuzzing") {
    const auto file = open_file(std::string(CKPT_FIXTURES) + "/hostile/h5_symbols_unreadable.h5");
    const h5parse::ParsedSource source(*file, h5parse::Mode::kSalvage);
    CHECK(source.open(source.root()).links.empty());
    CHECK(!source.notes().empty());
  }

  TEST_CASE("an object whose dataspace cannot be read ends in a sentence, found by fuzzing") {
    const auto file = open_file(std::string(CKPT_FIXTURES) + "/hostile/h5_dataspace_unreadable.h5");
    const h5parse::ParsedSource source(*file, h5parse::Mode::kSalvage);
    CHECK(error_of([&] { (void)source.open(800); }) ==
          "object header at 800: is both a group and a dataset");
    CHECK(source.notes().size() == 3);
  }

  TEST_CASE("in a truncated file the variables that are whole are listed, the others are notes") {
    const TempDir dir;
    run_python(R"py(
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], 'w') as f:
    for name in ('a', 'b', 'c'): f[name] = np.full(5000, ord(name), 'u1')
)py",
               {dir / "good.h5"});
    const std::string content = read_file(dir / "good.h5");
    write_file(dir / "cut.h5", content.substr(0, content.size() - 100));
    const auto file = open_file(dir / "cut.h5");
    CHECK(error_of([&] { h5parse::ParsedSource{*file}; }) ==
          cat("is truncated: it is ", content.size() - 100, " bytes long, but its superblock says ",
              content.size(), " (100 are missing)"));
    const h5parse::ParsedSource source(*file, h5parse::Mode::kSalvage);
    const auto root = source.open(source.root());
    REQUIRE(root.links.size() == 3);
    Bytes bytes(5000);
    source.read(root.links[1].object, 0, 5000, bytes);
    CHECK(bytes == Bytes(5000, std::byte{'b'}));
    const std::uint64_t id = root.links[2].object;
    const auto whole = content.size() - 5000;
    CHECK(error_of([&] { (void)source.open(id); }) ==
          cat("the data at ", whole, ": its 5000 bytes pass the end of the file (",
              content.size() - 100, ")"));
    CHECK(source.notes().size() == 1);
  }
}
