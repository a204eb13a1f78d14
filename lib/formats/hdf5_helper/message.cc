#include "formats/hdf5_helper/message.h"

#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "formats/hdf5_helper/wire.h"

namespace ckpt::hdf5 {
namespace {

// The start of each message; it changes with every change of what follows.
constexpr std::uint64_t kProtocol = 0x34'52'50'4c'48'35'48'01;

void check_protocol(WireReader& in) {
  if (in.number() != kProtocol) {
    throw Error(Errc::kCorrupt, "the helper program is of another version than this one");
  }
}

void put(WireWriter& out, const std::vector<std::string>& texts) {
  out.number(texts.size());
  for (const auto& text : texts) out.text(text);
}

std::vector<std::string> take_texts(WireReader& in) {
  std::vector<std::string> texts(in.count(8));
  for (auto& text : texts) text = in.text();
  return texts;
}

void put(WireWriter& out, const Shape& shape) {
  out.number(shape.size());
  for (const auto extent : shape) out.number(static_cast<std::uint64_t>(extent));
}

Shape take_shape(WireReader& in) {
  Shape shape(in.count(8));
  for (auto& extent : shape) extent = static_cast<std::int64_t>(in.number());
  return shape;
}

void put(WireWriter& out, std::span<const Operation> operations) {
  out.number(operations.size());
  for (const Operation& operation : operations) {
    out.number(static_cast<std::uint64_t>(operation.kind));
    out.text(operation.path);
    out.text(operation.to);
    out.number(operation.parts.size());
    for (const auto& part : operation.parts) put(out, part);
    out.number(operation.is_divided ? 1 : 0);
    out.number(static_cast<std::uint64_t>(operation.dtype));
    put(out, operation.shape);
  }
}

EditRequest take_edit(WireReader& in) {
  EditRequest request;
  request.operations.resize(in.count(56));
  for (Operation& operation : request.operations) {
    operation.kind = static_cast<Operation::Kind>(in.number());
    operation.path = in.text();
    operation.to = in.text();
    operation.parts.resize(in.count(8));
    for (auto& part : operation.parts) part = take_texts(in);
    operation.is_divided = in.number() != 0;
    operation.dtype = static_cast<DType>(in.number());
    operation.shape = take_shape(in);
  }
  request.offset = in.number();
  request.size = in.number();
  return request;
}

void put(WireWriter& out, const LayoutRequest& request) {
  out.number(request.specs.size());
  for (const VariableSpec& spec : request.specs) {
    out.text(spec.name);
    out.number(static_cast<std::uint64_t>(spec.dtype));
    put(out, spec.shape);
    out.number(spec.trainable ? 1 : 0);
    put(out, spec.collections);
  }
  put(out, request.paths);
  out.number(request.metadata.size());
  for (const auto& [name, text] : request.metadata) {
    out.text(name);
    out.text(text);
  }
}

LayoutRequest take_layout(WireReader& in) {
  LayoutRequest request;
  request.specs.resize(in.count(40));
  for (VariableSpec& spec : request.specs) {
    spec.name = in.text();
    spec.dtype = static_cast<DType>(in.number());
    spec.shape = take_shape(in);
    spec.trainable = in.number() != 0;
    spec.collections = take_texts(in);
  }
  request.paths = take_texts(in);
  for (auto left = in.count(16); left > 0; --left) {
    std::string name = in.text();
    request.metadata.emplace(std::move(name), in.text());
  }
  return request;
}

void put(WireWriter& out, const ReadRequest& request) {
  for (const auto number : {request.object, request.first, request.count, request.bytes}) {
    out.number(number);
  }
}

ReadRequest take_read(WireReader& in) {
  ReadRequest request;
  for (auto* number : {&request.object, &request.first, &request.count, &request.bytes}) {
    *number = in.number();
  }
  return request;
}

// `kind` is the request's position in the variant.
WireWriter begin(std::uint64_t kind) {
  WireWriter out;
  out.number(kProtocol);
  out.number(kind);
  return out;
}

template <typename Content>
Bytes encode(std::uint64_t kind, const Content& content) {
  WireWriter out = begin(kind);
  put(out, content);
  return std::move(out).result();
}

}  // namespace

Bytes encode_request(std::span<const Operation> operations, std::uint64_t offset,
                     std::uint64_t size) {
  WireWriter out = begin(0);
  put(out, operations);
  out.number(offset);
  out.number(size);
  return std::move(out).result();
}
Bytes encode_request(const LayoutRequest& request) { return encode(1, request); }
Bytes encode_request(const ReadRequest& request) { return encode(2, request); }

Request decode_request(ByteView bytes) {
  WireReader in(bytes);
  check_protocol(in);
  switch (in.number()) {
    case 0:
      return take_edit(in);
    case 1:
      return take_layout(in);
    case 2:
      return take_read(in);
    default:
      throw Error(Errc::kCorrupt, "a request of an unknown kind");
  }
}

Bytes encode_outcome(const Outcome& outcome) {
  WireWriter out;
  out.reserve(bytes_of(outcome.patch) +
              16 * (outcome.patch.pieces.size() + outcome.created.size()) + 64);
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
  return std::move(out).result();
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
