#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/file.h"
#include "storage/locked_file.h"
#include "storage/patch.h"

namespace ckpt {

// A patch applied to a file itself, so that a crash at any moment leaves, after recover_journal(),
// the file all old or all new, whatever its format. The new bytes are first appended to the file
// and synced:
//
//     ......old file......|0..0| locator | ...room for growth... | header ranges bytes footer  |
//                         ^old end, then padding to a page       ^ page behind both ends
//
//     locator  "CKPTLOC1" old-size check                  written and synced first
//     header   "CKPTJRN1" old-size new-size signature-at count
//     ranges   (offset length)* count
//     bytes    of the ranges, in their order; one range has the signature
//     footer   "CKPTEND1" header-at checksum "CKPTEND2"   the last bytes of the file
//
//     1 locator, sync          from here on the old length is known
//     2 header … footer, sync  from here on the edit is decided
//     3 signature := marker, sync; ranges, sync; signature back, sync; cut at new size, sync
//
// Until 2 is complete the file is the old one with bytes behind its end. In 3 the signature is
// overwritten by a marker, so that other programs refuse the file rather than read half of it. Then
// the journal is applied, and may be applied again, from the footer alone. Numbers are u64,
// little-endian; the checksum is XXH3 of header, ranges and bytes.

// What is said of a file whose edit was interrupted.
inline constexpr std::string_view kInterrupted =
    "an edit of it was interrupted; `ckpt recover` finishes it, or takes it back";

// What is said of one that is read all the same.
inline constexpr std::string_view kReadAsRecovered =
    "an edit of it was interrupted; `ckpt recover` finishes it or takes it back, and it is read as "
    "that will leave it";

// A file as it is to be read.
struct SettledFile {
  std::unique_ptr<RandomFile> file;
  bool was_interrupted = false;
};

// Of a file whose edit is decided, what recover_journal() would make of it: what the journal holds
// is laid over the file, and the file is not touched. Any other is handed back as it is. The
// format need not be known; of a file without a journal the last bytes are read, no more. Throws
// Error(kCorrupt) where half of an edit is in the file, and the journal with the other half is
// damaged.
SettledFile settle(std::unique_ptr<RandomFile> file);

// The same for a file that has no signature which any format knows: it may have the marker in its
// place though its journal is gone. Throws Error(kCorrupt) then.
void check_no_marker(const RandomFile& file);

// The length before an edit that had not got as far as to be decided, where one was begun behind
// `end_of_data`, which is what the file's format says: the file is the old one, with a tail to be
// cut off.
std::optional<std::uint64_t> size_before_torn_edit(const RandomFile& file,
                                                   std::uint64_t end_of_data);

// The same as a view of the file without that tail.
SettledFile settle_torn(std::unique_ptr<RandomFile> file, std::uint64_t end_of_data);

// Throws Error(kIo) where an edit of the file was interrupted, decided or not.
void check_not_interrupted(const RandomFile& file, std::uint64_t end_of_data);

// Fills the room of new bytes: called once for each range, hands them to the function in order.
using FillRange = std::function<void(std::size_t, const std::function<void(ByteView)>&)>;

// Applies `patch` to the file of `fd` (open for reading and writing, locked by the caller), then
// fills `ranges`. `signature_at` is where the 8 bytes lie by which programs know a file of that
// format: it gets a marker in their place meanwhile. Where the patch has no piece over them, they
// are what is there.
// Throws Error: kWrite until step 2 is complete, when the file is cut back to what it was;
// kUnfinished afterwards, saying that recovery is needed.
void apply_with_journal(int fd, std::uint64_t signature_at, const Patch& patch,
                        std::span<const ByteRange> ranges, const FillRange& fill);

// What recovering found.
enum class Recovery : std::uint8_t {
  kClean,    // no edit was interrupted
  kUndone,   // the edit had not got far: the file is as before it
  kFinished  // the edit is complete now
};

// Finishes or undoes what was interrupted in a file that is locked for changing. `end_of_data` is
// where its format says that its data ends, 0 where that cannot be read. Throws Error: kWrite,
// kCorrupt where the journal has been damaged.
Recovery recover_journal(const LockedFile& file, std::uint64_t end_of_data);

}  // namespace ckpt
