#pragma once

#include <functional>

#include "formats/h5parse/context.h"

namespace ckpt::h5parse {

constexpr std::uint32_t kSharedMessage = 0x02;  // a message's flag: its body is elsewhere

// One message of an object header, as the file has it.
struct Message {
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  View body;
};

// What an object header says beside its messages.
struct ObjectHeader {
  std::uint64_t address = 0;
  std::uint64_t version = 0;
  std::uint64_t references = 1;  // hard links that lead here, as the header says
  View view{};                   // for saying what is wrong with the object
};

using TakeMessage = std::function<void(const Message&)>;

// Are shared messages looked up? Not in a header to which a shared message leads.
enum class Resolve : bool { kNo, kYes };

// Gives `take` each message of the header at `address`, from all of its blocks; continuations and
// unused space are left out. Where a message is shared, its body is what it refers to: a message of
// another object's header or of the file's table. Throws Error(kCorrupt): blocks that lie outside
// of the file or in one another, a count that is not that of the messages, a checksum that is not
// that of the bytes.
ObjectHeader read_object_header(const Context& context, std::uint64_t address,
                                const TakeMessage& take, Resolve resolve = Resolve::kYes);

// The body that a shared message of the object `owner` stands for (section IV.A.1, flag 1): the
// message of that type in the header of a committed datatype, or in the file's heap of shared
// messages. A datatype or dataspace inside an attribute is shared by the attribute's flags. Throws
// Error(kCorrupt) where there is none, or where it is itself shared.
View resolve_shared(const Context& context, std::uint32_t type, View reference,
                    std::uint64_t owner);

}  // namespace ckpt::h5parse
