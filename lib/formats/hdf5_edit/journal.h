#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "checkpoint/edit.h"
#include "core/file.h"
#include "formats/hdf5_helper/patch.h"

namespace ckpt::hdf5 {

// A patch applied to a file itself, so that a crash at any moment leaves, after recover_journal(),
// the file all old or all new. The new bytes are first appended to the file and synced:
//
//     ......old file......|0..0| locator | ...room for growth... | header extents bytes footer |
//                         ^old end, then padding to a page       ^ page behind both ends
//
//     locator  "CKPTLOC1" old-size check                  written and synced first
//     header   "CKPTJRN1" old-size new-size signature-at count
//     extents  (offset length)* count
//     bytes    of the extents, in their order
//     footer   "CKPTEND1" header-at checksum "CKPTEND2"   the last bytes of the file
//
//     1 locator, sync          from here on the old length is known
//     2 header … footer, sync  from here on the edit is decided
//     3 signature := marker, sync; extents, sync; signature back, sync; cut at new size, sync
//
// Until 2 is complete the file is the old one with bytes behind its end. In 3 the HDF5 signature is
// overwritten by a marker, so that other programs refuse the file rather than read half of it. Then
// the journal is applied, and may be applied again, from the footer alone. Numbers are u64,
// little-endian; the checksum is XXH3 of header, extents and bytes.

enum class JournalState : std::uint8_t {
  kNone,
  kTorn,      // the journal is not complete: the file is the old one, with a tail to be cut off
  kComplete,  // the edit is decided; it has to be carried out
};

// Looks whether a journal was begun behind the file's data. Cheap where the file ends at
// `end_of_data` (what its superblock says; pass 0 where that cannot be read).
JournalState find_journal(const RandomFile& file, std::uint64_t end_of_data);

// The marker in place of the signature: an edit was interrupted in step 3.
bool has_edit_marker(const RandomFile& file);

// Must the file be recovered before it can be read?
bool is_interrupted(const RandomFile& file);

// What is said of such a file.
inline constexpr std::string_view kInterrupted =
    "an edit of it was interrupted; `ckpt recover` finishes it, or takes it back";

// Throws Error(kIo) where it must.
void check_not_interrupted(const RandomFile& file);

// Fills the tensors' room: called once for each extent, hands the bytes to the function in order.
using FillExtent = std::function<void(std::size_t, const std::function<void(ByteView)>&)>;

// Applies `patch` to the file of `fd` (open for reading and writing, locked by the caller), then
// fills `extents`. `signature_at` is where the HDF5 signature lies, or the 8 bytes by which
// programs know a file of another format; then the patch must have a piece over them, though they
// stay. Throws Error(kWrite): until step 2 is complete the file is cut back to what it was, and the
// sentence says nothing more; afterwards it says that recovery is needed.
void apply_with_journal(int fd, std::uint64_t signature_at, const Patch& patch,
                        std::span<const Extent> extents, const FillExtent& fill);

// Finishes or undoes what was interrupted. `fd` as above; `end_of_data` is where the data of a file
// ends that is not HDF5. Throws Error(kWrite).
Recovery recover_journal(int fd, std::optional<std::uint64_t> end_of_data = std::nullopt);

}  // namespace ckpt::hdf5
