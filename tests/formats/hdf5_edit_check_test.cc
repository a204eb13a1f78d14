#include <doctest/doctest.h>

#include <iostream>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "formats/hdf5/chosen_source.h"
#include "formats/hdf5_edit/check.h"
#include "formats/hdf5_helper/helper.h"
#include "storage/raw_file.h"
#include "support/corpus.h"
#include "support/hdf5_files.h"
#include "support/process.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;
using namespace ckpt::hdf5;

namespace {

// Groups of old and new form, attributes, a chunked dataset, an alias, a soft link.
void make_checked_file(const std::string& path, const std::string& version) {
  run_python(R"(
import h5py, numpy as np, sys
f = h5py.File(sys.argv[1], 'w', libver=(sys.argv[2], 'v110'))
for g in range(2):
    a = f.create_group('model/block_%d' % g)
    for v in range(12 if g else 2): a['w%d' % v] = np.arange(6., dtype='f4').reshape(2, 3) + v
f['model/block_0'].attrs['index'] = 7
f['model/block_0/w1'].attrs['text'] = 'seen'
f.create_dataset('model/chunked', data=np.arange(60.), chunks=(25,), compression='gzip')
f.create_dataset('step', data=np.int64(17))
f['model/again'] = f['model/block_0/w0']
f['soft'] = h5py.SoftLink('/step')
)",
             {path, version});
}

// An edit of a file as it was planned, and what libhdf5 made of it.
struct Laid {
  Laid(const std::string& path, const Edit& asked)
      : bytes(read_file(path)), file(open_file(path)), edit(asked) {
    const auto source = open_source(*file, {.traced = true});
    census = take_census(*source, *file, false);
    reader = find_format("hdf5")->open(open_file(path), path, {});
    wishes = resolve(reader->index().entries, edit);
    Naming naming = place_names(*source, census, wishes, edit, false);
    work = compile(std::move(census.links), std::move(naming), wishes, edit);
    outcome = edit_by_helper({*file->descriptor(), 0, file->size()},
                             encode_request(work.operations, 0, file->size()), {});
  }

  // Throws where the check rejects the patch.
  void check(const Patch& patch) const {
    const PatchedFile patched(*file, patch);
    check_outcome({census, wishes, work, edit, patch, false}, *file, patched, outcome.created);
  }

  std::string bytes;
  std::unique_ptr<RandomFile> file;
  const Edit& edit;
  Census census;
  std::unique_ptr<Reader> reader;
  Wishes wishes;
  Work work;
  Outcome outcome;
};

std::string apply(std::string bytes, const Patch& patch) {
  bytes.resize(patch.size_after);
  for (const auto& piece : patch.pieces) {
    bytes.replace(piece.offset, piece.bytes.size(), as_text(piece.bytes));
  }
  return bytes;
}

// The patch, and one byte of the file that is other than it makes it.
Patch with_fault(const Patch& patch, const std::string& after, std::uint64_t at) {
  const std::string wrong(1, static_cast<char>(after[at] ^ 0x55));
  Patch out{.size_before = patch.size_before, .size_after = patch.size_after};
  bool is_done = false;
  for (const auto& piece : patch.pieces) {
    std::string bytes(as_text(piece.bytes));
    if (!is_done && at < piece.offset) out.add(at, as_byte_view(wrong));
    is_done = is_done || at < piece.offset + bytes.size();
    if (at >= piece.offset && at < piece.offset + bytes.size()) bytes[at - piece.offset] = wrong[0];
    out.add(piece.offset, as_byte_view(bytes));
  }
  if (!is_done) out.add(at, as_byte_view(wrong));
  return out;
}

// All that a reader tells of a file; or why it refuses it.
std::string told(const std::string& bytes) {
  std::string out;
  try {
    const auto reader = open_bytes(*find_format("hdf5"), bytes, "memory");
    for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
      const Entry& entry = reader->index().entries[i];
      const Tensor tensor = reader->read(i);
      out += cat(entry.name, " ", name_of(entry.dtype), " ", join(entry.aliases, ","), " ",
                 as_text(tensor.bytes));
      for (const auto& attribute : reader->details(i).attributes) {
        out += cat(" ", attribute.name, "=", attribute.value);
      }
      out += "\n";
    }
  } catch (const Error& e) {
    return cat("refused: ", e.what());
  }
  return out;
}

}  // namespace

TEST_SUITE("formats/hdf5_edit_check") {
  TEST_CASE("a wrong byte anywhere in what libhdf5 lays out is found, or means nothing") {
    for (const std::string version : {"earliest", "v110"}) {
      CAPTURE(version);
      const TempDir dir;
      make_checked_file(dir / "a.h5", version);
      const Edit edit = prefix_move(dir / "a.h5", "model/", "encoder/");
      const Laid laid(dir / "a.h5", edit);
      CHECK_NOTHROW(laid.check(laid.outcome.patch));
      const std::string after = apply(laid.bytes, laid.outcome.patch);
      const std::string right = told(after);
      REQUIRE(right.starts_with("encoder/again"));
      std::size_t found = 0;
      std::size_t harmless = 0;
      for (std::uint64_t at = 0; at < after.size(); at += kSanitized ? 13 : 3) {
        CAPTURE(at);
        const Patch patch = with_fault(laid.outcome.patch, after, at);
        try {
          laid.check(patch);
        } catch (const Error& e) {
          ++found;
          CHECK(e.code() == Errc::kWrite);
          continue;
        }
        ++harmless;
        CHECK(told(apply(laid.bytes, patch)) == right);
      }
      std::cout << "wrong bytes, " << version << ": " << found << " found, " << harmless
                << " without meaning\n";
      CHECK(found > 100);
    }
  }
}
