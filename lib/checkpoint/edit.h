#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "core/string_pool.h"
#include "storage/fingerprint.h"
#include "storage/locked_file.h"
#include "storage/new_file.h"
#include "storage/undo.h"

namespace ckpt {

// What is to become of a checkpoint's variables, and what became of them: plain data that a format
// carries out (Format::edit). All of an edit happens at once: every name is a name of the original,
// so that swaps and chains need no order.

// The variable keeps its tensor, bytes untouched. `from` is a name or an alias in the index; an
// alias is a path, and so is what it becomes.
struct NameMove {
  std::string_view from;
  std::string_view to;
};

// A variable whose bytes are new: the result of a cast, a permutation, a join.
struct Put {
  VariableSpec spec;
  // A variable that is dropped or moved away, whose attributes this one gets, and whose rank in the
  // lists that a layout keeps (Keras sets weights by their order). Empty: none, and the last rank.
  std::string replaces;
  // Hands the tensor's bytes (row-major, little-endian) to `take` in any number of pieces. What it
  // reads of the original comes from `original`, which is open under the edit's own lock.
  std::function<void(const Reader& original, const std::function<void(ByteView)>& take)> produce;
};

// Names are views: of what the caller holds as long as the edit is in use (a plan has them), or of
// `strings`.
struct Edit {
  std::vector<NameMove> moves;  // names that are not among these and the drops stay
  std::vector<std::string_view> drops;
  std::vector<Put> puts;
  StringPool strings;

  // Adds a move or a drop whose names nobody else holds.
  void move(std::string_view from, std::string_view to) {
    moves.push_back({strings.add(from), strings.add(to)});
  }
  void drop(std::string_view name) { drops.push_back(strings.add(name)); }
};

enum class InPlace : std::uint8_t {
  kAuto,     // kReplace where a copy costs nothing (reflink), else kJournal
  kReplace,  // a changed copy takes the file's place; hard links to the old file part with it
  kJournal,  // the file itself is changed, under a journal at its end
};

// One operation on the container, as it is carried out: for reports.
struct EditOperation {
  enum class Kind : std::uint8_t { kMakeScope, kMove, kDrop, kRemoveScope, kLink, kText, kCreate };
  Kind kind = Kind::kMove;
  std::string_view place;  // what it is done to
  std::string_view to;     // of a move and of a link; of a text the attribute's name

  friend bool operator==(const EditOperation&, const EditOperation&) = default;
};
inline constexpr int kEditOperationKinds = 7;

// A list of them that holds their names.
class EditOperations {
 public:
  void add(EditOperation::Kind kind, std::string_view place, std::string_view to = {}) {
    list_.push_back({kind, strings_.add(place), strings_.add(to)});
  }
  void reserve(std::size_t size) { list_.reserve(size); }
  [[nodiscard]] std::size_t size() const { return list_.size(); }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] auto begin() const { return list_.begin(); }
  [[nodiscard]] auto end() const { return list_.end(); }

 private:
  std::vector<EditOperation> list_;
  StringPool strings_;
};

// "move", "drop", "make-scope", "remove-scope", "link", "text", "create".
std::string_view name_of(EditOperation::Kind kind);

struct EditResult {
  enum class How : std::uint8_t {
    kNothing,     // there was nothing to do, or only the operations were asked for
    kNewFile,     // a clone with the changes
    kRepacked,    // a new file that was written from the start
    kReplaced,    // in place: a clone took the file's place
    kJournalled,  // in place: the file itself
  };
  How how = How::kNothing;
  EditOperations operations;
  std::vector<std::string> notes;   // what a user may want to know, a sentence each
  std::uint64_t patched_bytes = 0;  // of the container's structure
  std::uint64_t tensor_bytes = 0;   // of new tensors
  std::uint64_t size_before = 0;
  std::uint64_t size_after = 0;
  bool cloned_by_reference = false;  // the file system shared the blocks (reflink)
  bool can_undo = false;             // an edit in place
  Undo undo;                         // where can_undo
  // By which the changed file is known, of several the one that decides; empty where a file is
  // changed under a journal, which the undo data tells.
  std::optional<Fingerprint> fingerprint;
};

struct EditOptions {
  bool use_paths = false;  // as OpenOptions has it: names are places, no layout is kept up
  Overwrite overwrite = Overwrite::kNo;  // of a new file's target
  InPlace in_place = InPlace::kAuto;
  bool repack = false;            // a new file without the room of dropped variables
  bool plan_only = false;         // find out the operations and stop
  bool report_operations = true;  // false: EditResult::operations may be empty
  // The program in which libhdf5 makes its changes; empty: looked for beside this program and where
  // it is installed (formats/hdf5_helper/helper.h).
  std::string helper;
  std::chrono::milliseconds helper_time{600'000};
  std::uint64_t helper_memory = std::uint64_t{8} << 30U;
  // How long a lock is waited for that another program holds.
  Wait wait = kUsualWait;
  // The checkpoint's file, where the caller has locked it: alone for an edit in place. What was
  // planned under the lock is then what is edited. Else the edit takes a lock of its own.
  const LockedFile* locked = nullptr;
  // The state of that file which the edit was planned on without a lock (Reader::stamp()). In any
  // other the edit is refused.
  std::optional<FileStamp> planned_on;
  // Called when all is decided and checked and nothing is written yet, with the undo data: the
  // place to make a receipt durable. What it throws cancels the edit.
  std::function<void(const EditResult&)> before_commit;
};

}  // namespace ckpt
