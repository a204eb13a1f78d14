#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "core/bytes.h"
#include "core/wire.h"
#include "formats/hdf5_helper/operation.h"

namespace ckpt::hdf5 {

// What the helper is asked, and what it answers, as bytes. Both programs are of one build; a
// message of another one is refused.

// The first word of every answer, a u64: what the helper works in. Then 0 and the content, or 1, an
// Errc and a sentence.
enum class Cell : std::uint8_t {
  kClosed,      // its system calls are filtered
  kUnfiltered,  // the kernel cannot filter them: only limits hold it
};

// Operations on the HDF5 file that lies at `offset` in the file. Answered by an Outcome. They stay
// in the message, since 100,000 of them are large.
struct EditRequest {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  ByteView operations;
};

// Calls `f` with each operation of the request, which is a view of the message.
void for_each_operation(const EditRequest& request, const std::function<void(const Operation&)>& f);

// A new native file with these variables at these paths, without their tensors. Answered by an
// Outcome whose patch makes an empty file that one, with an extent for each variable.
struct LayoutRequest {
  std::vector<VariableSpec> specs;
  std::vector<std::string> paths;
  Metadata metadata;  // attributes of the root group
};

// Elements [first, first + count) of a dataset of the file. Answered by `bytes` bytes.
struct ReadRequest {
  std::uint64_t object = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

using Request = std::variant<EditRequest, LayoutRequest, ReadRequest>;

// An EditRequest.
Bytes encode_request(std::span<const Operation> operations, std::uint64_t offset,
                     std::uint64_t size);
Bytes encode_request(const LayoutRequest& request);
Bytes encode_request(const ReadRequest& request);
Request decode_request(ByteView bytes);  // throws Error(kCorrupt)

// An Outcome goes piece by piece, since a patch of 100,000 renames is most of the file:
//
//     protocol  size before, after  (1 offset length bytes)*  0  count (offset length)*
//
// all numbers u64, little-endian.
class OutcomeWriter {
 public:
  // `send` hands bytes on.
  explicit OutcomeWriter(std::function<void(ByteView)> send) : send_(std::move(send)) {}

  void begin(std::uint64_t size_before, std::uint64_t size_after);
  void piece(std::uint64_t offset, ByteView bytes);
  void end(std::span<const ByteRange> created);

 private:
  std::function<void(ByteView)> send_;
};

// What is said of an answer that breaks the protocol.
inline constexpr std::string_view kNonsense = "the helper's answer makes no sense";

// Throws Error(kCorrupt) for a patch that is out of
// order, does not fit a file of `size_before` bytes, or has more than `limit` bytes. Extents are
// not checked.
Outcome read_outcome(const Receive& receive, std::uint64_t size_before, std::uint64_t limit);

}  // namespace ckpt::hdf5
