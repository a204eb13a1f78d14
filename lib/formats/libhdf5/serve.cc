#include "formats/libhdf5/serve.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "core/wire.h"
#include "formats/hdf5_helper/descriptors.h"
#include "formats/hdf5_helper/message.h"
#include "formats/io/section.h"
#include "formats/libhdf5/cell.h"
#include "formats/libhdf5/heartbeat.h"
#include "formats/libhdf5/lay_out.h"
#include "formats/libhdf5/library_source.h"
#include "formats/libhdf5/perform.h"

namespace ckpt::hdf5 {
namespace {

// Exit statuses; the parent shows them.
constexpr int kBadUse = 2;
constexpr int kNoLimits = 3;
constexpr int kNoAnswer = 4;

std::optional<std::uint64_t> number_of(const char* text) {
  std::uint64_t number = 0;
  const char* end = text + std::strlen(text);
  const auto result = std::from_chars(text, end, number);
  return result.ec == std::errc() && result.ptr == end ? std::optional(number) : std::nullopt;
}

// Nobody listens any more.
struct NoListener {};

void send(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(kHelperAnswer, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw NoListener();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void send_number(std::uint64_t number) {
  WireWriter out;
  out.number(number);
  send(out.result());
}

void answer_failure(Errc code, std::string_view sentence) {
  WireWriter out;
  out.number(1);
  out.number(static_cast<std::uint64_t>(code));
  out.text(sentence);
  send(out.result());
}

// Says first that all went well, once there is something to send.
OutcomeWriter begin_outcome() {
  return OutcomeWriter([is_first = true](ByteView bytes) mutable {
    if (std::exchange(is_first, false)) send_number(0);
    send(bytes);
  });
}

void answer_to(const EditRequest& request, std::unique_ptr<RandomFile> file) {
  const Section section(std::move(file), request.offset, request.size);
  OutcomeWriter out = begin_outcome();
  perform(section, request, out);
}

void answer_to(const LayoutRequest& request, std::unique_ptr<RandomFile> /*file*/) {
  OutcomeWriter out = begin_outcome();
  lay_out(request, out);
}

void answer_to(const ReadRequest& request, std::unique_ptr<RandomFile> file) {
  Bytes bytes(static_cast<std::size_t>(request.bytes));
  LibrarySource(*file).read(request.object, request.first, request.count, bytes);
  send_number(0);
  send(bytes);
}

// All that needs calls which the cell refuses. Empty where this is not what ckpt starts.
std::optional<Given> take_up(std::span<char* const> arguments) {
  const auto memory = arguments.size() == 2 ? number_of(arguments[0]) : std::nullopt;
  const auto seconds = arguments.size() == 2 ? number_of(arguments[1]) : std::nullopt;
  const int flags = ::fcntl(kHelperFile, F_GETFL);
  if (!memory || !seconds || flags < 0 || ::fcntl(kHelperAnswer, F_GETFD) < 0) return std::nullopt;
  // Started by its descriptor, it would be called "7".
  ::prctl(PR_SET_NAME, "ckpt-hdf5-helper");
  ::close(kHelperProgram);
  // The parent's death is this process's at once; the heartbeat notices a moment later what
  // happened before this line.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !start_heartbeat()) return std::nullopt;
  return Given{view_file(kHelperFile), view_file(kHelperRequest), (flags & O_ACCMODE) != O_RDONLY,
               CellLimits{*memory, *seconds}};
}

// Answers, with what went wrong if need be.
void answer_in_any_case(Given given, Work work) {
  const std::uint64_t memory = given.limits.memory;
  try {
    work(std::move(given));
  } catch (const Error& e) {
    answer_failure(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    answer_failure(Errc::kUnsupported, cat("libhdf5 needs more than the ", with_commas(memory),
                                           " bytes of memory that it was given"));
  } catch (const std::exception& e) {
    answer_failure(Errc::kCorrupt, e.what());
  }
}

}  // namespace

void answer_by_libhdf5(Given given) {
  Bytes bytes(static_cast<std::size_t>(given.request->size()));
  given.request->read_at(0, bytes);
  std::visit([&](const auto& request) { answer_to(request, std::move(given.file)); },
             decode_request(bytes));
}

int serve(std::span<char* const> arguments, Work work) {
  std::optional<Given> given;
  try {
    given = take_up(arguments);
  } catch (const Error&) {
  }
  if (!given) return kBadUse;
  const auto cell = close_cell(given->limits);
  if (!cell) return kNoLimits;
  try {
    send_number(static_cast<std::uint64_t>(*cell));
    if (*cell == Cell::kUnfiltered && given->may_be_written) {
      answer_failure(Errc::kUnsupported,
                     "without /proc the file cannot be handed to libhdf5 for reading alone, and "
                     "this kernel has no seccomp to forbid writing");
    } else {
      answer_in_any_case(std::move(*given), work);
    }
  } catch (const NoListener&) {
    return kNoAnswer;
  }
  return 0;
}

}  // namespace ckpt::hdf5
