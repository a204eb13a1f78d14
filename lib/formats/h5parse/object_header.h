#pragma once

#include <vector>

#include "formats/h5parse/file.h"

namespace ckpt::h5parse {

class Context;

constexpr std::uint32_t kSharedMessage = 0x02;  // a message's flag: its body is elsewhere

// One message of an object header, as the file has it.
struct Message {
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  View body;
};

// All messages of an object, from all blocks of its header. Continuations and unused space are left
// out. Owns the bytes that the messages view.
struct ObjectHeader {
  std::uint64_t address = 0;
  std::uint32_t version = 0;
  std::uint32_t references = 1;  // hard links that lead here, as the header says
  std::vector<Message> messages;
  std::vector<Block> blocks;
};

// Are shared messages looked up? Not in a header to which a shared message leads.
enum class Resolve : bool { kNo, kYes };

// Reads the header at `address`. Where a message is shared, its body is what it refers to: a
// message of another object's header or of the file's table. Throws Error(kCorrupt): blocks that
// lie outside of the file or in one another, a count that is not that of the messages, a checksum
// that is not that of the bytes.
ObjectHeader read_object_header(const Context& context, std::uint64_t address,
                                Resolve resolve = Resolve::kYes);

}  // namespace ckpt::h5parse
