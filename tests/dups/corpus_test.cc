#include <doctest/doctest.h>

#include <set>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/corpus.h"
#include "support/scorecard.h"

using namespace ckpt;

TEST_SUITE("dups/corpus") {
  TEST_CASE("in real checkpoints of other people nothing is called likely to be a mistake") {
    std::set<std::string> files;
    for (const ExpectedTensor& tensor : expected_tensors("")) files.insert(tensor.file);
    if (files.empty()) {
      MESSAGE("SKIPPED: " CKPT_SHARED "/corpus is not there");
      return;
    }
    std::size_t searched = 0;
    std::vector<std::string> loud;
    for (const std::string& file : files) {
      std::unique_ptr<Reader> reader;
      Duplicates found;
      try {
        reader = open_checkpoint(corpus_path(file));
        const Reader* const readers[] = {reader.get()};
        found = find_duplicates(readers, {});
      } catch (const Error& e) {
        // A format that is not read, or a bundle whose data somebody left out.
        if (e.code() != Errc::kUnsupported && e.code() != Errc::kNotFound) throw;
        continue;
      }
      ++searched;
      for (const Finding& f : found.findings) {
        if (f.confidence < Confidence::kLikely) continue;
        loud.push_back(cat(file, ": ", name_of(f.confidence), " ", name_of(f.code), " ",
                           f.members.front().name, " … ", f.members.back().name));
      }
    }
    MESSAGE("dups: ", searched, " of ", files.size(), " real files searched");
    CHECK(join(loud, "\n") == "");
    CHECK(searched > 100);
  }
}
