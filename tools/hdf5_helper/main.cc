#include <sys/time.h>
#include <unistd.h>

#include <span>

#include "formats/libhdf5/serve.h"

// libhdf5 asks what time it is and writes that into objects that it changes. Here it is always the
// same time, so that the same edit of the same file gives the same bytes.
extern "C" int gettimeofday(timeval* now, void* /*zone*/) noexcept {
  *now = timeval{};
  return 0;
}

// ckpt-hdf5-helper: what the library starts where it needs libhdf5, which it does not link with.
// Not for the command line; formats/hdf5_helper/helper.h says how it is spoken to.
int main(int argc, char** argv) {
  const auto arguments = std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0);
  // Without the library's own clean-up: it crashes where a file could not be closed.
  ::_exit(ckpt::hdf5::serve(arguments));
}
