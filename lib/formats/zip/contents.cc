#include "formats/zip/contents.h"

#include <cassert>

#include "core/error.h"
#include "core/escape.h"
#include "core/text.h"
#include "formats/zip/crc32.h"
#include "formats/zip/inflater.h"

namespace ckpt::zip {

// Where the reading of a member stopped: an inflater, or of a stored member the CRC so far.
struct Contents::Cursor {
  std::size_t member = 0;
  std::uint64_t position = 0;
  std::uint32_t crc = 0;
  std::unique_ptr<Inflater> inflater;
};

Contents::Contents(std::unique_ptr<RandomFile> file, Archive archive)
    : file_(std::move(file)), archive_(std::move(archive)) {}

Contents::~Contents() = default;

// Takes the cursor of member `i` that is nearest before `offset` out of the list; null where there
// is none.
std::unique_ptr<Contents::Cursor> Contents::take_cursor(std::size_t i, std::uint64_t offset) const {
  const std::lock_guard lock(mutex_);
  auto best = cursors_.end();
  for (auto it = cursors_.begin(); it != cursors_.end(); ++it) {
    const Cursor& cursor = **it;
    if (cursor.member != i || cursor.position > offset) continue;
    if (best == cursors_.end() || cursor.position > (*best)->position) best = it;
  }
  if (best == cursors_.end()) return nullptr;
  std::unique_ptr<Cursor> taken = std::move(*best);
  cursors_.erase(best);
  return taken;
}

void Contents::put_cursor(std::unique_ptr<Cursor> cursor) const {
  constexpr std::size_t kMost = 8;  // of about 110 KB each
  const std::lock_guard lock(mutex_);
  cursors_.push_front(std::move(cursor));
  if (cursors_.size() > kMost) cursors_.pop_back();
}

void Contents::read_stored(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const {
  const Member& member = members()[i];
  file_->read_at(member.data_offset + offset, out);
  auto cursor = offset == 0 ? nullptr : take_cursor(i, offset);
  if (offset == 0) cursor.reset(new Cursor{.member = i});
  if (!cursor || cursor->position != offset) return;  // not read in order: nothing to add up
  cursor->crc = add_crc32(cursor->crc, out);
  cursor->position += out.size();
  if (cursor->position == member.size) {
    check_crc32(cursor->crc, member.crc);
  } else {
    put_cursor(std::move(cursor));
  }
}

void Contents::read_deflated(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const {
  auto cursor = take_cursor(i, offset);
  if (!cursor) {
    cursor.reset(new Cursor{.member = i});
    cursor->inflater = std::make_unique<Inflater>(*file_, members()[i]);
  }
  cursor->inflater->skip_to(offset);
  cursor->inflater->read(out);
  cursor->position = cursor->inflater->position();
  if (cursor->position < members()[i].size) put_cursor(std::move(cursor));
}

void Contents::read(std::size_t i, std::uint64_t offset, std::span<std::byte> out) const {
  const Member& member = members()[i];
  assert(offset <= member.size && out.size() <= member.size - offset);
  if (out.empty()) return;
  try {
    if (member.method == Method::kStored) {
      read_stored(i, offset, out);
    } else {
      read_deflated(i, offset, out);
    }
  } catch (const Error& e) {
    throw e.in(cat("zip member '", escape(member.name), "'"));
  }
}

}  // namespace ckpt::zip
