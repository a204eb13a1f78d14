#include "formats/hdf5_edit/operation.h"

#include "core/error.h"
#include "core/text.h"
#include "formats/hdf5_edit/wire.h"

namespace ckpt::hdf5 {
namespace {

// Both programs are of one build; this tells when they are not.
constexpr std::uint64_t kProtocol = 0x31'54'49'44'45'35'48'01;

void check_protocol(WireReader& in) {
  if (in.number() != kProtocol) {
    throw Error(Errc::kCorrupt, "the helper program is of another version than this one");
  }
}

}  // namespace

Bytes encode_operations(std::span<const Operation> operations) {
  WireWriter out;
  out.number(kProtocol);
  out.number(operations.size());
  for (const Operation& operation : operations) {
    out.number(static_cast<std::uint64_t>(operation.kind));
    out.text(operation.path);
    out.text(operation.to);
    out.number(operation.parts.size());
    for (const auto& part : operation.parts) {
      out.number(part.size());
      for (const auto& text : part) out.text(text);
    }
    out.number(operation.is_divided ? 1 : 0);
    out.number(static_cast<std::uint64_t>(operation.dtype));
    out.number(operation.shape.size());
    for (const auto extent : operation.shape) out.number(static_cast<std::uint64_t>(extent));
  }
  return out.result();
}

std::vector<Operation> decode_operations(ByteView bytes) {
  WireReader in(bytes);
  check_protocol(in);
  std::vector<Operation> operations(in.count(56));
  for (Operation& operation : operations) {
    operation.kind = static_cast<Operation::Kind>(in.number());
    operation.path = in.text();
    operation.to = in.text();
    operation.parts.resize(in.count(8));
    for (auto& part : operation.parts) {
      part.resize(in.count(8));
      for (auto& text : part) text = in.text();
    }
    operation.is_divided = in.number() != 0;
    operation.dtype = static_cast<DType>(in.number());
    operation.shape.resize(in.count(8));
    for (auto& extent : operation.shape) extent = static_cast<std::int64_t>(in.number());
  }
  return operations;
}

Bytes encode_outcome(const Outcome& outcome) {
  WireWriter out;
  out.number(kProtocol);
  out.number(outcome.patch.size_before);
  out.number(outcome.patch.size_after);
  out.number(outcome.patch.pieces.size());
  for (const auto& piece : outcome.patch.pieces) {
    out.number(piece.offset);
    out.bytes(piece.bytes);
  }
  out.number(outcome.created.size());
  for (const Extent& extent : outcome.created) {
    out.number(extent.offset);
    out.number(extent.bytes);
  }
  return out.result();
}

Outcome decode_outcome(ByteView bytes) {
  WireReader in(bytes);
  check_protocol(in);
  Outcome outcome;
  outcome.patch.size_before = in.number();
  outcome.patch.size_after = in.number();
  outcome.patch.pieces.resize(in.count(16));
  for (auto& piece : outcome.patch.pieces) {
    piece.offset = in.number();
    const ByteView content = in.bytes();
    piece.bytes.assign(content.begin(), content.end());
  }
  outcome.created.resize(in.count(16));
  for (Extent& extent : outcome.created) {
    extent.offset = in.number();
    extent.bytes = in.number();
  }
  if (!in.is_empty()) throw Error(Errc::kCorrupt, "a message goes on behind its end");
  return outcome;
}

}  // namespace ckpt::hdf5
