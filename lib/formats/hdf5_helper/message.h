#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "core/bytes.h"
#include "formats/hdf5_helper/operation.h"

namespace ckpt::hdf5 {

// What the helper is asked, and what it answers, as bytes. Both programs are of one build; a
// message of another one is refused.

// Operations on the HDF5 file that lies at `offset` in the file. Answered by an Outcome.
struct EditRequest {
  std::vector<Operation> operations;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

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

Bytes encode_outcome(const Outcome& outcome);
Outcome decode_outcome(ByteView bytes);  // throws Error(kCorrupt); does not check the extents

}  // namespace ckpt::hdf5
