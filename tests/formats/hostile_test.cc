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

enum Answer : int { kAnswersOk = 0, kAnswersNotes = 1, kAnswersError = 2, kAnswers = 3 };
constexpr const char* kWords[kAnswers] = {"ok", "ok with notes", "an error"};

// A file is answered twice: listed, as by `ckpt ls`, and read whole, as by `ckpt doctor`.
struct Answers {
  Answer listed = kAnswersOk;
  Answer read = kAnswersOk;
};

// Both as a child's exit status.
int encode(const Answers& answers) { return answers.listed * kAnswers + answers.read; }
Answers decode(int status) {
  return {.listed = static_cast<Answer>(status / kAnswers),
          .read = static_cast<Answer>(status % kAnswers)};
}

Answer answer_of(bool has_notes) { return has_notes ? kAnswersNotes : kAnswersOk; }

// Reads all of it.
Answer answer_to_reading(const Reader& reader) {
  bool has_notes = !reader.index().notes.empty();
  try {
    (void)reader.metadata();
  } catch (const Error& e) {
    if (e.code() != Errc::kUnsupported) return kAnswersError;
    has_notes = true;
  }
  for (std::size_t i = 0; i < reader.index().entries.size(); ++i) {
    const Entry& entry = reader.index().entries[i];
    (void)reader.details(i);
    if (!is_numeric(entry.dtype) || entry.nbytes > kReadAtMost) continue;
    try {
      (void)reader.read(i);
    } catch (const Error& e) {
      if (e.code() != Errc::kUnsupported) return kAnswersError;
      has_notes = true;
    }
  }
  return answer_of(has_notes);
}

Answers answers_to(const std::string& path) {
  try {
    const auto reader = open_checkpoint(path);
    Answers answers{.listed = answer_of(!reader->index().notes.empty()), .read = kAnswersError};
    try {
      answers.read = answer_to_reading(*reader);
    } catch (const Error&) {
    }
    return answers;
  } catch (const Error&) {
    return {.listed = kAnswersError, .read = kAnswersError};
  }
}

// A row that `ckpt ls` answers otherwise than the manifest, and why that is right.
struct Verdict {
  Answers answers;
  std::string reason;
};

constexpr Answers kOnlyReadingFails{.listed = kAnswersOk, .read = kAnswersError};
constexpr Answers kRefused{.listed = kAnswersError, .read = kAnswersError};
constexpr Answers kNoted{.listed = kAnswersNotes, .read = kAnswersNotes};
constexpr Answers kWhole{.listed = kAnswersOk, .read = kAnswersOk};

const std::string kDataAreNotListed =
    "what is damaged are a tensor's bytes, and a listing reads none; whoever reads them (show, "
    "verify, convert, doctor) is told";
const std::string kTextsAreNotRead =
    "a variable of texts is listed, and no command reads the texts (libhdf5 crashes on one of "
    "these): nothing that is said of the file is wrong";

const std::map<std::string, Verdict> kVerdicts{
    {"h5/btree_used_0.h5",
     {kNoted,
      "the names left in the heap have up to 7 bytes; libhdf5 leaves such names behind when links "
      "are removed, so it is a note, which the manifest allows"}},
    {"h5/snod_n_1.h5",
     {kNoted, "the same, and the last key may be that of a link that was removed: a note"}},
    {"h5/chunk_mask_all.h5", {kOnlyReadingFails, kDataAreNotListed}},
    {"h5/chunk_gzip_bad.h5", {kOnlyReadingFails, kDataAreNotListed}},
    {"h5/fletcher_bad.h5", {kOnlyReadingFails, kDataAreNotListed}},
    {"h5/gzip_bomb.h5", {kOnlyReadingFails, kDataAreNotListed}},
    {"h5/gzip_bomb2.h5", {kOnlyReadingFails, kDataAreNotListed}},
    {"h5/vlen_ref_beyond.h5", {kWhole, kTextsAreNotRead}},
    {"h5/vlen_len_huge.h5", {kWhole, kTextsAreNotRead}},
    {"h5/vlen_idx_bad.h5", {kWhole, kTextsAreNotRead}},
    {"keras/cfg_bomb.keras",
     {kRefused,
      "refused, with the size of what would have to be unpacked: no Keras model has such a "
      "config"}},
    {"keras/weights_crc.keras",
     {kWhole,
      "the CRC-32 is of the whole HDF5 file in the archive, of which neither a listing nor a "
      "tensor "
      "reads all: `ckpt doctor` does, and finds it"}},
    {"npz/descr_m8.npz",
     {kRefused,
      "four dates of 8 bytes are declared and 16 bytes are there: numpy refuses it, too"}},
    {"npz/z_prefix.npz", {kRefused, "the manifest allows an error: every offset is off"}},
    {"npz/z_trailing.npz", {kRefused, "the manifest allows an error: it may be a part of a file"}},
    {"npz/z_extra_lie.npz",
     {kRefused,
      "an archive that contradicts itself may be read in two ways by two programs: Python's "
      "zipfile, and so numpy, refuse it, too"}},
    {"npz/z_nested.npz", {kRefused, "the archive has no array: it is no checkpoint"}},
    {"tf/no_data/m.index",
     {kNoted,
      "the index is whole, and which variables a lost shard had is what its owner wants to know; a "
      "note says that they cannot be read, and doctor calls it damaged"}},
    {"tf/e_badcrc/m.index", {kOnlyReadingFails, kDataAreNotListed}},
    {"torch/pk_deep.pt", {kRefused, "the manifest allows an error"}},
    {"torch/pk_dup.pt", {kRefused, "the manifest allows an error"}},
    {"torch/z_crc.pt", {kOnlyReadingFails, kDataAreNotListed}},
};

std::string words_of(const Answers& answers) {
  return cat("listed: ", kWords[answers.listed], ", read: ", kWords[answers.read]);
}

}  // namespace

TEST_SUITE("formats/hostile") {
  TEST_CASE(
      "every hostile file is answered in 2 s and 300 MB, as its manifest says or as is judged "
      "here") {
    int files = 0;
    int judged = 0;
    std::map<std::string, int> counts;
    double longest = 0;
    std::uint64_t largest = 0;
    for (const std::string format : {"hdf5", "keras", "npy", "npz", "safetensors",
                                     "safetensors-index", "tf-bundle", "torch", "unknown"}) {
      for (const HostileFile& row : hostile_files(format)) {
        CAPTURE(row.file);
        CAPTURE(row.what_is_wrong);
        const std::string path = hostile_path(row.file);
        const ChildRun run = measure_in_child([&] { return encode(answers_to(path)); }, 60);
        ++files;
        longest = std::max(longest, run.seconds);
        largest = std::max(largest, run.peak_bytes);
        CHECK(run.seconds < kMaxSeconds);
        CHECK(run.peak_bytes < kMaxBytes);
        const bool is_answered = run.status < kAnswers * kAnswers;
        CHECK_MESSAGE(is_answered, "crashed with status ", run.status);
        if (!is_answered) continue;
        const Answers answers = decode(run.status);
        ++counts[cat(row.expected, " expected, ", words_of(answers))];
        const auto verdict = kVerdicts.find(row.file);
        const bool differs =
            row.expected != "any" && (answers.listed == kAnswersError) != (row.expected == "error");
        // A verdict that is no longer needed goes, too.
        CHECK_MESSAGE(differs == (verdict != kVerdicts.end()), words_of(answers));
        if (differs) ++judged;
        if (verdict == kVerdicts.end()) continue;
        CAPTURE(verdict->second.reason);
        CHECK(words_of(answers) == words_of(verdict->second.answers));
      }
    }
    if (files == 0) {
      MESSAGE("SKIPPED: there are no hostile files in " CKPT_SHARED);
    } else {
      CHECK(judged == static_cast<int>(kVerdicts.size()));
    }
    for (const auto& [what, count] : counts) MESSAGE(what << ": " << count);
    MESSAGE(files << " hostile files; at most " << longest << " s and " << (largest >> 20U)
                  << " MB");
  }
}
