// One body over all formats: what a format cannot do is a column of the table, never an `if` on its
// name.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/tensor.h"
#include "core/text.h"
#include "formats/formats.h"
#include "support/corpus.h"
#include "support/damage.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;
namespace fs = std::filesystem;

namespace {

struct Abilities {
  std::string_view id;
  std::string_view file;  // what a checkpoint is called
  bool is_written = false;
  bool is_edited = false;    // to a new file
  bool is_in_place = false;  // and in place, and back
};

constexpr Abilities kAll[] = {
    {.id = "hdf5", .file = "m.h5", .is_written = true, .is_edited = true, .is_in_place = true},
    {.id = "keras", .file = "m.keras"},
    {.id = "safetensors",
     .file = "m.safetensors",
     .is_written = true,
     .is_edited = true,
     .is_in_place = true},
    {.id = "safetensors-index",
     .file = "m.safetensors.index.json",
     .is_written = true,
     .is_edited = true},
    {.id = "npz", .file = "m.npz", .is_written = true, .is_edited = true, .is_in_place = true},
    {.id = "npy", .file = "m.npy"},
    {.id = "gguf", .file = "m.gguf"},
    {.id = "tfjs", .file = "model.json"},
    {.id = "tf", .file = "m.index", .is_written = true, .is_edited = true, .is_in_place = true},
    {.id = "tf1", .file = "m.ckpt"},
    {.id = "torch", .file = "m.pt", .is_written = true, .is_edited = true, .is_in_place = true},
};

// Names in this table have "/" for the format's own separator. An edit keeps views of them.
const std::string& named(const Format& format, std::string_view name) {
  static std::set<std::string> names;
  std::string text(name);
  std::ranges::replace(text, '/', format.separator);
  return *names.insert(std::move(text)).first;
}

struct Sample {
  std::string_view name;
  DType dtype;
  Shape shape;
};

const std::vector<Sample> kSamples{
    {"enc/l0/kernel", DType::kF32, {3, 4}}, {"enc/l0/bias", DType::kF32, {4}},
    {"enc/l1/kernel", DType::kF64, {2, 2}}, {"dec/kernel", DType::kF16, {5}},
    {"dec/table", DType::kI32, {300, 7}},   {"step", DType::kI64, {}},
    {"dec/empty", DType::kF32, {0, 3}},     {"dec/mask", DType::kBool, {3}},
};

Bytes bytes_of(const Sample& sample) {
  Bytes bytes(tensor_bytes(sample.dtype, sample.shape));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] =
        static_cast<std::byte>(sample.dtype == DType::kBool ? i % 2 : i * 7 + sample.name.size());
  }
  return bytes;
}

void write_samples(const Format& format, const std::string& path) {
  std::vector<VariableSpec> specs;
  for (const Sample& sample : kSamples) {
    specs.push_back(
        {.name = named(format, sample.name), .dtype = sample.dtype, .shape = sample.shape});
  }
  const auto writer = create_checkpoint(path, specs, {}, format.id);
  for (std::size_t i = 0; i < kSamples.size(); ++i) writer->write(i, bytes_of(kSamples[i]));
  writer->commit();
}

// Every file of the folder: a checkpoint may be several.
std::map<std::string, std::string> files_in(const TempDir& dir) {
  std::map<std::string, std::string> files;
  for (const auto& item : fs::directory_iterator(dir.path())) {
    files[item.path().filename()] = read_file(item.path());
  }
  return files;
}

using Content = std::map<std::string, Tensor>;

Content content_of(const std::string& path) {
  const auto reader = open_checkpoint(path);
  Content content;
  const auto& entries = reader->index().entries;
  for (std::size_t i = 0; i < entries.size(); ++i) content[entries[i].name] = reader->read(i);
  return content;
}

Content samples_of(const Format& format) {
  Content content;
  for (const Sample& sample : kSamples) {
    content[named(format, sample.name)] = {sample.dtype, sample.shape, bytes_of(sample)};
  }
  return content;
}

NameMove move_of(const Format& format, std::string_view from, std::string_view to) {
  return {named(format, from), named(format, to)};
}

Put put_of(const Format& format, std::string_view name, std::string_view replaces) {
  return {.spec = {.name = named(format, name), .dtype = DType::kF32, .shape = {2, 3}},
          .replaces = replaces.empty() ? "" : named(format, replaces),
          .produce = [](const Reader&, const auto& take) { take(Bytes(24, std::byte{9})); }};
}

struct EditCase {
  std::string_view what;
  Edit edit;
};

std::vector<EditCase> edit_cases(const Format& format) {
  std::vector<EditCase> cases;
  cases.push_back(
      {"a rename to a shorter name", {{move_of(format, "dec/table", "dec/t")}, {}, {}}});
  cases.push_back({"a rename to a much longer name",
                   {{move_of(format, "enc/l0/bias", "enc/l0/" + std::string(200, 'b'))}, {}, {}}});
  cases.push_back({"a swap",
                   {{move_of(format, "enc/l0/kernel", "dec/kernel"),
                     move_of(format, "dec/kernel", "enc/l0/kernel")},
                    {},
                    {}}});
  cases.push_back({"drops", {{}, {named(format, "step"), named(format, "enc/l0/kernel")}, {}}});
  cases.push_back({"new tensors in the place of old ones",
                   {{move_of(format, "step", "steps")},
                    {named(format, "dec/table")},
                    {put_of(format, "dec/made", "dec/table"), put_of(format, "dec/new", "")}}});
  return cases;
}

// What the edit makes of the content.
Content edited(Content content, const Edit& edit, const Reader& reader) {
  Content result = content;
  for (const std::string_view drop : edit.drops) result.erase(std::string(drop));
  for (const NameMove& move : edit.moves) result.erase(std::string(move.from));
  for (const auto& [from, to] : edit.moves) result[std::string(to)] = content.at(std::string(from));
  for (const Put& put : edit.puts) {
    Tensor& made = result[put.spec.name];
    made = {put.spec.dtype, put.spec.shape, {}};
    put.produce(reader, [&](ByteView bytes) {
      made.bytes.insert(made.bytes.end(), bytes.begin(), bytes.end());
    });
  }
  return result;
}

}  // namespace

TEST_SUITE("formats/conformance") {
  TEST_CASE("the table has every format, with what it can do") {
    std::vector<std::string_view> ids;
    for (const Abilities& row : kAll) {
      CAPTURE(row.id);
      ids.push_back(row.id);
      const Format* format = find_format(row.id);
      REQUIRE(format != nullptr);
      CHECK((format->create != nullptr) == row.is_written);
      CHECK((format->edit != nullptr) == row.is_edited);
      CHECK((format->undo != nullptr) == row.is_in_place);
    }
    REQUIRE(ids.size() == formats().size());
    for (std::size_t i = 0; i < ids.size(); ++i) CHECK(ids[i] == formats()[i]->id);
  }

  TEST_CASE("what is written is read again") {
    for (const Abilities& row : kAll) {
      if (!row.is_written) continue;
      CAPTURE(row.id);
      const TempDir dir;
      const Format& format = *find_format(row.id);
      const std::string path = dir / std::string(row.file);
      write_samples(format, path);
      CHECK(&detect_format(path) == &format);
      CHECK((content_of(path) == samples_of(format)));
    }
  }

  TEST_CASE("an edit to a new file leaves the old one, and makes what it says") {
    for (const Abilities& row : kAll) {
      if (!row.is_edited) continue;
      const Format& format = *find_format(row.id);
      for (const EditCase& a_case : edit_cases(format)) {
        CAPTURE(row.id);
        CAPTURE(a_case.what);
        const TempDir dir;
        const std::string path = dir / std::string(row.file);
        write_samples(format, path);
        const Content before = content_of(path);
        const std::string target = dir / cat("out-", row.file);
        const EditResult result = format.edit(path, target, a_case.edit, {});
        CHECK((content_of(path) == before));
        CHECK((content_of(target) == edited(before, a_case.edit, *open_checkpoint(path))));
        CHECK(error_of([&] { format.edit(path, target, a_case.edit, {}); }) ==
              "exists already; give another name, or ask to overwrite it");
      }
    }
  }

  TEST_CASE("an edit in place makes the same, and undo gives every byte back") {
    for (const Abilities& row : kAll) {
      if (!row.is_in_place) continue;
      const Format& format = *find_format(row.id);
      for (const EditCase& a_case : edit_cases(format)) {
        CAPTURE(row.id);
        CAPTURE(a_case.what);
        const TempDir dir;
        const std::string path = dir / std::string(row.file);
        write_samples(format, path);
        const Content before = content_of(path);
        const Content after = edited(before, a_case.edit, *open_checkpoint(path));
        const auto files = files_in(dir);
        const EditResult result = format.edit(path, "", a_case.edit, {});
        CHECK((content_of(path) == after));
        REQUIRE(result.can_undo);
        format.undo(path, decode_undo(encode_undo(result.undo)), InPlace::kAuto);
        CHECK((files_in(dir) == files));
        CHECK((content_of(path) == before));
      }
    }
  }

  TEST_CASE("a file that was changed since is not undone") {
    for (const Abilities& row : kAll) {
      if (!row.is_in_place) continue;
      CAPTURE(row.id);
      const Format& format = *find_format(row.id);
      const TempDir dir;
      const std::string path = dir / std::string(row.file);
      write_samples(format, path);
      const EditResult result =
          format.edit(path, "", {{move_of(format, "dec/table", "dec/t")}, {}, {}}, {});
      format.edit(path, "", {{move_of(format, "dec/t", "dec/u")}, {}, {}}, {});
      const auto files = files_in(dir);
      CHECK(error_of([&] {
              format.undo(path, result.undo, InPlace::kAuto);
            }).starts_with("is not as the edit left it: "));
      CHECK((files_in(dir) == files));
    }
  }

  TEST_CASE("edits that make no sense are refused by name, and nothing is written") {
    for (const Abilities& row : kAll) {
      if (!row.is_in_place) continue;
      CAPTURE(row.id);
      const Format& format = *find_format(row.id);
      const TempDir dir;
      const std::string path = dir / std::string(row.file);
      write_samples(format, path);
      const auto files = files_in(dir);
      const auto error = [&](const Edit& edit) {
        return error_of([&] { format.edit(path, "", edit, {}); });
      };
      CHECK(error({{{"no", "x"}}, {}, {}}) == "'no': no such variable in the file");
      CHECK(error({{{"step", ""}}, {}, {}}) == "'step': is to have an empty name");
      CHECK(error({{{"step", "a"}}, {"step"}, {}}) == "'step': is to become two things at once");
      CHECK(error({{move_of(format, "step", "dec/mask")}, {}, {}}) ==
            cat("'", named(format, "dec/mask"), "': two variables would have this name"));
      CHECK((files_in(dir) == files));
      EditOptions plan_only;
      plan_only.plan_only = true;
      const Edit rename{{move_of(format, "step", "steps")}, {}, {}};
      CHECK(format.edit(path, "", rename, plan_only).how == EditResult::How::kNothing);
      CHECK((files_in(dir) == files));
    }
  }
}
