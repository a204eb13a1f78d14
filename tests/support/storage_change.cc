#include "support/storage_change.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/text.h"
#include "core/wire.h"
#include "storage/change.h"
#include "storage/change_record.h"
#include "storage/fingerprint.h"
#include "storage/intent.h"
#include "storage/journal.h"
#include "storage/locked_file.h"
#include "storage/new_file.h"
#include "storage/patch.h"
#include "storage/receipt_files.h"
#include "storage/undo.h"
#include "storage/way_back.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

using namespace ckpt;

namespace {

constexpr std::string_view kToyFile = "TOYFILE1";
constexpr std::string_view kToySet = "TOYSET1\n";
constexpr std::string_view kToyEdit = "TOYEDIT1";

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool flip() { return below(2) == 1; }
  std::string bytes(std::uint64_t size) {
    std::string bytes(static_cast<std::size_t>(size), '\0');
    for (char& c : bytes) c = static_cast<char>(random_());
    return bytes;
  }
  // Mostly small, now and then over many sectors.
  std::uint64_t size() { return below(4) == 0 ? below(12'000) : below(1500); }

 private:
  std::mt19937_64 random_;
};

std::unique_ptr<RandomFile> as_file(const std::string& bytes) {
  const ByteView view = as_byte_view(std::string_view(bytes));
  return memory_file(Bytes(view.begin(), view.end()));
}

std::string whole(const RandomFile& file) {
  std::string bytes(static_cast<std::size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

Fingerprint print_of(const std::string& bytes) { return fingerprint_of(*as_file(bytes)); }

// Runs of bytes in which the two differ, and the new end.
Patch patch_between(const std::string& before, const std::string& after) {
  Patch patch{
      .size_before = before.size(), .size_after = after.size(), .pieces = {}, .strings = {}};
  for (std::size_t i = 0; i < after.size();) {
    const std::size_t begin = i;
    while (i < after.size() && (i >= before.size() || before[i] != after[i])) ++i;
    if (i > begin) patch.add(begin, as_byte_view(std::string_view(after).substr(begin, i - begin)));
    if (i == begin) ++i;
  }
  return patch;
}

Undo undo_between(const std::string& before, const std::string& after) {
  return make_undo(*as_file(before), patch_between(before, after));
}

Undo undo_of_anew(const std::string& before, const std::string& after) {
  return make_undo(*as_file(before), *as_file(after), {});
}

// Writes the receipt, and keeps it where the edit is done or decided.
void with_receipt_of(bool wanted, const std::string& path, int like, const std::string& after,
                     const Undo* undo,
                     const std::function<void(const std::function<void()>& before)>& edit) {
  NewReceipt receipt(path, like);
  const auto write = [&] {
    if (!wanted) return;
    receipt.write(
        [&](const NewReceipt::WriteText& out) {
          out("receipt ");
          out(to_string(print_of(after)));
        },
        undo);
  };
  try {
    edit(write);
  } catch (const Error& e) {
    if (e.code() == Errc::kUnfinished) receipt.keep();
    throw;
  }
  receipt.keep();
}

// --- New files -------------------------------------------------------------------------------

GeneratedChange new_file_change(std::uint64_t seed, bool with_receipt) {
  Dice dice(seed);
  GeneratedChange change;
  const bool overwrites = dice.flip();
  change.name = overwrites ? "new file in place of another" : "new file";
  change.subject = "model.pt";
  const std::string old = dice.bytes(dice.size() + 1);
  const std::string bytes = dice.bytes(dice.size() + 1);
  const bool reserves = dice.flip();
  change.before = change.after = neighbours();
  if (overwrites) change.before["model.pt"] = old;
  change.after["model.pt"] = bytes;
  change.run = [=](const std::string& folder) {
    const std::string path = folder + "/model.pt";
    std::optional<LockedFile> locked;
    if (overwrites) locked.emplace(path, LockFor::kChanging, Wait(50));
    NewFile file(path, overwrites ? Overwrite::kYes : Overwrite::kNo);
    if (reserves) file.reserve(bytes.size());
    const std::size_t half = bytes.size() / 2;
    file.write_at(half, as_byte_view(std::string_view(bytes).substr(half)));
    file.write_at(0, as_byte_view(std::string_view(bytes).substr(0, half)));
    const Undo undo = undo_of_anew(old, bytes);
    with_receipt_of(with_receipt, path, file.fd(), bytes, overwrites ? &undo : nullptr,
                    [&](const auto& before) {
                      before();
                      file.commit(overwrites);
                    });
  };
  change.recover = [](const std::string&) {};
  change.read = [](const std::string& folder) {
    FolderFiles files;
    if (is_there(folder + "/model.pt")) files["model.pt"] = read_file(folder + "/model.pt");
    return files;
  };
  return change;
}

// --- The journal -----------------------------------------------------------------------------

std::string toy_file(Dice& dice, std::uint64_t size) {
  WireWriter number;
  number.number(size);
  std::string bytes(kToyFile);
  bytes += as_text(number.result());
  return bytes + dice.bytes(size - bytes.size());
}

std::uint64_t end_of_toy(const RandomFile& file) {
  if (file.size() < 16) return 0;
  Bytes front(16);
  file.read_at(0, front);
  if (as_text(ByteView(front).first(8)) != kToyFile) return 0;
  return WireReader(ByteView(front).subspan(8)).number();
}

struct ToyPatch {
  std::vector<std::pair<std::uint64_t, std::string>> pieces;
  std::vector<std::pair<ByteRange, std::string>> fills;
  std::uint64_t size_after = 0;
};

GeneratedChange journal_change(std::uint64_t seed, bool with_receipt) {
  Dice dice(seed);
  GeneratedChange change;
  change.subject = "toy.bin";
  const std::uint64_t size = 600 + dice.size();
  const std::string before = toy_file(dice, size);
  ToyPatch patch;
  const std::uint64_t way = dice.below(3);
  change.name = way == 0 ? "patch" : way == 1 ? "patch with growth" : "patch that cuts";
  patch.size_after = way == 0 ? size : way == 1 ? size + 1 + dice.size() : size - dice.below(500);
  std::string after = before;
  after.resize(static_cast<std::size_t>(patch.size_after));
  const auto lay = [&](std::uint64_t at, const std::string& bytes) {
    after.replace(static_cast<std::size_t>(at), bytes.size(), bytes);
  };
  {
    WireWriter number;
    number.number(patch.size_after);
    const std::string length(as_text(number.result()));
    patch.pieces.emplace_back(8, length);
    lay(8, length);
  }
  for (std::uint64_t at = 16 + dice.below(300); at < patch.size_after && patch.pieces.size() < 6;) {
    const std::uint64_t most = std::min<std::uint64_t>(patch.size_after - at, 900);
    const std::string bytes = dice.bytes(1 + dice.below(most));
    patch.pieces.emplace_back(at, bytes);
    lay(at, bytes);
    at += bytes.size() + 1 + dice.below(patch.size_after);
  }
  for (std::uint64_t i = dice.below(3); i > 0; --i) {
    const std::uint64_t at = 16 + dice.below(patch.size_after - 16);
    const std::string bytes = dice.bytes(std::min(patch.size_after - at, 1 + dice.size()));
    patch.fills.push_back({{at, bytes.size()}, bytes});
    lay(at, bytes);
  }
  change.before = change.after = neighbours();
  change.before["toy.bin"] = before;
  change.after["toy.bin"] = after;
  const bool has_way_back = with_receipt && way != 2;
  change.run = [=](const std::string& folder) {
    const std::string path = folder + "/toy.bin";
    const LockedFile locked(path, LockFor::kChanging, Wait(50));
    locked.check_single_name();
    Patch real{
        .size_before = before.size(), .size_after = patch.size_after, .pieces = {}, .strings = {}};
    for (const auto& [at, bytes] : patch.pieces)
      real.add(at, as_byte_view(std::string_view(bytes)));
    std::vector<ByteRange> ranges;
    for (const auto& [range, bytes] : patch.fills) ranges.push_back(range);
    const FillRange fill = [&](std::size_t i, const auto& take) {
      const std::string_view bytes = patch.fills[i].second;
      take(as_byte_view(bytes.substr(0, bytes.size() / 3)));
      take(as_byte_view(bytes.substr(bytes.size() / 3)));
    };
    const FileDescriptor fd = reopen_for_writing(locked.fd());
    const Undo undo = has_way_back ? undo_between(before, after) : Undo{};
    with_receipt_of(has_way_back, path, locked.fd(), after, &undo, [&](const auto& write) {
      write();
      locked.check_unchanged();
      apply_with_journal(fd.get(), 0, real, ranges, fill);
    });
  };
  change.recover = [](const std::string& folder) { recover_toy_file(folder + "/toy.bin"); };
  change.read = [](const std::string& folder) {
    auto file = open_file(folder + "/toy.bin");
    SettledFile settled = settle(std::move(file));
    if (!settled.was_interrupted) {
      const std::uint64_t end = end_of_toy(*settled.file);
      settled = settle_torn(std::move(settled.file), end);
    }
    return FolderFiles{{"toy.bin", whole(*settled.file)}};
  };
  return change;
}

// --- Several files ---------------------------------------------------------------------------

using Rows = std::map<std::string, std::uint64_t>;

// What a set's files are: those of the decider, with the bytes that it speaks of.
FolderFiles read_toy_set(const std::string& folder) {
  const std::string path = folder + "/m.toy";
  FolderFiles files;
  if (!is_there(path)) return files;
  const std::string text = read_file(path);
  if (const auto record = parse_toy_record(text)) {
    const RecordedChange change(path, *record);
    const auto rows = parse_toy_set(record->decider).value_or(Rows{});
    files["m.toy"] = record->decider;
    for (const auto& [name, size] : rows) {
      const auto file = change.open(name);
      files[name] = file ? whole(*file) : read_file(folder + "/" + name);
    }
    return files;
  }
  files["m.toy"] = text;
  for (const auto& [name, size] : parse_toy_set(text).value_or(Rows{})) {
    // The bytes behind are those of an append that is not decided.
    files[name] = read_file(folder + "/" + name).substr(0, static_cast<std::size_t>(size));
  }
  return files;
}

GeneratedChange names_change(std::uint64_t seed, bool with_receipt) {
  Dice dice(seed);
  GeneratedChange change;
  change.name = "change by names";
  change.subject = "m.toy";
  change.recover = [](const std::string& folder) { recover_toy_set(folder + "/m.toy"); };
  change.read = read_toy_set;

  Rows old_rows;
  FolderFiles old_files;
  const bool is_there_before = dice.below(5) != 0;
  const std::uint64_t count = is_there_before ? 1 + dice.below(3) : 0;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::string name = cat("m-", i, ".bin");
    old_files[name] = dice.bytes(dice.size() + 1);
    old_rows[name] = old_files[name].size();
  }
  struct Step {
    enum class Kind { kPut, kSame, kAppend, kCut, kRemove } kind;
    std::string name;
    std::string bytes;
    std::string source;
    std::uint64_t size = 0;
  };
  std::vector<Step> steps;
  Rows rows = old_rows;
  FolderFiles files = old_files;
  for (const auto& [name, bytes] : old_files) {
    switch (dice.below(5)) {
      case 0:
        steps.push_back({Step::Kind::kAppend, name, dice.bytes(dice.size() + 1), "", 0});
        files[name] += steps.back().bytes;
        rows[name] = files[name].size();
        break;
      case 1:
        steps.push_back({Step::Kind::kCut, name, "", "", bytes.size() / 2});
        files[name].resize(bytes.size() / 2);
        rows[name] = files[name].size();
        break;
      case 2:
        steps.push_back({Step::Kind::kRemove, name, "", "", 0});
        files.erase(name);
        rows.erase(name);
        break;
      case 3: {  // another name, which is the same file
        const std::string other = cat("n-", name);
        steps.push_back({Step::Kind::kSame, other, "", name, 0});
        files[other] = bytes;
        rows[other] = bytes.size();
        if (dice.flip()) {
          steps.push_back({Step::Kind::kRemove, name, "", "", 0});
          files.erase(name);
          rows.erase(name);
        }
        break;
      }
      default:
        break;
    }
  }
  const std::uint64_t fresh = dice.below(3) + (steps.empty() ? 1 : 0);
  for (std::uint64_t i = 1; i <= fresh; ++i) {
    const std::string name = cat("new-", i, ".bin");
    steps.push_back({Step::Kind::kPut, name, dice.bytes(dice.size() + 1), "", 0});
    files[name] = steps.back().bytes;
    rows[name] = files[name].size();
  }
  const std::string old_text = print_toy_set(old_rows);
  const std::string text = print_toy_set(rows);
  change.before = change.after = neighbours();
  if (is_there_before) {
    change.before.insert(old_files.begin(), old_files.end());
    change.before["m.toy"] = old_text;
  }
  change.after.insert(files.begin(), files.end());
  change.after["m.toy"] = text;
  change.run = [=](const std::string& folder) {
    const std::string path = folder + "/m.toy";
    std::optional<LockedFile> locked;
    std::unique_ptr<Change> real;
    if (is_there_before) {
      locked.emplace(path, LockFor::kChanging, Wait(50));
      real = std::make_unique<Change>(*locked, kUsualWait);
    } else {
      real = std::make_unique<Change>(path, Overwrite::kYes, Wait(50));
    }
    Undo undo = undo_of_anew(is_there_before ? old_text : "", text);
    for (const Step& step : steps) {
      switch (step.kind) {
        case Step::Kind::kPut:
          real->put(step.name).write_at(0, as_byte_view(std::string_view(step.bytes)));
          break;
        case Step::Kind::kSame:
          real->put_same(step.name, folder + "/" + step.source);
          break;
        case Step::Kind::kAppend: {
          const std::string_view bytes = step.bytes;
          real->append(step.name, as_byte_view(bytes.substr(0, bytes.size() / 2)));
          real->append(step.name, as_byte_view(bytes.substr(bytes.size() / 2)));
          const std::uint64_t size = old_rows.at(step.name);
          undo.grown.push_back({step.name, size, size + bytes.size()});
          break;
        }
        case Step::Kind::kCut:
          real->cut(step.name, step.size, old_rows.at(step.name));
          break;
        case Step::Kind::kRemove:
          real->remove(step.name);
          break;
      }
    }
    real->decider().write_at(0, as_byte_view(std::string_view(text)));
    const int like = locked ? locked->fd() : real->decider().fd();
    with_receipt_of(with_receipt, path, like, text, is_there_before ? &undo : nullptr,
                    [&](const auto& before) { real->commit(before); });
  };
  return change;
}

GeneratedChange record_change(std::uint64_t seed, bool with_receipt) {
  Dice dice(seed);
  GeneratedChange change;
  change.name = "change by record";
  change.subject = "m.toy";
  change.recover = [](const std::string& folder) { recover_toy_set(folder + "/m.toy"); };
  change.read = read_toy_set;

  Rows old_rows;
  FolderFiles old_files;
  const std::uint64_t count = 1 + dice.below(4);
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::string name = cat("m-", i, ".bin");
    old_files[name] = dice.bytes(dice.size() + 20);
    old_rows[name] = old_files[name].size();
  }
  struct Step {
    enum class Kind { kPut, kFront, kRemove } kind;
    std::string name;
    std::string bytes;
  };
  std::vector<Step> steps;
  Rows rows = old_rows;
  FolderFiles files = old_files;
  for (const auto& [name, bytes] : old_files) {
    switch (dice.below(4)) {
      case 0:
        steps.push_back({Step::Kind::kPut, name, dice.bytes(dice.size() + 1)});
        files[name] = steps.back().bytes;
        rows[name] = files[name].size();
        break;
      case 1:
        steps.push_back({Step::Kind::kFront, name, dice.bytes(1 + dice.below(bytes.size()))});
        files[name].replace(0, steps.back().bytes.size(), steps.back().bytes);
        break;
      case 2:
        if (rows.size() == 1) break;
        steps.push_back({Step::Kind::kRemove, name, ""});
        files.erase(name);
        rows.erase(name);
        break;
      default:
        break;
    }
  }
  if (dice.flip() || steps.empty()) {
    steps.push_back({Step::Kind::kPut, "new-1.bin", dice.bytes(dice.size() + 1)});
    files["new-1.bin"] = steps.back().bytes;
    rows["new-1.bin"] = files["new-1.bin"].size();
  }
  const std::string old_text = print_toy_set(old_rows) + "# " + dice.bytes(4) + "\n";
  const std::string text = print_toy_set(rows);
  change.before = change.after = neighbours();
  change.before.insert(old_files.begin(), old_files.end());
  change.before["m.toy"] = old_text;
  change.after.insert(files.begin(), files.end());
  change.after["m.toy"] = text;
  const bool takes_lock_itself = dice.flip();
  change.run = [=](const std::string& folder) {
    const std::string path = folder + "/m.toy";
    std::optional<LockedFile> locked;
    std::unique_ptr<Change> real;
    if (takes_lock_itself) {
      real = std::make_unique<Change>(path, Overwrite::kYes, Wait(50));
    } else {
      locked.emplace(path, LockFor::kChanging, Wait(50));
      real = std::make_unique<Change>(*locked, kUsualWait);
    }
    Undo undo = undo_of_anew(old_text, text);
    for (const Step& step : steps) {
      const std::string old = old_files.contains(step.name) ? old_files.at(step.name) : "";
      switch (step.kind) {
        case Step::Kind::kPut:
          real->put(step.name).write_at(0, as_byte_view(std::string_view(step.bytes)));
          if (old.empty()) break;
          undo.beside_names.push_back(step.name);
          undo.beside.push_back(undo_of_anew(old, step.bytes));
          break;
        case Step::Kind::kFront:
          real->put_front(step.name, step.bytes, stamp_of(folder + "/" + step.name));
          undo.beside_names.push_back(step.name);
          undo.beside.push_back(undo_between(old, files.at(step.name)));
          break;
        case Step::Kind::kRemove:
          real->remove(step.name);
          break;
      }
    }
    real->decider().write_at(0, as_byte_view(std::string_view(text)));
    with_receipt_of(with_receipt, path, real->old_decider()->fd(), text, &undo,
                    [&](const auto& before) { real->commit(before, print_toy_record); });
  };
  return change;
}

// --- Checks ----------------------------------------------------------------------------------

struct SplitFolder {
  FolderFiles rest;
  FolderFiles own;       // temporaries and intents
  FolderFiles receipts;  // and undo data
};

SplitFolder split_folder(const std::string& folder, const std::string& subject) {
  SplitFolder split;
  for (const auto& [name, bytes] : files_in_folder(folder)) {
    auto& part = is_own_leftover(name)                         ? split.own
                 : name.starts_with(subject + ".ckpt-receipt") ? split.receipts
                                                               : split.rest;
    part[name] = bytes;
  }
  return split;
}

// The bytes before the edit, which left `now`; empty where the undo data is not of it.
std::optional<std::string> taken_back(const std::string& now, const Undo& undo) {
  const auto file = as_file(now);
  std::string all;
  for (const auto& piece : undo.pieces) all += as_text(piece.bytes);
  try {
    if (all.size() == undo.size_before) {  // written anew
      check_undo(*file, undo);
      return all;
    }
    const Patch patch = undoing_patch(*file, undo);
    return whole(PatchedFile(*file, patch));
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Does the undo data lead from the files that are there to those before?
bool leads_back(const GeneratedChange& change, const FolderFiles& now, const Undo& undo) {
  const auto is_back = [&](const std::string& name, const Undo& one) {
    const auto old = taken_back(now.at(name), one);
    return old && *old == change.before.at(name);
  };
  if (!is_back(change.subject, undo)) return false;
  for (std::size_t i = 0; i < undo.beside.size(); ++i) {
    if (!is_back(undo.beside_names[i], undo.beside[i])) return false;
  }
  return std::ranges::all_of(undo.grown, [&](const Undo::Grown& grown) {
    const std::string& bytes = now.at(grown.name);
    return bytes.size() == grown.size_after &&
           bytes.substr(0, static_cast<std::size_t>(grown.size_before)) ==
               change.before.at(grown.name);
  });
}

Bytes bytes_of_text(const std::string& text) {
  const ByteView view = as_byte_view(std::string_view(text));
  return {view.begin(), view.end()};
}

// The newest receipt is of the file and leads back; or none of them says that it is of the file.
void check_way_back(const GeneratedChange& change, const std::string& folder,
                    const SplitFolder& split, bool is_new) {
  const auto receipts = receipts_of(folder + "/" + change.subject);
  const bool is_subject_there = split.rest.contains(change.subject);
  const std::string state =
      is_subject_there ? to_string(print_of(split.rest.at(change.subject))) : "";
  bool is_found = false;
  for (const ReceiptFile& receipt : receipts) {
    const bool fits = read_file(receipt.path) == "receipt " + state;
    CHECK(fits == is_new);
    const std::string undo_file = undo_path(receipt.path);
    if (!is_there(undo_file)) continue;
    const Undo undo = decode_undo(bytes_of_text(read_file(undo_file)));
    if (is_new) {
      CHECK(leads_back(change, split.rest, undo));
      is_found = true;
    } else if (is_subject_there) {
      CHECK(!taken_back(split.rest.at(change.subject), undo).has_value());
    }
  }
  if (!is_new) return;
  const bool is_wanted = change.name.ends_with("with receipt");
  CHECK(receipts.empty() == !is_wanted);
  const bool has_undo = is_wanted && change.before.contains(change.subject);
  CHECK(is_found == has_undo);
}

std::string names_of_files(const FolderFiles& files) {
  std::string text;
  for (const auto& [name, bytes] : files) text += cat(name, " (", bytes.size(), ") ");
  return text;
}

}  // namespace

const FolderFiles& neighbours() {
  static const FolderFiles files{
      {".ckpt-1000.tmp", "step 1000"},
      {".ckpt-best.pt.tmp", "the best"},
      {".ckpt-0123456789abcdef-1.tmp", "without an intent"},
      {".ckpt-fedcba9876543210.intent", "a user's own"},
      {".ckpt-fedcba9876543210-1.tmp", "with an intent of a user's making"},
      {"x.ckpt-new", "new"},
      {"thesis.txt", "all of it"},
  };
  return files;
}

bool is_own_leftover(const std::string& name) {
  return !neighbours().contains(name) && name.starts_with(".ckpt-") &&
         (name.ends_with(".intent") || name.ends_with(".tmp"));
}

std::string print_toy_set(const std::map<std::string, std::uint64_t>& rows) {
  std::string text(kToySet);
  for (const auto& [name, size] : rows) text += cat(name, " ", size, "\n");
  return text;
}

std::optional<std::map<std::string, std::uint64_t>> parse_toy_set(const std::string& text) {
  if (!text.starts_with(kToySet)) return std::nullopt;
  Rows rows;
  std::istringstream in(text.substr(kToySet.size()));
  std::uint64_t size = 0;
  for (std::string name; in >> name >> size;) rows[name] = size;
  return rows;
}

void print_toy_record(const ChangeRecord& record, Blocks& out) {
  WireWriter wire;
  wire.number(record.files.size());
  for (const auto& file : record.files) {
    for (const auto& text :
         {file.name, file.waiting, file.front, file.before ? to_string(*file.before) : "",
          file.after ? to_string(*file.after) : ""}) {
      wire.text(text);
    }
  }
  wire.text(record.decider);
  out.add(kToyEdit);
  out.add(ByteView(wire.result()));
}

std::optional<ChangeRecord> parse_toy_record(const std::string& text) {
  if (!text.starts_with(kToyEdit)) return std::nullopt;
  WireReader wire(as_byte_view(std::string_view(text).substr(kToyEdit.size())));
  ChangeRecord record;
  for (std::uint64_t i = wire.number(); i > 0; --i) {
    ChangeRecord::File& file = record.files.emplace_back();
    file.name = wire.text();
    file.waiting = wire.text();
    file.front = wire.text();
    file.before = parse_fingerprint(wire.text());
    file.after = parse_fingerprint(wire.text());
  }
  record.decider = wire.text();
  return record;
}

void recover_toy_set(const std::string& path) {
  std::optional<LockedFile> locked;
  std::string text;
  if (is_there(path)) {
    locked.emplace(path, LockFor::kChanging, Wait(50));
    text = whole(*locked->view());
  }
  if (const auto record = parse_toy_record(text)) {
    RecordedChange(locked->path(), *record).carry_out({}, Wait(50));
    NewFile decider(path, Overwrite::kYes, Wait(50));
    decider.write_at(0, as_byte_view(std::string_view(record->decider)));
    decider.commit(true);
    return;
  }
  const auto rows = parse_toy_set(text).value_or(Rows{});
  take_back_intents(path, [&](const std::string& name) -> std::optional<std::uint64_t> {
    const auto row = rows.find(name);
    return row == rows.end() ? std::nullopt : std::optional(row->second);
  });
}

void recover_toy_file(const std::string& path) {
  const LockedFile locked(path, LockFor::kChanging, Wait(50));
  recover_journal(locked, end_of_toy(*locked.view()));
}

GeneratedChange generate_change(ChangeKind kind, std::uint64_t seed, bool with_receipt) {
  GeneratedChange change;
  switch (kind) {
    case ChangeKind::kNewFile:
      change = new_file_change(seed, with_receipt);
      break;
    case ChangeKind::kJournal:
      change = journal_change(seed, with_receipt);
      with_receipt = with_receipt && change.name != "patch that cuts";
      break;
    case ChangeKind::kByNames:
      change = names_change(seed, with_receipt);
      break;
    case ChangeKind::kByRecord:
      change = record_change(seed, with_receipt);
      break;
  }
  change.name += cat(", seed ", seed, with_receipt ? ", with receipt" : "");
  return change;
}

bool check_settles(const GeneratedChange& change, const std::string& folder, Outcome outcome) {
  CAPTURE(change.name);
  const FolderFiles found = files_in_folder(folder);
  CAPTURE(names_of_files(found));
  FolderFiles read;
  CHECK(error_of([&] { read = change.read(folder); }) == "no error");
  CHECK((files_in_folder(folder) == found));
  CHECK(error_of([&] { change.recover(folder); }) == "no error");
  const SplitFolder split = split_folder(folder, change.subject);
  CAPTURE(names_of_files(split.rest));
  const bool is_new = split.rest == change.after;
  CHECK((is_new || split.rest == change.before));
  if (outcome != Outcome::kAny) CHECK(is_new == (outcome == Outcome::kNew));
  for (const auto& [name, bytes] : read) {
    const auto there = split.rest.find(name);
    CHECK((there != split.rest.end() && there->second == bytes));
  }
  check_way_back(change, folder, split, is_new);
  if (is_new) {
    NewFile file(folder + "/thesis.txt", Overwrite::kYes);
    file.write_at(0, as_byte_view(std::string_view(change.after.at("thesis.txt"))));
    CHECK(error_of([&] { file.commit(); }) == "no error");
  } else {
    CHECK(error_of([&] { change.run(folder); }) == "no error");
  }
  const SplitFolder then = split_folder(folder, change.subject);
  CHECK((then.rest == change.after));
  CHECK(names_of_files(then.own) == "");
  if (!is_new) {
    // The run of now sweeps when it makes an intent of its own; where it made none, the next does.
    check_way_back(change, folder, {then.rest, {}, {}}, true);
  }
  return is_new;
}

bool is_as_after(const GeneratedChange& change, const std::string& folder) {
  const SplitFolder split = split_folder(folder, change.subject);
  return split.rest == change.after && split.own.empty();
}
