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
#include "support/process.h"
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
  // Where it is edited and not written: makes one of a file of another format.
  std::string_view made_of = {};
  void (*make)(const std::string& from, const std::string& path) = nullptr;
};

// As Keras does it: the HDF5 file stored in a zip.
void make_keras(const std::string& from, const std::string& path) {
  run_python(R"(
import sys, zipfile
with zipfile.ZipFile(sys.argv[2], 'w') as z:
  z.writestr('metadata.json', '{"keras_version": "3.3.3"}')
  z.writestr('config.json', '{"class_name": "Sequential", "config": {"layers": []}}')
  z.write(sys.argv[1], 'model.weights.h5')
)",
             {from, path});
  fs::remove(from);
}

constexpr Abilities kAll[] = {
    {.id = "hdf5", .file = "m.h5", .is_written = true, .is_edited = true, .is_in_place = true},
    {.id = "keras",
     .file = "m.keras",
     .is_edited = true,
     .is_in_place = true,
     .made_of = "hdf5",
     .make = make_keras},
    {.id = "safetensors",
     .file = "m.safetensors",
     .is_written = true,
     .is_edited = true,
     .is_in_place = true},
    {.id = "safetensors-index",
     .file = "m.safetensors.index.json",
     .is_written = true,
     .is_edited = true,
     .is_in_place = true},
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

void write_samples(const Abilities& row, const std::string& path,
                   const std::vector<Sample>& samples = kSamples, std::uint64_t shard_bytes = 0,
                   Overwrite overwrite = Overwrite::kNo) {
  if (row.make != nullptr) {
    const Abilities& other = *std::ranges::find(kAll, row.made_of, &Abilities::id);
    const std::string from = cat(path, ".", other.file);
    write_samples(other, from, samples);
    row.make(from, path);
    return;
  }
  const Format& format = *find_format(row.id);
  std::vector<VariableSpec> specs;
  for (const Sample& sample : samples) {
    specs.push_back(
        {.name = named(format, sample.name), .dtype = sample.dtype, .shape = sample.shape});
  }
  const auto writer = create_checkpoint(
      path, specs, {.overwrite = overwrite, .max_shard_bytes = shard_bytes}, format.id);
  for (std::size_t i = 0; i < samples.size(); ++i) writer->write(i, bytes_of(samples[i]));
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

// Has the reader the tensors that were written, but for one byte of one of them? That byte may be
// the one that was flipped. Names may be others: they are bytes of the file as well.
bool has_same_tensors(const Reader& reader, const std::vector<Sample>& samples) {
  std::vector<Bytes> left;
  for (const Sample& sample : samples) left.push_back(bytes_of(sample));
  std::size_t others = 0;
  for (const Tensor& tensor : read_all(reader)) {
    const auto distance = [&](const Bytes& bytes) {
      if (bytes.size() != tensor.bytes.size()) return std::size_t{1000};
      std::size_t count = 0;
      for (std::size_t i = 0; i < bytes.size(); ++i) count += bytes[i] != tensor.bytes[i] ? 1U : 0U;
      return count;
    };
    const auto nearest = std::ranges::min_element(left, {}, distance);
    if (nearest == left.end()) return false;
    others += distance(*nearest);
    left.erase(nearest);
  }
  return left.empty() && others <= 1;
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
      write_samples(row, path);
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
        write_samples(row, path);
        const Content before = content_of(path);
        const std::string target = dir / cat("out-", row.file);
        const EditResult result = format.edit(path, target, a_case.edit, {});
        CHECK((content_of(path) == before));
        CHECK((content_of(target) == edited(before, a_case.edit, *open_checkpoint(path))));
        CHECK(error_of([&] { format.edit(path, target, a_case.edit, {}); }) ==
              "exists already; give another name, or replace it with --overwrite");
      }
    }
  }

  TEST_CASE("what is overwritten is replaced whole, by a new checkpoint and by an edit") {
    const std::vector<Sample> others{{"a", DType::kF32, {2000}}, {"b/c", DType::kI64, {3}}};
    for (const Abilities& row : kAll) {
      if (!row.is_written && row.make == nullptr) continue;
      CAPTURE(row.id);
      const Format& format = *find_format(row.id);
      const Edit edit{{move_of(format, "dec/table", "dec/t")}, {}, {}};
      const TempDir dir;
      const std::string path = dir / std::string(row.file);
      const std::string target = dir / cat("out-", row.file);
      write_samples(row, path);
      const Content before = content_of(path);
      const Content after = edited(before, edit, *open_checkpoint(path));
      const std::size_t files = files_in(dir).size();
      write_samples(row, target, others);
      // Twice, since what comes after one that was overwritten may take other names.
      for (int i = 0; i < 2; ++i) {
        format.edit(path, target, edit, {.overwrite = Overwrite::kYes});
        CHECK((content_of(target) == after));
        CHECK((content_of(path) == before));
        CHECK(open_checkpoint(target)->index().notes == open_checkpoint(path)->index().notes);
      }
      if (row.is_written) {
        write_samples(row, target, others, 0, Overwrite::kYes);
        CHECK(content_of(target).size() == others.size());
        write_samples(row, target, kSamples, 0, Overwrite::kYes);
        CHECK((content_of(target) == before));
      }
      // Also itself.
      format.edit(path, path, edit, {.overwrite = Overwrite::kYes});
      CHECK((content_of(path) == after));
      const std::size_t empty_shards = row.id == std::string_view("tf") ? 1 : 0;
      CHECK(files_in(dir).size() <= 2 * (files + empty_shards));
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
        write_samples(row, path);
        const Content before = content_of(path);
        const Content after = edited(before, a_case.edit, *open_checkpoint(path));
        const auto files = files_in(dir);
        const EditResult result = format.edit(path, "", a_case.edit, {});
        CHECK((content_of(path) == after));
        REQUIRE(result.can_undo);
        format.undo(path, decode_undo(encode_undo(result.undo)), {});
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
      write_samples(row, path);
      const EditResult result =
          format.edit(path, "", {{move_of(format, "dec/table", "dec/t")}, {}, {}}, {});
      format.edit(path, "", {{move_of(format, "dec/t", "dec/u")}, {}, {}}, {});
      const auto files = files_in(dir);
      CHECK(error_of([&] {
              format.undo(path, result.undo, {});
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
      write_samples(row, path);
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

  TEST_CASE(
      "each file of a checkpoint, cut anywhere or flipped anywhere, is an error or the same") {
    const std::vector<Sample> samples{{"enc/kernel", DType::kF32, {2, 3}},
                                      {"enc/bias", DType::kF16, {3}},
                                      {"step", DType::kI64, {}}};
    for (const Abilities& row : kAll) {
      if (!row.is_written && row.make == nullptr) continue;
      const TempDir dir;
      const std::string path = dir / std::string(row.file);
      const bool is_set = row.id == std::string_view("safetensors-index");
      write_samples(row, path, samples, is_set ? 24 : 0);
      for (const auto& file : files_in(dir)) {
        const auto& name = file.first;
        const auto& bytes = file.second;
        CAPTURE(row.id);
        CAPTURE(name);
        const bool is_main = name == row.file;
        const Format& format = *find_format(row.id);
        int changed = 0;
        const auto check = [&](const Reader& reader) {
          changed += has_same_tensors(reader, samples) ? 0 : 1;
        };
        if (is_main) {
          cut_everywhere(format, bytes, check, path);
          flip_everywhere(format, bytes, bytes.size(), check, path);
        } else {
          // Another file of the checkpoint is damaged where it lies.
          const std::string main = read_file(path);
          for (std::size_t at = 0; at < bytes.size(); ++at) {
            for (const bool is_cut : {true, false}) {
              std::string damaged = is_cut ? bytes.substr(0, at) : bytes;
              if (!is_cut) damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
              write_file(dir / name, damaged);
              try {
                check(*open_bytes(format, main, path));
              } catch (const Error&) {
              }
            }
          }
          write_file(dir / name, bytes);
        }
        CHECK(changed == 0);
      }
    }
  }
}
