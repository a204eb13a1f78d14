#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "formats/h5parse/lookup3.h"
#include "formats/h5parse/parsed_source.h"
#include "support/error_of.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace ckpt;
using h5parse::Mode;
using h5parse::ParsedSource;

namespace {

// argv is the folder. old.h5 has no checksums, new.h5 one in each structure, shared.h5 a table of
// shared messages. Prints where objects are, a name and a number a line.
constexpr const char* kMakeDamaged = R"py(
import sys, ctypes, zlib
import numpy as np, h5py
from h5py import h5f, h5o, h5p
folder = sys.argv[1]
lib = ctypes.CDLL(next(l.split()[-1] for l in open('/proc/self/maps') if '/libhdf5' in l and '_hl' not in l))
call = lambda f, p, *args: f(ctypes.c_int64(p.id), *args)
def where(f, *names):
    for n in names: print(n, h5o.get_info(f[n].id).addr)

with h5py.File(folder + '/old.h5', 'w', libver=('earliest', 'v108')) as f:
    f['plain'] = np.zeros(12345, 'u1')
    f['a/x'] = 1; f['b/x'] = 1
    f['enum'] = np.zeros(2, h5py.enum_dtype({'A': 0, 'B': 1}, 'i2'))
    f['named'] = np.dtype('<f4'); f.create_dataset('typed', (3,), dtype=f['named'])
    for i in range(9): f['plain'].attrs['aa%d' % i] = i
    f.create_dataset('chunks', data=np.arange(10), chunks=(2,))
    f['links/external'] = h5py.ExternalLink('other.h5', '/a')
    c = f.create_dataset('deflated', (40,), 'u1', chunks=(10,), compression='gzip')
    for i, content in enumerate((b'x' * 11, b'x' * 9, b'x' * 10)): c.id.write_direct_chunk((10 * i,), zlib.compress(content))
    c.id.write_direct_chunk((30,), b'no deflated bytes')
    f.create_dataset('elsewhere', (4,), 'u1', external=[(folder + '/data', 0, 4)])
    t = np.dtype('i1')
    for i in range(40): t = np.dtype([('m', t)])
    f.create_dataset('deep', (1,), dtype=t)
    where(f, 'plain', 'a', 'b', 'enum', 'named', 'typed', 'chunks', 'links', 'deflated', 'elsewhere', 'deep')
    print('data', f['plain'].id.get_offset())

def create(name, shared):
    fcpl, fapl = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    if shared: call(lib.H5Pset_shared_mesg_nindexes, fcpl, 1); call(lib.H5Pset_shared_mesg_index, fcpl, 0, 2, 1)
    else: call(lib.H5Pset_sym_k, fcpl, 3, 3)
    fapl.set_libver_bounds(h5f.LIBVER_LATEST, h5f.LIBVER_LATEST)
    return h5py.File(h5f.create(('%s/%s.h5' % (folder, name)).encode(), h5f.ACC_TRUNC, fcpl, fapl))
with create('new', False) as f:
    for i in range(20): f['many/%d' % i] = h5py.SoftLink('/')
    where(f, 'many')
with create('shared', True) as f:
    f['first'] = np.arange(3); f['spaced'] = np.arange(3)  # only the second one shares
    where(f, 'spaced')
)py";

std::uint64_t number_at(const std::string& content, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(content.at(at + i));
  }
  return value;
}

void put(std::string& content, std::size_t at, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) content.at(at + i) = static_cast<char>(value >> 8 * i);
}

// Makes the four bytes behind [first, last) their checksum.
void seal(std::string& content, std::size_t first, std::size_t last) {
  put(content, last,
      h5parse::lookup3(as_byte_view(std::string_view(content).substr(first, last - first))), 4);
}

// The first message of that type in a header of version 1.
std::size_t message_at(const std::string& content, std::size_t header, std::uint64_t type) {
  std::size_t at = header + 16;
  while (number_at(content, at, 2) != type) at += 8 + number_at(content, at + 2, 2);
  return at;
}

// The three files, good, and what is wrong with them once they were patched.
struct DamagedFiles {
  TempDir dir;
  std::map<std::string, std::uint64_t> places;
  std::string old, fresh, shared;

  DamagedFiles() {
    const std::string printed = run_python(kMakeDamaged, {dir.path()});
    for (const auto line : split(printed, "\n")) {
      const auto words = split(line, " ");
      if (words.size() == 2) places[std::string(words[0])] = std::stoull(std::string(words[1]));
    }
    old = read_file(dir / "old.h5");
    fresh = read_file(dir / "new.h5");
    shared = read_file(dir / "shared.h5");
  }
  std::uint64_t at(const std::string& name) const { return places.at(name); }
};

std::unique_ptr<RandomFile> file_of(const std::string& content) {
  const ByteView bytes = as_byte_view(content);
  return memory_file({bytes.begin(), bytes.end()});
}

// The sentence of the Error with which opening an object ends, or its first attribute.
std::string answer(const std::string& content, std::uint64_t id) {
  return error_of([&] {
    const auto file = file_of(content);
    const ParsedSource source(*file);
    (void)source.open(id);
    (void)source.attribute_names(id);
  });
}

// What is said when the object is opened in salvage mode.
std::vector<std::string> notes(const std::string& content, std::uint64_t id) {
  const auto file = file_of(content);
  const ParsedSource parsed(*file, Mode::kSalvage, h5parse::Survey::kObject);
  const hdf5::Source& source = parsed;
  (void)source.open(id);
  CHECK(!source.looked_at().empty());
  (void)source.attribute_names(id);
  return source.notes();
}

}  // namespace

TEST_SUITE("formats/h5parse_damage") {
  TEST_CASE("a damaged object is answered with what was seen and what was needed") {
    DamagedFiles f;
    std::string& old = f.old;
    const std::uint64_t plain = f.at("plain");
    const std::string where = cat("object header at ", plain, ": ");
    SUBCASE("nothing") {
      for (const auto& [name, at] : f.places) {
        if (name == "data" || name == "many" || name == "spaced") continue;
        CHECK(answer(old, at) == "no error");
        CHECK(notes(old, at).empty());
      }
      CHECK(answer(f.fresh, f.at("many")) == "no error");
      CHECK(answer(f.shared, f.at("spaced")) == "no error");
    }
    SUBCASE("bytes without elements") {
      const std::size_t space = message_at(old, plain, 1);
      put(old, space + 16, 0, 8);
      CHECK(notes(old, plain) ==
            std::vector{cat(where, "has no elements, but 12345 bytes are stored")});
    }
    SUBCASE("data over the superblock") {
      const std::size_t layout = message_at(old, plain, 8);
      REQUIRE(number_at(old, layout + 10, 8) == f.at("data"));
      put(old, layout + 10, 0, 8);
      CHECK(notes(old, plain) == std::vector{cat(where, "its data lies over the superblock")});
    }
    SUBCASE("two attributes of one name") {
      old.replace(old.find("aa7"), 3, "aa3");
      CHECK(answer(old, plain) == cat("object at ", plain, ": two attributes are called 'aa3'"));
      CHECK(notes(old, plain).size() == 1);
      const auto file = file_of(old);
      CHECK(ParsedSource(*file, Mode::kSalvage).attribute_names(plain).size() == 8);
    }
    SUBCASE("a block of messages inside of another") {
      const std::size_t message = message_at(old, plain, 0x10);
      put(old, message + 8, plain, 8);
      CHECK(answer(old, plain).starts_with(cat(where, "its block at ", plain, " of ")));
    }
    SUBCASE("a message that must be understood") {
      const std::size_t message = message_at(old, plain, 8);
      put(old, message, 0x40, 2);
      put(old, message + 4, 0x80, 1);
      CHECK(answer(old, plain) ==
            cat("header message at ", message + 8, ": message type 64 is not known, and must be"));
    }
    SUBCASE("two groups with one tree") {
      const std::size_t from = message_at(old, f.at("a"), 0x11) + 8;
      old.replace(message_at(old, f.at("b"), 0x11) + 8, 16, old.substr(from, 16));
      const auto file = file_of(old);
      const ParsedSource source(*file);
      (void)source.open(f.at("a"));
      CHECK(error_of([&] { (void)source.open(f.at("b")); }) ==
            cat("B-tree at ", number_at(old, from, 8), ": belongs to the objects at ", f.at("a"),
                " and ", f.at("b")));
    }
    SUBCASE("an enum wider than its values") {
      const std::size_t type = message_at(old, f.at("enum"), 3) + 8;
      put(old, type + 4, 4, 4);
      CHECK(answer(old, f.at("enum")) ==
            cat("datatype message: header message at ", type,
                ": has values of 2 bytes that are i16, not integers of 4"));
    }
    SUBCASE("a shared datatype that is none") {
      const std::size_t type = message_at(old, f.at("typed"), 3) + 8;
      const std::size_t address = old[type] == 1 ? type + 8 : type + 2;  // by the version
      REQUIRE(number_at(old, address, 8) == f.at("named"));
      put(old, address, f.at("a"), 8);
      CHECK(answer(old, f.at("typed")) == cat("header message at ", type,
                                              ": refers to the object at ", f.at("a"),
                                              ", which has no message of type 3"));
    }
    SUBCASE("a chunk that is there twice") {
      const std::size_t node = old.find(std::string_view("TREE\1", 5));
      const std::size_t second = node + 24 + 24 + 8;  // head, key, child
      REQUIRE(number_at(old, second + 8, 8) == 2);
      put(old, second + 8, 0, 8);
      CHECK(answer(old, f.at("chunks")) ==
            cat("B-tree key at ", second, ": chunk 0 stands behind 0"));
      const auto said = notes(old, f.at("chunks"));
      REQUIRE(said.size() == 2);
      CHECK(said[1].starts_with(cat("chunk index at ", node, ": chunk 0 is there twice, at ")));
    }
    SUBCASE("links of other types") {
      const std::size_t link =
          old.find(std::string_view("\1\x08\x40\x08"
                                    "external"));
      REQUIRE(link != std::string::npos);
      put(old, link + 2, 65, 1);
      const auto file = file_of(old);
      const auto links = ParsedSource(*file).open(f.at("links")).links;
      REQUIRE(links.size() == 1);
      CHECK(links[0].kind == hdf5::Link::Kind::kUserDefined);
      CHECK(links[0].target == "type 65");
      put(old, link + 2, 63, 1);
      CHECK(answer(old, f.at("links")) == cat("link message: header message at ", link,
                                              ": the link 'external' is of the reserved type 63"));
      put(old, link + 6, 0, 1);
      CHECK(answer(old, f.at("links")) == cat("link message: header message at ", link,
                                              ": the name 'ex\\x00ernal' has a NUL inside"));
    }
    SUBCASE("a kind of heap object that is none") {
      std::string& fresh = f.fresh;
      const std::size_t leaf = fresh.find(std::string_view("BTLF\0\5", 6));
      put(fresh, leaf + 10, 0x30, 1);
      seal(fresh, leaf, leaf + 6 + 20 * 11);
      CHECK(answer(fresh, f.at("many")) ==
            cat("heap ID at ", fresh.find("FRHP"), ": is of the reserved kind 3"));
    }
    SUBCASE("a table of shared messages of another type") {
      std::string& shared = f.shared;
      const std::size_t table = shared.find("SMTB");
      REQUIRE(number_at(shared, table + 6, 2) == 2);
      put(shared, table + 6, 8, 2);
      seal(shared, table, table + 4 + 30);
      const std::string said = answer(shared, f.at("spaced"));
      CHECK_MESSAGE(
          said.ends_with(": is shared, but the file has no table of shared messages of type 1"),
          said);
    }
  }

  TEST_CASE("a superblock that makes no sense is answered with a sentence") {
    DamagedFiles f;
    const auto open = [](const std::string& content) {
      return error_of([&] {
        const auto file = file_of(content);
        const ParsedSource source(*file);
      });
    };
    SUBCASE("no end of the file") {
      put(f.old, 40, 0, 8);
      CHECK(open(f.old) == "superblock: does not say where the file ends");
    }
    SUBCASE("nodes without room") {
      put(f.old, 16, 0, 2);
      CHECK(open(f.old) ==
            "superblock: has nodes of 0 entries: K is 0 for symbols, 16 for groups "
            "and 32 for chunks");
    }
    SUBCASE("numbers of 16 bytes") {
      put(f.old, 13, 16, 1);
      CHECK(open(f.old) ==
            "superblock at 0: has addresses of 16 and lengths of 8 bytes; 2, 4 or 8 "
            "are read");
    }
    SUBCASE("a family of files") {
      put(f.old, 48, 96, 8);
      CHECK(open(f.old) ==
            "superblock at 0: the file is one of several that belong together "
            "(driver family or multi)");
    }
    SUBCASE("one header for two") {
      const std::uint64_t root = number_at(f.fresh, 36, 8);
      put(f.fresh, 20, root, 8);
      seal(f.fresh, 0, 44);
      CHECK(open(f.fresh) ==
            cat("superblock at 0: its extension and the root group have one header, at ", root));
    }
    SUBCASE("a program that writes") {
      put(f.fresh, 11, 1, 1);
      seal(f.fresh, 0, 44);
      const std::string said = open(f.fresh);
      CHECK(said.starts_with("is marked as open for writing: a program writes it now, or ended"));
      CHECK(notes(f.fresh, f.at("many")) == std::vector{said});
    }
    SUBCASE("an extension that names other files, or a cache") {
      const std::uint64_t header = number_at(f.fresh, 20, 8);
      REQUIRE(number_at(f.fresh, header + 5, 1) == 0x20);  // flags: four times, a size of a byte
      const std::size_t message = header + 23;
      const std::size_t last = message + number_at(f.fresh, header + 22, 1);
      REQUIRE(number_at(f.fresh, message, 1) == 0x13);
      put(f.fresh, message, 0x14, 1);
      seal(f.fresh, header, last);
      const std::string where = cat("header message at ", message + 4, ": the file ");
      CHECK(open(f.fresh) == cat(where, "is one of several that belong together"));
      put(f.fresh, message, 0x18, 1);
      seal(f.fresh, header, last);
      CHECK(open(f.fresh) == cat(where, "keeps its metadata in a cache image"));
    }
  }

  TEST_CASE("elements that cannot be had are refused one chunk or dataset at a time") {
    const DamagedFiles f;
    const auto file = open_file(f.dir / "old.h5");
    const ParsedSource source(*file);
    Bytes bytes(10);
    const auto chunk = [&](std::uint64_t i) {
      const std::string said = error_of([&] { source.read(f.at("deflated"), 10 * i, 10, bytes); });
      const auto colon = said.find(": ");
      return colon == std::string::npos ? said : said.substr(colon + 2);
    };
    CHECK(chunk(0) == "a deflated chunk of 11 bytes grows to more than 10");
    CHECK(chunk(1) == "a chunk has 9 bytes, its elements need 10");
    CHECK(chunk(2) == "no error");
    CHECK(as_text(bytes) == "xxxxxxxxxx");
    CHECK(chunk(3) == "a deflated chunk of 17 bytes is damaged or ends too early");
    CHECK(error_of([&] { source.read(f.at("elsewhere"), 0, 4, std::span(bytes).first(4)); }) ==
          "its data is in other files, which are never opened");
  }

  TEST_CASE("a datatype nested too deep is unknown, but its size is known") {
    const DamagedFiles f;
    const auto file = open_file(f.dir / "old.h5");
    const auto dataset = ParsedSource(*file).open(f.at("deep")).dataset;
    CHECK(dataset.type.klass == hdf5::Datatype::Class::kUnknown);
    CHECK(dataset.type.size == 1);
  }

  TEST_CASE(
      "a tree whose nodes are all their own siblings ends when the file's bytes are used up") {
    const TempDir dir;
    run_python(R"py(
import sys, struct, h5py, numpy as np
path, none = sys.argv[1], 2**64 - 1
with h5py.File(path, 'w') as f:
    f['room'] = np.zeros(4096, 'u1')
    room = f['room'].id.get_offset()
b = bytearray(open(path, 'rb').read())
def node(at, level, child, sibling):
    b[at:at + 544] = b'TREE' + struct.pack('<BBHQQ', 0, level, 32, sibling, sibling) + bytes(520)
    for i in range(32): struct.pack_into('<Q', b, at + 32 + 16 * i, child)
nodes = [room + 544 * i for i in range(7)]
node(b.index(b'TREE'), 7, nodes[6], none)
for level in range(7): node(nodes[level], level, nodes[level - 1], nodes[level])
open(path, 'wb').write(b)
)py",
               {dir / "loop.h5"});
    const auto file = open_file(dir / "loop.h5");
    const ParsedSource source(*file, Mode::kSalvage);
    CHECK(source.open(source.root()).links.empty());
    const auto said = source.notes();
    CHECK(std::ranges::any_of(said, [](const std::string& note) {
      return note.ends_with(": has more nodes than fit the file");
    }));
  }
}
