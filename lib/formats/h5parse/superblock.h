#pragma once

#include <cstdint>
#include <optional>

#include "core/file.h"
#include "formats/h5parse/view.h"

namespace ckpt::h5parse {

class Context;

// A group of the old form: its B-tree and its local heap (section III.C of the specification).
struct SymbolTable {
  std::uint64_t tree = kUndefined;
  std::uint64_t heap = kUndefined;
  friend bool operator==(const SymbolTable&, const SymbolTable&) = default;
};

// The first structure of the file (section II.A) and its extension.
struct Superblock {
  std::uint64_t base = 0;  // where it lies; all addresses count from here
  std::uint32_t version = 0;
  std::uint32_t flags = 0;                  // file consistency flags
  std::uint64_t end = 0;                    // of the file, from its first byte
  std::uint64_t root = kUndefined;          // header of the root group
  std::optional<SymbolTable> cached;        // versions 0, 1: a copy of what the root's header says
  std::uint64_t leaf_k = 4;                 // half of the entries of a symbol table node
  std::uint64_t group_k = 16;               // half of the children of a group's B-tree node
  std::uint64_t chunk_k = 32;               // half of the children of a chunk's B-tree node
  std::uint64_t shared_table = kUndefined;  // of shared messages (section III.I)
  std::uint32_t shared_indexes = 0;         // rows of that table
};

// Where the signature is, empty where there is none at any of its places.
std::optional<std::uint64_t> find_signature(const RandomFile& file);

// Finds, reads and checks the superblock and sets the context's file to its frame. In salvage mode
// a file that is shorter than the superblock says, or that a writer left open, is a note. Throws
// Error: kCorrupt, kUnsupported for a version, a driver or sizes that are not known, kIo for a file
// that a program has open for writing.
void read_superblock(Context& context, const RandomFile& file);

// The same alone, for those who ask no more of the file.
Superblock read_superblock(const RandomFile& file);

}  // namespace ckpt::h5parse
