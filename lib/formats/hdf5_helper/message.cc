#include "formats/hdf5_helper/message.h"

#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace ckpt::hdf5 {
namespace {

// The start of each message; it changes with every change of what follows.
constexpr std::uint64_t kProtocol = 0x35'52'50'4c'48'35'48'01;

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

void put(WireWriter& out, const Operation& operation) {
  out.number(static_cast<std::uint64_t>(operation.kind));
  out.text(operation.path);
  out.text(operation.to);
  if (operation.kind == Operation::Kind::kTexts) {
    out.number(operation.parts.size());
    for (const auto& part : operation.parts) put(out, part);
    out.number(operation.is_divided ? 1 : 0);
  } else if (operation.kind == Operation::Kind::kCreate) {
    out.number(static_cast<std::uint64_t>(operation.dtype));
    put(out, operation.shape);
  }
}

Operation take_operation(WireReader& in) {
  Operation operation;
  operation.kind = static_cast<Operation::Kind>(in.number());
  operation.path = as_text(in.bytes());
  operation.to = as_text(in.bytes());
  if (operation.kind == Operation::Kind::kTexts) {
    operation.parts.resize(in.count(8));
    for (auto& part : operation.parts) part = take_texts(in);
    operation.is_divided = in.number() != 0;
  } else if (operation.kind == Operation::Kind::kCreate) {
    operation.dtype = static_cast<DType>(in.number());
    operation.shape = take_shape(in);
  }
  return operation;
}

EditRequest take_edit(WireReader& in) {
  EditRequest request;
  request.offset = in.number();
  request.size = in.number();
  request.operations = in.rest();
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
  std::size_t names = 0;
  for (const Operation& operation : operations)
    names += operation.path.size() + operation.to.size();
  out.reserve(names + 24 * operations.size() + 64);
  out.number(offset);
  out.number(size);
  for (const Operation& operation : operations) put(out, operation);
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

void for_each_operation(const EditRequest& request,
                        const std::function<void(const Operation&)>& f) {
  for (WireReader in(request.operations); !in.is_empty();) f(take_operation(in));
}

void OutcomeWriter::begin(std::uint64_t size_before, std::uint64_t size_after) {
  WireWriter out;
  out.number(kProtocol);
  out.number(size_before);
  out.number(size_after);
  send_(out.result());
}

void OutcomeWriter::piece(std::uint64_t offset, ByteView bytes) {
  WireWriter head;
  head.number(1);
  head.number(offset);
  head.number(bytes.size());
  send_(head.result());
  send_(bytes);
}

void OutcomeWriter::end(std::span<const ByteRange> created) {
  WireWriter out;
  out.number(0);
  out.number(created.size());
  for (const ByteRange& extent : created) {
    out.number(extent.offset);
    out.number(extent.bytes);
  }
  send_(out.result());
}

Outcome read_outcome(const Receive& receive, std::uint64_t size_before, std::uint64_t limit) {
  const auto check = [](bool is_sound) {
    if (!is_sound) throw Error(Errc::kCorrupt, std::string(kNonsense));
  };
  const auto number = [&] { return receive_number(receive); };
  check(number() == kProtocol);
  Outcome outcome;
  Patch& patch = outcome.patch;
  patch.size_before = number();
  patch.size_after = number();
  check(patch.size_before == size_before && patch.size_after >= size_before);
  std::uint64_t end = 0;
  Bytes bytes;
  while (number() == 1) {
    const std::uint64_t offset = number();
    const std::uint64_t size = number();
    check(offset >= end && size > 0 && size <= limit && offset <= patch.size_after &&
          size <= patch.size_after - offset);
    limit -= size;
    end = offset + size;
    bytes.resize(static_cast<std::size_t>(size));
    receive(bytes);
    patch.add(offset, bytes);
  }
  const std::uint64_t count = number();
  check(count <= limit / sizeof(ByteRange));
  outcome.created.resize(static_cast<std::size_t>(count));
  for (ByteRange& extent : outcome.created) {
    extent.offset = number();
    extent.bytes = number();
  }
  return outcome;
}

}  // namespace ckpt::hdf5
