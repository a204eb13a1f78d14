#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "checkpoint/format.h"
#include "formats/zip/contents.h"

namespace ckpt::keras {

inline constexpr std::string_view kWeights = "model.weights.h5";
inline constexpr std::string_view kConfig = "config.json";
inline constexpr std::string_view kAbout = "metadata.json";

// Null where there is none.
const zip::Member* find(const std::vector<zip::Member>& members, std::string_view name);

// The member that holds the variables. Throws Error(kCorrupt) where there is none.
const zip::Member& weights_of(const std::vector<zip::Member>& members);

// The member's bytes, unpacked: where it is more than is kept in memory, Error(kUnsupported).
Bytes unpack_weights(const zip::Contents& contents);
std::string unpack_text(const zip::Contents& contents, const zip::Member& member);

// Opens an archive. Throws Error as Format::open.
std::unique_ptr<Reader> open_archive(std::unique_ptr<RandomFile> file, const OpenOptions& options);

}  // namespace ckpt::keras
