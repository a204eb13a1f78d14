#include "formats/numpy/array_reader.h"

#include <algorithm>

#include "core/error.h"
#include "core/escape.h"
#include "core/name_set.h"
#include "core/text.h"
#include "formats/io/roles.h"
#include "formats/io/swap.h"
#include "formats/zip/crc32.h"

namespace ckpt::numpy {
namespace {

constexpr std::string_view kSuffix = ".npy";

// The array's name, as NumPy makes it of the member's.
std::string_view name_of_member(std::string_view member) {
  return member.ends_with(kSuffix) ? member.substr(0, member.size() - kSuffix.size()) : member;
}

// Reads for headers: of stored members through a window, since many are small and lie end to end.
ReadAt header_source(const zip::Contents& contents, std::size_t i, Window& window) {
  return [&contents, i, &window](std::uint64_t offset, std::span<std::byte> out) {
    const zip::Member& member = contents.members()[i];
    if (member.method == zip::Method::kStored) {
      std::ranges::copy(window.view(member.data_offset + offset, out.size()), out.begin());
    } else {
      contents.read(i, offset, out);
    }
  };
}

// Checks the CRC of a member that is at hand already, or that nobody will read to its end, so that
// a damaged header is not taken for another type or shape. A larger member is checked when its
// array is read.
void check_small(const zip::Contents& contents, std::size_t i, const Header& header,
                 Window& window) {
  constexpr std::uint64_t kSmall = 4096;
  const zip::Member& member = contents.members()[i];
  if (member.size > kSmall && header.data_bytes > 0) return;
  const auto size = static_cast<std::size_t>(member.size);
  if (member.method == zip::Method::kStored) {
    zip::check_crc32(zip::add_crc32(0, window.view(member.data_offset, size)), member);
  } else {
    Bytes all(size);
    contents.read(i, 0, all);
  }
}

}  // namespace

void ArrayReader::add(std::string name, std::string place, Array array) {
  const Header& header = array.header;
  const bool numeric = is_numeric(header.element.dtype);
  for (const std::string& note : header.notes) {
    index_.notes.push_back(cat(escape(place.empty() ? name : place), ": ", note));
  }
  index_.entries.push_back({.name = std::move(name),
                            .own_place = std::move(place),
                            .dtype = header.element.dtype,
                            .shape = header.shape,
                            .nbytes = numeric ? header.data_bytes : 0,
                            .native_dtype = header.element.native_dtype});
  arrays_.push_back(std::move(array));
}

std::unique_ptr<Reader> ArrayReader::open_archive(std::unique_ptr<RandomFile> file) {
  std::unique_ptr<ArrayReader> reader(new ArrayReader);
  reader->index_.format = "npz";
  reader->index_.layout = "native";
  reader->index_.file_bytes = file->size();
  auto members = zip::read_archive(*file);
  reader->contents_ = std::make_unique<zip::Contents>(std::move(file), std::move(members));
  const zip::Contents& contents = *reader->contents_;
  Window window(contents.file());
  reader->index_.entries.reserve(contents.members().size());
  reader->arrays_.reserve(contents.members().size());
  NameSet names(contents.members().size());
  for (std::size_t i = 0; i < contents.members().size(); ++i) {
    const zip::Member& member = contents.members()[i];
    const auto skip = [&](std::string_view why) {
      reader->index_.notes.push_back(
          cat("the member '", escape(member.name), "' is ", why, ", not an array"));
    };
    if (member.is_folder) {
      skip("a folder");
      continue;
    }
    const ReadAt source = header_source(contents, i, window);
    if (member.is_link || !member.name.ends_with(kSuffix)) {
      // As NumPy does: an array is one by its bytes, under whatever name.
      Bytes start(static_cast<std::size_t>(std::min<std::uint64_t>(member.size, kMagic.size())));
      source(0, start);
      if (as_text(start) != kMagic) {
        skip(member.is_link ? "a symbolic link" : "another file");
        continue;
      }
    }
    const std::string_view name = name_of_member(member.name);
    if (!names.insert(name)) {
      throw Error(Errc::kCorrupt,
                  cat("two members of the archive are the array '", escape(name), "'"));
    }
    try {
      Header header = read_header(source, member.size);
      check_small(contents, i, header, window);
      reader->add(std::string(name), member.name, {i, std::move(header)});
    } catch (const Error& e) {
      // The archive's own errors have said so already.
      const std::string where = cat("zip member '", escape(member.name), "'");
      if (std::string_view(e.what()).starts_with(where)) throw;
      throw e.in(where);
    }
  }
  assign_roles(reader->index_.entries, reader->index_.separator);
  return reader;
}

std::unique_ptr<Reader> ArrayReader::open_single(std::unique_ptr<RandomFile> file,
                                                 const std::string& name) {
  std::unique_ptr<ArrayReader> reader(new ArrayReader);
  reader->index_.format = "npy";
  reader->index_.layout = "native";
  reader->index_.file_bytes = file->size();
  reader->single_ = std::move(file);
  const RandomFile& single = *reader->single_;
  reader->add(name, "", {0, read_header(reader->source_of(0), single.size())});
  assign_roles(reader->index_.entries, reader->index_.separator);
  return reader;
}

Details ArrayReader::details(std::size_t i) const {
  const Array& array = arrays_[i];
  Details details;
  details.stored_bytes = array.header.data_bytes;
  if (contents_ == nullptr) {
    details.storage = cat("contiguous at ", array.header.data_start);
  } else {
    const zip::Member& member = contents_->members()[array.member];
    if (member.method == zip::Method::kStored) {
      details.storage = cat("stored at ", member.data_offset + array.header.data_start);
    } else {
      details.storage = cat("deflated at ", member.data_offset);
      details.stored_bytes = member.stored_bytes;
    }
  }
  if (array.header.fortran) details.storage += ", column-major (Fortran order)";
  if (!is_numeric(index_.entries[i].dtype)) {
    details.storage +=
        cat(", ", array.header.data_bytes, " bytes of ", array.header.element.native_dtype);
  }
  return details;
}

ReadAt ArrayReader::source_of(std::size_t member) const {
  return [this, member](std::uint64_t offset, std::span<std::byte> out) {
    if (contents_ != nullptr) {
      contents_->read(member, offset, out);
    } else {
      single_->read_at(offset, out);
    }
  };
}

void ArrayReader::do_read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const {
  const Array& array = arrays_[i];
  const Header& header = array.header;
  const ReadAt source = source_of(array.member);
  if (header.fortran) {
    column_major_.read(i, header, source, first, out);
  } else {
    const std::uint64_t offset = first * header.element.bytes;
    // Read in order the member's CRC is checked, and that begins with the header's bytes.
    if (offset == 0 && contents_ != nullptr) {
      Bytes skipped(static_cast<std::size_t>(header.data_start));
      source(0, skipped);
    }
    source(header.data_start + offset, out);
    const std::uint64_t end = header.data_start + header.data_bytes;
    const std::uint64_t size = contents_ ? contents_->members()[array.member].size : end;
    if (offset + out.size() == header.data_bytes && size > end) {
      Bytes trailing(static_cast<std::size_t>(size - end));
      source(end, trailing);
    }
  }
  swap_units(out, header.element.swap_unit);
}

}  // namespace ckpt::numpy
