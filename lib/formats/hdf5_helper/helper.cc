#include "formats/hdf5_helper/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/system.h"
#include "core/text.h"
#include "formats/hdf5_helper/helper_process.h"
#include "formats/hdf5_helper/helper_program.h"
#include "storage/raw_file.h"

namespace ckpt::hdf5 {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What helpers of this process have told of the kernel, which is one for all.
std::atomic<bool> was_unfiltered{false};

struct Pipe {
  FileDescriptor reading;
  FileDescriptor writing;
};

Pipe make_pipe(int flags) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | flags) != 0) throw Error(Errc::kIo, error_text(errno));
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// A helper at work, and what it answers: 0 and the content, or 1, a code and a sentence, which are
// thrown.
class Answer {
 public:
  Answer(int file, Bytes request, const HelperOptions& options)
      : options_(options), deadline_(Clock::now() + options.time) {
    const HelperProgram program =
        options.program.empty() ? find_helper() : HelperProgram{options.program, {}};
    // As a file, the request is there whole: neither waits for the other, and no signal comes where
    // the helper dies.
    const FileDescriptor message = in_memory(std::exchange(request, {}));
    Pipe answer = make_pipe(0);
    // A helper that nobody listens to must not wait for that.
    Pipe beats = make_pipe(O_NONBLOCK);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options.time).count() + 1;
    process_.emplace(
        program, std::vector{cat(options.memory), cat(seconds)},
        HelperDescriptors{file, message.get(), answer.writing.get(), beats.writing.get()});
    pipe_ = std::move(answer.reading);
    beats_ = std::move(beats.reading);
  }

  // Waits for the first words.
  void begin() {
    const std::uint64_t cell = number();
    if (cell > static_cast<std::uint64_t>(Cell::kUnfiltered)) {
      throw Error(Errc::kCorrupt, std::string(kNonsense));
    }
    if (cell == static_cast<std::uint64_t>(Cell::kUnfiltered)) was_unfiltered = true;
    if (number() == 0) return;
    const std::uint64_t code = number();
    Bytes sentence(static_cast<std::size_t>(std::min<std::uint64_t>(number(), kLongestSentence)));
    read(sentence);
    throw Error(
        static_cast<Errc>(std::min<std::uint64_t>(code, static_cast<std::uint64_t>(Errc::kWrite))),
        std::string(as_text(sentence)));
  }

  // Throws Error(kCorrupt) where the helper ends before `out` is full.
  void read(std::span<std::byte> out) {
    is_whole_ = out.empty();
    while (!is_whole_) {
      if (rest_.empty()) fill();
      if (rest_.empty()) finish();
      const std::size_t n = std::min(out.size(), rest_.size());
      std::copy_n(rest_.begin(), n, out.begin());
      rest_ = rest_.subspan(n);
      out = out.subspan(n);
      is_whole_ = out.empty();
    }
  }

  // Waits for the helper's end. Throws Error(kCorrupt) where it was none that is wanted.
  void finish() {
    if (rest_.empty()) fill();
    const bool goes_on = !rest_.empty();
    if (goes_on) process_.reset();
    const auto status = goes_on ? std::optional(0) : process_->end();
    if (status && *status != 0) {
      throw Error(Errc::kCorrupt, cat("the helper in which libhdf5 works ", ending(*status)));
    }
    if (goes_on || !is_whole_) throw Error(Errc::kCorrupt, std::string(kNonsense));
  }

 private:
  static constexpr std::uint64_t kLongestSentence = std::uint64_t{1} << 20U;

  std::uint64_t number() {
    return receive_number([this](std::span<std::byte> out) { read(out); });
  }

  // Fetches what comes next; nothing where the pipe was closed.
  void fill() {
    while (true) {
      const auto now = Clock::now();
      const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - now);
      if (left.count() <= 0) {
        throw Error(Errc::kCorrupt, cat("libhdf5 has not finished in ", options_.time.count(),
                                        " milliseconds and was stopped"));
      }
      std::array items{pollfd{pipe_.get(), POLLIN, 0}, pollfd{beats_.get(), POLLIN, 0}};
      const int ready =
          ::poll(items.data(), items.size(), static_cast<int>(std::min(left, kGlance).count()));
      if (ready < 0 && errno != EINTR) throw Error(Errc::kIo, error_text(errno));
      if (ready < 0) continue;
      // What this process did not look at, since it was stopped itself (Ctrl-Z), is no silence.
      silence_ += std::min(std::chrono::duration_cast<milliseconds>(Clock::now() - now), kGlance);
      if (items[1].revents != 0) take_beats();
      if (items[0].revents == 0) {
        if (silence_ < options_.silence) continue;
        throw Error(Errc::kCorrupt,
                    cat("the helper in which libhdf5 works has given no sign of life for ",
                        options_.silence.count(), " milliseconds and was stopped"));
      }
      const ssize_t n = ::read(pipe_.get(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw Error(Errc::kIo, cat("cannot read from the helper: ", error_text(errno)));
      silence_ = {};
      rest_ = ByteView(buffer_).first(static_cast<std::size_t>(n));
      return;
    }
  }

  void take_beats() {
    std::array<std::byte, 64> beats{};
    const ssize_t n = ::read(beats_.get(), beats.data(), beats.size());
    if (n > 0) silence_ = {};
    if (n == 0) beats_ = FileDescriptor();  // nothing comes any more; poll passes over it
  }

  static constexpr milliseconds kGlance{500};  // the longest wait at a time

  const HelperOptions& options_;
  Clock::time_point deadline_;
  milliseconds silence_{0};  // since the helper's last sign of life
  FileDescriptor pipe_;
  FileDescriptor beats_;
  std::optional<HelperProcess> process_;
  Bytes buffer_ = Bytes(std::size_t{1} << 16U);
  ByteView rest_;         // of it, not yet taken
  bool is_whole_ = true;  // all that was asked for has come
};

Outcome ask_for_outcome(int file, Bytes request, std::uint64_t size_before,
                        const HelperOptions& options) {
  Answer answer(file, std::move(request), options);
  answer.begin();
  Outcome outcome = read_outcome([&](std::span<std::byte> out) { answer.read(out); }, size_before,
                                 options.memory);
  answer.finish();
  return outcome;
}

}  // namespace

bool helper_was_unfiltered() { return was_unfiltered; }

Outcome edit_by_helper(const FilePart& file, Bytes request, const HelperOptions& options) {
  try {
    return ask_for_outcome(file.fd, std::move(request), file.size, options);
  } catch (const Error& e) {
    throw Error(e.code(), cat(e.what(), "; the file is untouched"));
  }
}

Outcome lay_out_by_helper(LayoutRequest request) {
  Bytes bytes = encode_request(std::exchange(request, {}));
  return ask_for_outcome(in_memory({}).get(), std::move(bytes), 0, {});
}

void read_by_helper(int fd, std::uint64_t object, std::uint64_t first, std::uint64_t count,
                    std::span<std::byte> out) {
  const HelperOptions options;
  Answer answer(fd, encode_request(ReadRequest{object, first, count, out.size()}), options);
  answer.begin();
  answer.read(out);
  answer.finish();
}

}  // namespace ckpt::hdf5
