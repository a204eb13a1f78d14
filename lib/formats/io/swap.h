#pragma once

#include <cstddef>
#include <span>

namespace ckpt {

// Reverses the bytes of each `unit`: big-endian to little-endian. A unit of 0 or 1 changes nothing.
// REQUIRES: bytes.size() is a multiple of unit.
void swap_units(std::span<std::byte> bytes, std::size_t unit);

}  // namespace ckpt
