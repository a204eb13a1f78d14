#include "formats/gguf/metadata.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include "core/checked.h"
#include "core/escape.h"

namespace ckpt::gguf {
namespace {

// docs/gguf.md, `gguf_metadata_value_type`.
enum class ValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kText,
  kArray,
  kU64,
  kI64,
  kF64,
};

struct Row {
  std::string_view name;
  std::uint64_t bytes;     // a value; 0 where that differs
  std::uint64_t at_least;  // bytes of the shortest value
};
constexpr std::array<Row, 13> kRows{{{"u8", 1, 1},
                                     {"i8", 1, 1},
                                     {"u16", 2, 2},
                                     {"i16", 2, 2},
                                     {"u32", 4, 4},
                                     {"i32", 4, 4},
                                     {"f32", 4, 4},
                                     {"bool", 1, 1},
                                     {"string", 0, 8},
                                     {"array", 0, 12},
                                     {"u64", 8, 8},
                                     {"i64", 8, 8},
                                     {"f64", 8, 8}}};

constexpr std::size_t kMostTextShown = 1000;
constexpr std::uint64_t kMostElementsShown = 8;
constexpr int kMostDepth = 8;

ValueType read_type(Cursor& cursor) {
  const auto number = cursor.number<std::uint32_t>();
  if (number >= kRows.size()) {
    throw Error(Errc::kCorrupt, cat("type ", number, " of a value is none of the format's 0 to ",
                                    kRows.size() - 1));
  }
  return static_cast<ValueType>(number);
}

const Row& row(ValueType type) { return kRows[static_cast<std::size_t>(type)]; }

std::string cut(std::string text) {
  if (text.size() <= kMostTextShown) return text;
  const std::size_t size = text.size();
  text.resize(kMostTextShown);
  return cat(text, "… (", size, " bytes)");
}

std::string read_value(Cursor& cursor, ValueType type, int depth);

std::string read_array(Cursor& cursor, int depth) {
  if (depth > kMostDepth) {
    throw Error(Errc::kCorrupt, cat("arrays are nested deeper than ", kMostDepth, " levels"));
  }
  const ValueType type = read_type(cursor);
  const auto count = cursor.number<std::uint64_t>();
  const auto needed = checked_mul(count, row(type).at_least);
  if (!needed || *needed > cursor.left()) {
    throw Error(Errc::kCorrupt, cat("an array of ", count, " values of ", row(type).name,
                                    " needs more bytes than the ", cursor.left(), " left"));
  }
  std::vector<std::string> shown;
  std::uint64_t i = 0;
  for (; i < std::min(count, kMostElementsShown); ++i) {
    shown.push_back(cut(read_value(cursor, type, depth + 1)));
  }
  if (row(type).bytes != 0) {
    cursor.skip((count - i) * row(type).bytes);
  } else if (type == ValueType::kText) {
    for (; i < count; ++i) cursor.skip(cursor.number<std::uint64_t>());
  } else {
    for (; i < count; ++i) read_value(cursor, type, depth + 1);
  }
  return cat(count, " of ", row(type).name, " [", join(shown, ", "),
             count > kMostElementsShown ? ", …" : "", "]");
}

std::string read_value(Cursor& cursor, ValueType type, int depth) {
  switch (type) {
    case ValueType::kU8:
      return cat(cursor.number<std::uint8_t>());
    case ValueType::kI8:
      return cat(static_cast<int>(static_cast<std::int8_t>(cursor.number<std::uint8_t>())));
    case ValueType::kU16:
      return cat(cursor.number<std::uint16_t>());
    case ValueType::kI16:
      return cat(static_cast<std::int16_t>(cursor.number<std::uint16_t>()));
    case ValueType::kU32:
      return cat(cursor.number<std::uint32_t>());
    case ValueType::kI32:
      return cat(static_cast<std::int32_t>(cursor.number<std::uint32_t>()));
    case ValueType::kF32:
      return cat(std::bit_cast<float>(cursor.number<std::uint32_t>()));
    case ValueType::kBool: {
      const auto value = cursor.number<std::uint8_t>();
      if (value > 1) {
        throw Error(Errc::kCorrupt, cat("a bool is ", value, ", 0 or 1 is needed"));
      }
      return value == 1 ? "true" : "false";
    }
    case ValueType::kText:
      return cursor.text(cursor.left(), "a text");
    case ValueType::kArray:
      return read_array(cursor, depth);
    case ValueType::kU64:
      return cat(cursor.number<std::uint64_t>());
    case ValueType::kI64:
      return cat(static_cast<std::int64_t>(cursor.number<std::uint64_t>()));
    case ValueType::kF64:
      return cat(std::bit_cast<double>(cursor.number<std::uint64_t>()));
  }
  return {};
}

}  // namespace

Metadata read_metadata(Cursor& cursor, std::uint64_t count) {
  constexpr std::uint64_t kMostKeyBytes = 65'535;  // docs/gguf.md, `gguf_metadata_kv_t`
  Metadata metadata;
  std::set<std::string> keys;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string key = cursor.text(kMostKeyBytes, "a key");
    if (!keys.insert(key).second) {
      throw Error(Errc::kCorrupt, cat("the metadata has the key '", escape(key), "' twice"));
    }
    try {
      const ValueType type = read_type(cursor);
      std::string value = read_value(cursor, type, 0);
      if (key == "general.alignment") {
        const auto number = type == ValueType::kU32 ? std::stoul(value) : 0;
        if (!std::has_single_bit(number)) {
          throw Error(Errc::kCorrupt, cat("is ", escape(value), " of type ", row(type).name,
                                          ", a u32 that is a power of two is needed"));
        }
        metadata.alignment = number;
      }
      if (type == ValueType::kText) {
        metadata.texts[key] = value;
      } else {
        metadata.others.push_back(key);
      }
      metadata.attributes.push_back({std::move(key), cut(std::move(value))});
    } catch (const Error& e) {
      throw e.in(cat("metadata '", escape(key), "'"));
    }
  }
  return metadata;
}

}  // namespace ckpt::gguf
