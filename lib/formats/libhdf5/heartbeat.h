#pragma once

namespace ckpt::hdf5 {

// From here on a byte goes into kHelperBeat every second, sent by the handler of a timer's signal:
// without a thread, and on a pipe of its own, so that it cannot come between the bytes of an
// answer. A process that is stopped, or hangs in the kernel, sends none. Where nobody is left to
// listen, the byte ends the process (SIGPIPE). False where that cannot be arranged.
bool start_heartbeat();

}  // namespace ckpt::hdf5
