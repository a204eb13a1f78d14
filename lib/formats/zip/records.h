#pragma once

#include <cstdint>

// The numbers of zip's records, for those who read them and those who write them.
namespace ckpt::zip {

inline constexpr std::uint32_t kLocalMagic = 0x04034b50;
inline constexpr std::uint32_t kCentralMagic = 0x02014b50;
inline constexpr std::uint32_t kEndMagic = 0x06054b50;
inline constexpr std::uint32_t kEnd64Magic = 0x06064b50;
inline constexpr std::uint32_t kLocator64Magic = 0x07064b50;

inline constexpr std::size_t kLocalBytes = 30;  // without name and extra field
inline constexpr std::size_t kCentralBytes = 46;
inline constexpr std::size_t kEndBytes = 22;
inline constexpr std::size_t kEnd64Bytes = 56;
inline constexpr std::size_t kLocator64Bytes = 20;

inline constexpr std::uint16_t kFull16 = 0xffff;      // "see the zip64 record"
inline constexpr std::uint32_t kFull32 = 0xffffffff;  // "see the zip64 record"
inline constexpr std::uint16_t kZip64Extra = 1;       // the id of the extra field

inline constexpr std::uint16_t kEncryptedFlag = 1U << 0;
inline constexpr std::uint16_t kDescriptorFlag = 1U << 3;  // sizes follow the data
inline constexpr std::uint16_t kPatchFlag = 1U << 5;
inline constexpr std::uint16_t kStrongEncryptionFlag = 1U << 6;
inline constexpr std::uint16_t kUtf8Flag = 1U << 11;
inline constexpr std::uint16_t kMaskedFlag = 1U << 13;

}  // namespace ckpt::zip
