#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/zip/archive.h"
#include "formats/zip/contents.h"

namespace ckpt::torch {

inline constexpr std::string_view kPickle = "/data.pkl";

// The member NAME/data.pkl. Throws Error(kCorrupt) where there is none, or more than one.
std::size_t find_pickle(const std::vector<zip::Member>& members);

// "NAME" of it.
std::string root_of(const zip::Member& pickle);

// The pickle, unpacked. Throws Error(kUnsupported) where it is too large.
Bytes read_pickle_member(const zip::Contents& contents, std::size_t member);

}  // namespace ckpt::torch
