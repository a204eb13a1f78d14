#pragma once

#include <cstdint>

#include "core/bytes.h"
#include "core/system.h"

namespace ckpt {

// A copy of `bytes` that has a descriptor as a file has. Throws Error(kIo).
FileDescriptor in_memory(ByteView bytes);

// Writing to a descriptor, with every answer of the system looked at. All throw Error(kWrite).

void write_fully(int fd, std::uint64_t offset, ByteView bytes);
void sync_data(
    int fd);  // fdatasync; never tried again, since the kernel drops what it cannot write
void sync_all(int fd);
void set_size(int fd, std::uint64_t size);

// Takes room for [offset, offset + size) without changing the file's length. Where the file system
// cannot promise room, that is no error.
void reserve_room(int fd, std::uint64_t offset, std::uint64_t size);

}  // namespace ckpt
