#include "formats/h5parse/object_header.h"

#include <algorithm>
#include <map>

#include "formats/h5parse/limits.h"
#include "formats/h5parse/shared_message.h"

namespace ckpt::h5parse {
namespace {

constexpr std::uint32_t kNil = 0x00;
constexpr std::uint32_t kContinuation = 0x10;
constexpr std::uint32_t kReferenceCount = 0x16;
constexpr std::uint32_t kMustUnderstand = 0x80;  // flag: who does not know the type must stop
constexpr std::uint32_t kLastKnownType = 0x18;

constexpr std::uint64_t kShortest = 16;
constexpr std::uint64_t kUsualSize = 512;  // most headers are no longer: one piece to read

struct Extent {
  std::uint64_t address;
  std::uint64_t size;
};

class HeaderReader {
 public:
  HeaderReader(const Context& context, std::uint64_t address, const TakeMessage& take,
               Resolve resolve)
      : context_(context), take_(take), resolve_(resolve) {
    header_.address = address;
  }

  ObjectHeader run() {
    const std::uint64_t address = header_.address;
    context_.file.check("object header", address, kShortest);
    header_.view = context_.file.view("object header", address,
                                      std::min(context_.file.size() - address, kUsualSize));
    const bool is_new = as_text(header_.view.whole().first(4)) == "OHDR";
    if (is_new) {
      read_start_2(header_.view);
    } else {
      read_start_1(header_.view);
    }
    // Blocks may name further blocks; they are read one after another.
    for (std::size_t i = 0; i < continuations_.size(); ++i) {
      context_.attempt([&] { read_continuation(continuations_[i]); });
    }
    if (!is_new) {
      context_.attempt(
          [&] { header_.view.expect("the number of its messages", stated_count_, count_); });
    }
    return header_;
  }

 private:
  // Section IV.A.1.a, version 1.
  //
  //      0  version 1, 0, number of messages (2)
  //      4  hard links to it (4), bytes of messages in this block (4), 0 (4)
  //     16  messages
  void read_start_1(View view) {
    header_.version = view.u8();
    if (header_.version != 1) {
      view.fail("starts with ", header_.version, ", neither version 1 nor OHDR");
    }
    view.skip(1);
    stated_count_ = view.u16();
    header_.references = view.u32();
    const std::uint64_t size = view.u32();
    first_ = {header_.address, kShortest + size};
    View all = whole(view);
    all.skip(kShortest);
    read_messages(all);
  }

  // Section IV.A.1.b, version 2.
  //
  //      0  "OHDR", version 2, flags
  //      6  flag 5: four times (16); flag 4: attribute limits (4)
  //         bytes of messages: a number of 1, 2, 4 or 8 bytes by flags 0 and 1
  //         messages, perhaps a gap, checksum (4)
  void read_start_2(View view) {
    view.signature("OHDR");
    header_.version = view.version(2, 2);
    flags_ = view.u8();
    if ((flags_ & 0x20U) != 0) view.skip(16);
    if ((flags_ & 0x10U) != 0) view.skip(4);
    const std::uint64_t size = view.number(std::size_t{1} << (flags_ & 3U));
    const std::size_t prefix = view.position();
    if (size > context_.file.size()) {
      view.fail("has ", size, " bytes of messages, the file has ", context_.file.size());
    }
    first_ = {header_.address, prefix + size + 4};
    View all = whole(view);
    all.checksum();
    all.skip(prefix);
    read_messages(all);
  }

  // The first block, of which `view` has the usual size.
  [[nodiscard]] View whole(const View& view) const {
    if (first_.size > view.whole().size()) {
      return context_.file.view("object header", first_.address, first_.size);
    }
    return {"object header", first_.address,
            view.whole().first(static_cast<std::size_t>(first_.size)), view.sizes()};
  }

  // Section IV.A.1: version 1 continues with bare messages, version 2 with "OCHK", messages and a
  // checksum.
  void read_continuation(const Extent& extent) {
    check_overlap(extent);
    View view = context_.file.view("object header block", extent.address, extent.size);
    if (header_.version == 2) {
      view.checksum();
      view.signature("OCHK");
    }
    read_messages(view);
  }

  void check_overlap(const Extent& extent) {
    blocks_.emplace(first_.address + first_.size, first_.address);
    const std::uint64_t end = extent.address + extent.size;
    const auto known = blocks_.upper_bound(extent.address);
    if (known != blocks_.end() && known->second < end) {
      header_.view.fail("its block at ", extent.address, " of ", extent.size,
                        " bytes overlaps that at ", known->second, " of ",
                        known->first - known->second);
    }
    blocks_.emplace(end, extent.address);
  }

  // Sections IV.A.1.a and b, the messages of a block.
  //
  //     version 1: type (2), size (2), flags, 0, 0, 0, body; sizes are multiples of 8
  //     version 2: type, size (2), flags, with header flag 2 the order of creation (2), body
  void read_messages(View view) {
    const bool is_new = header_.version == 2;
    const std::size_t order = is_new && (flags_ & 4U) != 0 ? 2 : 0;
    const std::size_t prefix = is_new ? 4 + order : 8;
    Message message;
    while (view.left() >= prefix) {
      message.type = is_new ? view.u8() : view.u16();
      const std::size_t size = view.u16();
      message.flags = view.u8();
      view.skip(is_new ? order : 3);
      if (!is_new && size % 8 != 0) {
        view.fail("a message of ", size, " bytes; multiples of 8 are possible");
      }
      message.body = view.part("header message", size);
      if (++count_ > kMaxMessages) view.unsupported("has more than ", kMaxMessages, " messages");
      understand(message);
    }
    if (!is_new && view.left() > 0) view.skip(prefix);
  }

  void understand(Message& message) {
    View body = message.body;
    if (message.type == kNil) return;
    if (message.type == kContinuation) {
      // Section IV.A.2.q: address and length of the next block.
      const std::uint64_t address = body.offset();
      const std::uint64_t size = body.length();
      context_.file.check("object header block", address, size);
      continuations_.push_back({address, size});
    } else if (message.type == kReferenceCount) {
      body.version(0, 0);
      header_.references = body.u32();
    } else if (message.type > kLastKnownType && (message.flags & kMustUnderstand) != 0) {
      body.unsupported("message type ", message.type, " is not known, and must be");
    } else if ((message.flags & kSharedMessage) == 0 || resolve_ == Resolve::kNo) {
      take_(message);
    } else if (context_.attempt([&] {
                 message.body = resolve_shared(context_, message.type, body, header_.address);
               })) {
      take_(message);
    }
  }

  const Context& context_;
  const TakeMessage& take_;
  Resolve resolve_;
  ObjectHeader header_;
  std::uint32_t flags_ = 0;  // of version 2
  std::size_t count_ = 0;
  std::size_t stated_count_ = 0;
  Extent first_{};  // the first block
  std::vector<Extent> continuations_;
  std::map<std::uint64_t, std::uint64_t> blocks_;  // ends and starts
};

}  // namespace

ObjectHeader read_object_header(const Context& context, std::uint64_t address,
                                const TakeMessage& take, Resolve resolve) {
  return HeaderReader(context, address, take, resolve).run();
}

}  // namespace ckpt::h5parse
