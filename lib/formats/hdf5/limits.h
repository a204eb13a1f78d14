#pragma once

#include <cstdint>

namespace ckpt::hdf5 {

// Ceilings on what a file may claim: far above any checkpoint in the field, low enough that a
// hostile file ends in a sentence and not in an exhausted machine.

constexpr std::uint64_t kMaxObjects = 10'000'000;
constexpr std::uint64_t kMaxLinks = 20'000'000;
constexpr std::size_t kMaxDepth = 100'000;  // groups within groups
constexpr std::size_t kMaxNameBytes = 64 * 1024;
constexpr std::size_t kMaxPathBytes = 1024 * 1024;
// All paths of variables together: this, and so much for each.
constexpr std::uint64_t kMaxPathsBytes = 128 * 1024 * 1024;
constexpr std::uint64_t kUsualPathBytes = 1024;
constexpr std::size_t kMaxLayerPathBytes = 4096;  // of a group that is taken for a Keras layer
constexpr std::uint64_t kMaxAttributeBytes = 64 * 1024 * 1024;
constexpr int kMaxTypeDepth = 32;
constexpr int kMaxTypeMembers = 4096;
constexpr int kMaxFilters = 32;
constexpr std::size_t kMaxSoftLinkHops = 16;

// A tensor that declares more than this and this many times what is stored is not read whole: a few
// bytes would fill the memory. (Keras draws the same line since CVE-2026-0897.)
constexpr std::uint64_t kMaxSparseBytes = std::uint64_t{4} << 30U;
constexpr std::uint64_t kMaxSparseRatio = 1000;

}  // namespace ckpt::hdf5
