#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>

#include "checkpoint/reader.h"

namespace ckpt {

// A reader that several threads use at once. Entries that the format can read concurrently are;
// the others take turns.
class SharedReader {
 public:
  // `reader` must outlive it.
  explicit SharedReader(const Reader& reader) : reader_(reader) {}

  [[nodiscard]] const Index& index() const { return reader_.index(); }
  [[nodiscard]] const Reader& reader() const { return reader_; }

  // As Reader::read().
  void read(std::size_t i, std::uint64_t first, std::span<std::byte> out) const {
    const auto lock = turn(i);
    reader_.read(i, first, out);
    bytes_read_ += out.size();
  }

  // Gives `f` the bytes of entry `i` in pieces of at most `piece`, with their offsets, until it
  // answers false. An entry that takes turns keeps its turn to the end, so that what the format
  // decoded serves the next piece.
  void stream(std::size_t i, std::uint64_t piece,
              const std::function<bool(std::uint64_t, ByteView)>& f) const {
    const auto lock = turn(i);
    const Entry& entry = reader_.index().entries[i];
    const std::size_t size = size_of(entry.dtype);
    Bytes bytes;
    for (std::uint64_t at = 0; at < entry.nbytes; at += bytes.size()) {
      bytes.resize(static_cast<std::size_t>(std::min(piece / size * size, entry.nbytes - at)));
      reader_.read(i, at / size, bytes);
      bytes_read_ += bytes.size();
      if (!f(at, bytes)) return;
    }
  }

  // As Reader::check_whole().
  void check_whole(std::size_t i) const {
    const auto lock = turn(i);
    reader_.check_whole(i);
  }

  // As Reader::details().
  [[nodiscard]] Details details(std::size_t i) const {
    const std::lock_guard lock(mutex_);
    return reader_.details(i);
  }

  // Bytes of tensors that were read so far.
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  [[nodiscard]] std::unique_lock<std::mutex> turn(std::size_t i) const {
    return reader_.is_concurrent(i) ? std::unique_lock<std::mutex>()
                                    : std::unique_lock<std::mutex>(mutex_);
  }

  const Reader& reader_;
  mutable std::mutex mutex_;
  mutable std::atomic<std::uint64_t> bytes_read_ = 0;
};

// Calls f(0) … f(count - 1), each once, on as many threads as there are cores, in any order. The
// first exception ends the work and is thrown here, once all threads have stopped.
void for_each_parallel(std::size_t count, const std::function<void(std::size_t)>& f);

}  // namespace ckpt
