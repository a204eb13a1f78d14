#pragma once

#include <cstdint>
#include <string>

namespace ckpt {

// Makes the file `to` (empty, open for writing) share the blocks of `from`. False where the file
// system cannot.
bool clone_by_reference(int from, int to);

// Bytes of one file that go to a place in another.
struct Stretch {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t size = 0;
};

// Copies them inside the kernel where that is possible, in large pieces, and sends them on their
// way to the device while it copies. Throws Error(kWrite, kIo).
void copy_bytes(int from, int to, const Stretch& stretch);

// Gives `to` the permission bits and the extended attributes (access control lists are among them)
// of `from`, and its owner and group where `with_owner`; then set-user-id bits stay only if the
// owner could be kept, and the group's bits only if the group could. Gives what the file system or
// the permissions did not allow, as words: "owner, permission bits"; empty where all is as it was.
std::string copy_metadata(int from, int to, bool with_owner);

}  // namespace ckpt
