#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/blocks.h"
#include "storage/change_record.h"
#include "support/disk_log.h"

// Changes of one to five files of a folder, generated, by which the room is driven alone: formats
// of a few lines stand for the real ones.
//
// A file that is edited by the journal begins with "TOYFILE1" and its length. A decider is
//
//     TOYSET1
//     NAME BYTES       a row for each of its files, with how many bytes of it belong to the set
//
// and the record of an interrupted change begins with "TOYEDIT1".
struct GeneratedChange {
  std::string name;     // what it is, for a failed check
  std::string subject;  // the file that is edited, or the decider: receipts lie beside it
  FolderFiles before;   // the folder, with neighbours that have nothing to do with it
  FolderFiles after;
  // Throws what the room throws.
  std::function<void(const std::string& folder)> run;
  // Finishes or takes back what was interrupted; may be called at any time.
  std::function<void(const std::string& folder)> recover;
  // The bytes of the files that it speaks of, as a reading command would show them; changes
  // nothing.
  std::function<FolderFiles(const std::string& folder)> read;
};

enum class ChangeKind { kNewFile, kJournal, kByNames, kByRecord };
inline constexpr ChangeKind kChangeKinds[] = {ChangeKind::kNewFile, ChangeKind::kJournal,
                                              ChangeKind::kByNames, ChangeKind::kByRecord};

// The same for the same numbers. With a receipt and undo data, where the kind has a way back.
GeneratedChange generate_change(ChangeKind kind, std::uint64_t seed, bool with_receipt);

// Files that nobody may touch though their names look like it.
const FolderFiles& neighbours();

// The toy formats, for tests of their own.
std::string print_toy_set(const std::map<std::string, std::uint64_t>& rows);
std::optional<std::map<std::string, std::uint64_t>> parse_toy_set(const std::string& text);
void print_toy_record(const ckpt::ChangeRecord& record, ckpt::Blocks& out);
std::optional<ckpt::ChangeRecord> parse_toy_record(const std::string& text);
void recover_toy_set(const std::string& path);
void recover_toy_file(const std::string& path);

// Is that a name of the room's own temporaries and intents? Those of neighbours() are not.
bool is_own_leftover(const std::string& name);

// What is to be true of the folder after a run that ended somehow.
enum class Outcome { kAny, kOld, kNew };

// Recovers, and checks: all files old or all new as one; what reading showed before is what is
// there afterwards; the way back is there, or leads nowhere; neighbours are as they were; and a
// next run succeeds and leaves nothing of its own. Gives whether they are the new ones. Uses
// doctest's CHECK.
bool check_settles(const GeneratedChange& change, const std::string& folder, Outcome outcome);

// Are all files but receipts as they are to be, with nothing of the room's own left?
bool is_as_after(const GeneratedChange& change, const std::string& folder);
