// Real files of other programs, edited there and back.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/corpus.h"
#include "support/sanitized.h"
#include "support/temp_dir.h"

using namespace ckpt;
namespace fs = std::filesystem;

namespace {

// Each name's type, shape and bytes; of what is no tensor its type alone.
std::map<std::string, std::string> content_of(const Reader& reader) {
  std::map<std::string, std::string> content;
  const auto& entries = reader.index().entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::string text =
        cat(name_of(entries[i].dtype), entries[i].native_dtype, to_string(entries[i].shape), " ");
    if (is_numeric(entries[i].dtype)) text += as_text(reader.read(i).bytes);
    content[entries[i].name] = text;
    for (const std::string& alias : entries[i].aliases) content[alias] = text;
  }
  return content;
}

// Every name of the file gets a longer last segment, but those that a format keeps for itself.
std::string renamed(const std::string& name) {
  return name.starts_with("_CHECKPOINTABLE") ? name : name + "_renamed";
}

struct CorpusTally {
  int files = 0;
  std::map<std::string, int> refused;
};

void edit_there_and_back(const Format& format, const fs::path& source, CorpusTally& tally) {
  const TempDir dir;
  // A bundle is several files.
  const std::string stem = source.filename().string();
  for (const auto& item : fs::directory_iterator(source.parent_path())) {
    const std::string name = item.path().filename();
    const bool beside = format.id == "tf" && name.starts_with(source.stem().string() + ".data-");
    if (name == stem || beside) fs::copy(item.path(), dir.path() / name);
  }
  const std::string path = dir / stem;
  std::map<std::string, std::string> before;
  Edit edit;
  try {
    const auto reader = open_as(format, path);
    before = content_of(*reader);
    for (const auto& [name, content] : before) {
      if (renamed(name) != name) edit.move(name, renamed(name));
    }
  } catch (const Error&) {
    return;  // what cannot be read is other tests' matter
  }
  CAPTURE(path);
  const std::string bytes = read_file(path);
  const std::string target = dir / ("out-" + stem);
  try {
    format.edit(path, target, edit, {});
    const EditResult result = format.edit(path, "", edit, {});
    std::map<std::string, std::string> wanted;
    for (const auto& [name, content] : before) wanted[renamed(name)] = content;
    CHECK((content_of(*open_as(format, target)) == wanted));
    CHECK((content_of(*open_as(format, path)) == wanted));
    if (!edit.moves.empty()) format.undo(path, result.undo, {});
    ++tally.files;
  } catch (const Error& e) {
    if (e.code() != Errc::kUnsupported) throw;
    ++tally.refused[e.what()];
    CHECK(!fs::exists(target));
  }
  CHECK((read_file(path) == bytes));
}

}  // namespace

TEST_SUITE("formats/edit_corpus") {
  TEST_CASE("every real file of a format that is edited keeps its bytes under new names") {
    for (const std::string_view id : {"safetensors", "npz", "tf", "torch", "keras"}) {
      const Format& format = *find_format(id);
      CorpusTally tally;
      int detected = 0;
      for (const char* root : {"/corpus", "/models"}) {
        if (!fs::is_directory(std::string(CKPT_SHARED) + root)) continue;
        for (const auto& item : fs::recursive_directory_iterator(std::string(CKPT_SHARED) + root)) {
          if (!item.is_regular_file() || item.path().filename() == "checkpoint") continue;
          if (item.path().string().find(".data-") != std::string::npos) continue;
          const auto file = open_file(item.path());
          if (!format.detect(*file) || ++detected % kStride<3> != 0) continue;
          edit_there_and_back(format, item.path(), tally);
        }
      }
      std::string words = cat(id, ": ", tally.files, " files edited there and back");
      for (const auto& [reason, count] : tally.refused) {
        words += cat("; ", count, " × ", reason.substr(0, 60));
      }
      if (fs::is_directory(std::string(CKPT_SHARED) + "/corpus"))
        CHECK(tally.files > 5 / kStride<3>);
      MESSAGE(words);
    }
  }

  TEST_CASE("hostile files are edited or refused, and stay as they are") {
    int files = 0;
    int edited = 0;
    const std::string root = CKPT_SHARED "/hostile";
    if (!fs::is_directory(root)) {
      MESSAGE("SKIPPED: " << root << " is not there");
      return;
    }
    const TempDir dir;
    for (const auto& item : fs::recursive_directory_iterator(root)) {
      if (!item.is_regular_file() || item.file_size() > (1U << 20U)) continue;
      for (const std::string_view id : {"safetensors", "npz", "torch", "keras"}) {
        const Format& format = *find_format(id);
        const std::string path = item.path();
        if (!format.detect(*open_file(path))) continue;
        CAPTURE(path);
        const std::string bytes = read_file(path);
        const std::string target = dir / "out";
        fs::remove(target);
        ++files;
        try {
          Edit edit;
          const auto reader = open_as(format, path);
          for (const Entry& entry : reader->index().entries) {
            if (edit.drops.empty()) {
              edit.drops.push_back(entry.name);
            } else {
              edit.move(entry.name, entry.name + "x");
            }
          }
          edit.puts.push_back(
              {.spec = {.name = "made", .shape = {2}},
               .replaces = std::string(edit.drops.empty() ? "" : edit.drops.front()),
               .produce = [](const Reader&, const auto& take) { take(Bytes(8, std::byte{0})); }});
          format.edit(path, target, edit, {});
          ++edited;
          static_cast<void>(open_as(format, target));
        } catch (const Error&) {
          CHECK(!fs::exists(target));
        }
        CHECK((read_file(path) == bytes));
      }
    }
    CHECK(edited > 0);
    MESSAGE(cat(files, " hostile files, ", edited, " edited"));
  }
}
