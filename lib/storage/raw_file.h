#pragma once

#include <cstdint>
#include <string>

#include "core/bytes.h"
#include "core/system.h"

namespace ckpt {

// A copy of `bytes` that has a descriptor as a file has. Throws Error(kIo).
FileDescriptor in_memory(ByteView bytes);

// Writing to a descriptor, with every answer of the system looked at. All throw Error(kWrite).

void write_fully(int fd, std::uint64_t offset, ByteView bytes);
void set_size(int fd, std::uint64_t size);

// Flushing to the device. A failed one is never tried again, since the kernel drops what it cannot
// write. False where the file system has no such thing (some network and FUSE file systems): then
// what a power cut leaves is its own affair.
bool sync_data(int fd);
bool sync_all(int fd);
bool sync_folder(const std::string& folder);

// Throws where less room is free for this user than that. What the file system does not tell is
// taken as enough.
void check_room(int fd, std::uint64_t bytes);

// Takes room for [offset, offset + size) without changing the file's length, after a look at what
// is free. Where the file system cannot promise room, that is no error.
void reserve_room(int fd, std::uint64_t offset, std::uint64_t size);

// Gives an unnamed file (O_TMPFILE) a name where nothing is. False, with errno set, where there is
// something, or the file system has no hard links.
bool give_name(int fd, const std::string& path);

// A hard link: one more name of the file at `source`, a symbolic link followed. The same answers.
bool give_second_name(const std::string& source, const std::string& path);

// What the file at `path` is beside: "a" of "a/b", "." of "b".
std::string folder_of(const std::string& path);

// "b" of "a/b".
std::string base_name(std::string_view path);

// The path of `name` beside the file at `path`.
std::string beside(const std::string& path, std::string_view name);

// Is that a plain name of one file, which leads to no other folder ("../x", "/x", "a/b" are not)?
bool is_plain_name(std::string_view name);

}  // namespace ckpt
