#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/child.h"
#include "support/corpus.h"
#include "support/sanitized.h"

using namespace ckpt;

namespace {

// What any file may cost, however it lies. Under the sanitizers code takes several times as long,
// and memory has a shadow of an eighth and keeps up to 256 MB of what was freed.
constexpr double kMaxSeconds = kSanitized ? 10 : 2;
constexpr std::uint64_t kMaxBytes = std::uint64_t{kSanitized ? 600 : 300} << 20U;

constexpr std::uint64_t kReadAtMost = std::uint64_t{64} << 20U;

enum Answer : int { kAnswersOk = 0, kAnswersNotes = 1, kAnswersError = 2 };
constexpr const char* kWords[] = {"ok", "ok with notes", "an error"};

// Opens a file and reads all of it, as `ckpt doctor` does.
Answer answer_to(const std::string& path) {
  try {
    const auto reader = open_checkpoint(path);
    bool has_notes = !reader->index().notes.empty();
    try {
      (void)reader->metadata();
    } catch (const Error& e) {
      if (e.code() != Errc::kUnsupported) return kAnswersError;
      has_notes = true;
    }
    for (std::size_t i = 0; i < reader->index().entries.size(); ++i) {
      const Entry& entry = reader->index().entries[i];
      (void)reader->details(i);
      if (!is_numeric(entry.dtype) || entry.nbytes > kReadAtMost) continue;
      try {
        (void)reader->read(i);
      } catch (const Error& e) {
        if (e.code() != Errc::kUnsupported) return kAnswersError;
        has_notes = true;
      }
    }
    return has_notes ? kAnswersNotes : kAnswersOk;
  } catch (const Error&) {
    return kAnswersError;
  }
}

// Rows of HDF5 and Keras files whose answer is another one here, with the reason. Other formats'
// own tests hold theirs.
const std::map<std::string, std::string> kJudgedOtherwise{
    {"h5/btree_used_0.h5",
     "the names left in the heap have up to 7 bytes; libhdf5 leaves such names behind when links "
     "are removed, so it is a note"},
    {"h5/snod_n_1.h5", "the same, and the last key may be that of a link that was removed: a note"},
    {"h5/vlen_ref_beyond.h5", "a variable of texts is listed, its texts are never read"},
    {"h5/vlen_len_huge.h5", "the same"},
    {"h5/vlen_idx_bad.h5", "the same"},
    {"keras/cfg_bomb.keras",
     "refused, with the size of what would have to be unpacked: no Keras model has such a config"},
    {"keras/weights_crc.keras",
     "the CRC-32 is of the whole HDF5 file in the archive, and a listing reads none of its "
     "tensors: "
     "`ckpt doctor` reads it whole"},
};

}  // namespace

TEST_SUITE("formats/hostile") {
  TEST_CASE("every hostile file is answered in 2 s and 300 MB, HDF5 as its manifest says") {
    int files = 0;
    std::map<std::string, int> counts;
    double longest = 0;
    std::uint64_t largest = 0;
    for (const std::string format : {"hdf5", "keras", "npy", "npz", "safetensors",
                                     "safetensors-index", "tf-bundle", "torch", "unknown"}) {
      for (const HostileFile& row : hostile_files(format)) {
        CAPTURE(row.file);
        CAPTURE(row.what_is_wrong);
        const std::string path = hostile_path(row.file);
        const ChildRun run = measure_in_child([&] { return answer_to(path); }, 60);
        ++files;
        longest = std::max(longest, run.seconds);
        largest = std::max(largest, run.peak_bytes);
        CHECK(run.seconds < kMaxSeconds);
        CHECK(run.peak_bytes < kMaxBytes);
        const bool is_answered = run.status <= kAnswersError;
        CHECK_MESSAGE(is_answered, "crashed with status ", run.status);
        if (!is_answered) continue;
        ++counts[cat(row.expected, " expected, answered with ", kWords[run.status])];
        const bool is_ours = format == "hdf5" || format == "keras";
        if (is_ours && row.expected != "any" && !kJudgedOtherwise.contains(row.file)) {
          CHECK((run.status == kAnswersError) == (row.expected == "error"));
        }
      }
    }
    if (files == 0) MESSAGE("SKIPPED: there are no hostile files in " CKPT_SHARED);
    for (const auto& [what, count] : counts) MESSAGE(what << ": " << count);
    MESSAGE(files << " hostile files; at most " << longest << " s and " << (largest >> 20U)
                  << " MB");
  }
}
