#include "formats/keras/edit.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "formats/edit/outcome.h"
#include "formats/edit/rewrite.h"
#include "formats/edit/wishes.h"
#include "formats/hdf5_edit/prepare.h"
#include "formats/io/section.h"
#include "formats/keras/archive.h"
#include "formats/zip/archive_writer.h"
#include "formats/zip/crc32.h"
#include "storage/raw_file.h"

namespace ckpt::keras {
namespace {

// The HDF5 file of an archive: where it lies in it, or unpacked in memory where it is deflated.
class Weights {
 public:
  // Throws Error(kCorrupt) where its bytes are not those that the archive's directory has the
  // CRC-32 of: a new archive would get a new one, and hide it.
  Weights(int archive, const zip::Contents& contents) {
    const zip::Member& member = weights_of(contents.members());
    is_stored_ = member.method == zip::Method::kStored;
    if (is_stored_) {
      part_ = {archive, member.data_offset, member.size};
      try {
        zip::check_crc32(zip::crc32_of(contents.file(), member.data_offset, member.size),
                         member.crc);
      } catch (const Error& e) {
        throw e.in(kWeights);
      }
    } else {
      unpacked_ = in_memory(unpack_weights(contents));
      part_ = {unpacked_.get(), 0, member.size};
    }
    file_ = std::make_unique<Section>(view_file(part_.fd), part_.offset, part_.size);
  }

  [[nodiscard]] const RandomFile& file() const { return *file_; }
  [[nodiscard]] const hdf5::FilePart& part() const { return part_; }
  [[nodiscard]] bool is_stored() const { return is_stored_; }

 private:
  bool is_stored_ = false;
  FileDescriptor unpacked_;
  hdf5::FilePart part_;
  std::unique_ptr<RandomFile> file_;
};

// Bytes of the edited HDF5 file that come from elsewhere than the old one, sorted.
std::vector<ByteRange> changed_parts(const hdf5::Outcome& outcome) {
  std::vector<ByteRange> parts = outcome.created;
  const auto windows = windows_of(outcome.patch);
  parts.insert(parts.end(), windows.begin(), windows.end());
  std::ranges::sort(parts, {}, &ByteRange::offset);
  return parts;
}

// Calls `f` with each stretch of the old file that stays where it is.
void for_each_kept(const hdf5::Outcome& outcome,
                   const std::function<void(std::uint64_t, std::uint64_t)>& f) {
  std::uint64_t at = 0;
  const std::uint64_t end = outcome.patch.size_before;
  for (const ByteRange& part : changed_parts(outcome)) {
    if (part.offset >= end) break;
    if (part.offset > at) f(at, part.offset - at);
    at = std::max(at, part.offset + part.bytes);
  }
  if (at < end) f(at, end - at);
}

// Puts the edited HDF5 file at `offset` of the new archive.
void write_weights(Rewrite& rewrite, std::uint64_t offset, const Weights& weights,
                   const hdf5::Outcome& outcome, const Edit& edit, const Reader& original) {
  NewFile& out = rewrite.out();
  for_each_kept(outcome, [&](std::uint64_t at, std::uint64_t size) {
    if (weights.is_stored()) {
      rewrite.keep(weights.part().offset + at, offset + at, size);
    } else {
      Bytes bytes(static_cast<std::size_t>(size));
      weights.file().read_at(at, bytes);
      out.write_at(offset + at, bytes);
    }
  });
  write_windows(weights.file(), outcome.patch,
                [&](std::uint64_t at, ByteView bytes) { out.write_at(offset + at, bytes); });
  for (std::size_t i = 0; i < outcome.created.size(); ++i) {
    std::uint64_t at = offset + outcome.created[i].offset;
    stream_put(edit.puts[i], original, [&](ByteView bytes) {
      out.write_at(at, bytes);
      at += bytes.size();
    });
  }
  const Section written(view_file(out.fd()), offset, outcome.patch.size_after);
  hdf5::check_written(written, outcome);
}

}  // namespace

EditResult edit_archive(const std::string& path, const std::string& target, const Edit& edit,
                        const EditOptions& options) {
  if (options.repack) {
    throw Error(Errc::kUnsupported,
                "Keras archives cannot be repacked; `ckpt convert` writes their "
                "variables anew");
  }
  Rewrite rewrite(path, target, options);
  const OpenOptions opening{.use_paths = options.use_paths};
  const auto original = open_archive(view_file(rewrite.fd()), opening);
  const zip::Contents contents(view_file(rewrite.fd()), zip::read_archive(rewrite.original()));
  const auto& old = contents.members();
  const Weights weights(rewrite.fd(), contents);
  hdf5::Prepared prepared = hdf5::prepare(weights.file(), weights.part(), edit, options);
  EditResult result;
  result.operations = std::move(prepared.operations);
  result.notes = std::move(prepared.notes);
  result.size_before = result.size_after = rewrite.original().size();
  if (!weights.is_stored()) {
    result.notes.push_back(cat(kWeights,
                               " is deflated; it is stored in the new archive, as Keras "
                               "writes it"));
  }

  std::string config;
  std::string renamed;
  if (const zip::Member* member = find(old, kConfig)) {
    config = unpack_text(contents, *member);
    try {
      renamed = hdf5::rename_in_archive_config(config, prepared.layers);
    } catch (const Error& e) {
      throw e.in(kConfig);
    }
  }
  if (renamed != config) {
    result.operations.add(EditOperation::Kind::kText, kConfig, "layer names");
  }
  const bool has_work = prepared.has_operations || renamed != config;
  if (options.plan_only || (target.empty() && !has_work)) return result;

  std::vector<zip::NewMember> members;
  for (const zip::Member& member : old) {
    if (member.name == kWeights) {
      members.push_back({member.name, prepared.outcome.patch.size_after});
    } else if (member.name == kConfig && renamed != config) {
      members.push_back({member.name, renamed.size()});
    } else {
      members.push_back({member.name, member.size, &member});
    }
  }
  const std::size_t count = members.size();
  zip::ArchiveWriter archive(rewrite.out(), std::move(members));
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto* source = archive.member(i).copy_of) {
      rewrite.keep(source->data_offset, archive.data_offset(i), source->stored_bytes);
    } else if (archive.member(i).name == kWeights) {
      write_weights(rewrite, archive.data_offset(i), weights, prepared.outcome, edit, *original);
      archive.take_as_written(i);
    } else {
      archive.append(i, as_byte_view(std::string_view(renamed)));
    }
  }
  archive.finish();
  for (const ByteRange& extent : prepared.outcome.created) result.tensor_bytes += extent.bytes;
  check_outcome(Before(original->index()), prepared.wishes, edit,
                open_archive(view_file(rewrite.out().fd()), opening)->index());
  return rewrite.commit(std::move(result));
}

}  // namespace ckpt::keras
