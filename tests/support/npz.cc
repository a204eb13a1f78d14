#include "support/npz.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace ckpt::test {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("npz: " + what); }

std::uint64_t number(const std::string& data, std::size_t at, std::size_t bytes) {
  if (at + bytes > data.size()) fail("the file ends too early");
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(data[at + i]);
  }
  return value;
}

// What stands between `from` and `to` after `key` in a .npy header.
std::string field(const std::string& header, const std::string& key, const std::string& from,
                  const std::string& to) {
  const auto at = header.find("'" + key + "':");
  const auto first = header.find(from, at == std::string::npos ? at : at + key.size() + 3);
  const auto last = header.find(to, first == std::string::npos ? first : first + from.size());
  if (last == std::string::npos) fail("a header without " + key);
  return header.substr(first + from.size(), last - first - from.size());
}

DType dtype_of(const std::string& descr) {
  const std::pair<const char*, DType> known[] = {
      {"<f2", DType::kF16}, {"<f4", DType::kF32}, {"<f8", DType::kF64}, {"|i1", DType::kI8},
      {"<i2", DType::kI16}, {"<i4", DType::kI32}, {"<i8", DType::kI64}, {"|u1", DType::kU8},
      {"<u4", DType::kU32}, {"<u8", DType::kU64}, {"|b1", DType::kBool}};
  for (const auto& [name, dtype] : known) {
    if (descr == name) return dtype;
  }
  fail("the type " + descr);
}

Tensor read_npy(const std::string& data, std::size_t at, std::size_t size) {
  if (data.compare(at, 6, "\x93NUMPY") != 0) fail("a member that is no .npy");
  const std::size_t wide = data[at + 6] == 1 ? 2 : 4;
  const auto length = static_cast<std::size_t>(number(data, at + 8, wide));
  const std::string header = data.substr(at + 8 + wide, length);
  if (header.find("'fortran_order': False") == std::string::npos) fail("Fortran order");
  Tensor tensor;
  tensor.dtype = dtype_of(field(header, "descr", "'", "'"));
  const std::string extents = field(header, "shape", "(", ")");
  for (std::size_t i = 0; i < extents.size();) {
    if (extents[i] < '0' || extents[i] > '9') {
      ++i;
      continue;
    }
    std::size_t used = 0;
    tensor.shape.push_back(std::stoll(extents.substr(i), &used));
    i += used;
  }
  const std::size_t first = at + 8 + wide + length;
  const std::uint64_t bytes = tensor_bytes(tensor.dtype, tensor.shape);
  if (first + bytes != at + size) fail("a member whose size is not that of its shape");
  const auto view = std::as_bytes(std::span(data.data() + first, static_cast<std::size_t>(bytes)));
  tensor.bytes.assign(view.begin(), view.end());
  return tensor;
}

}  // namespace

std::vector<std::pair<std::string, Tensor>> read_npz(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string data{std::istreambuf_iterator<char>(file), {}};
  const auto end = data.rfind("PK\x05\x06");
  if (end == std::string::npos) fail(path + " is no zip file");
  const auto count = static_cast<std::size_t>(number(data, end + 10, 2));
  auto at = static_cast<std::size_t>(number(data, end + 16, 4));
  std::vector<std::pair<std::string, Tensor>> arrays;
  for (std::size_t i = 0; i < count; ++i) {
    if (number(data, at + 10, 2) != 0) fail("a deflated member");
    const auto size = static_cast<std::size_t>(number(data, at + 24, 4));
    const auto name_size = static_cast<std::size_t>(number(data, at + 28, 2));
    const auto extra_size = static_cast<std::size_t>(number(data, at + 30, 2));
    const auto comment_size = static_cast<std::size_t>(number(data, at + 32, 2));
    const auto local = static_cast<std::size_t>(number(data, at + 42, 4));
    std::string name = data.substr(at + 46, name_size);
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    const std::size_t body = local + 30 + static_cast<std::size_t>(number(data, local + 26, 2)) +
                             static_cast<std::size_t>(number(data, local + 28, 2));
    arrays.emplace_back(name, read_npy(data, body, size));
    at += 46 + name_size + extra_size + comment_size;
  }
  return arrays;
}

}  // namespace ckpt::test
