#pragma once

namespace ckpt::hdf5 {

// Descriptors that the helper is born with; 0, 1 and 2 lead nowhere.
inline constexpr int kHelperFile = 3;     // for reading alone: the user's file
inline constexpr int kHelperRequest = 4;  // for reading alone: what is asked (message.h)
inline constexpr int kHelperAnswer = 5;   // a pipe: what is answered
inline constexpr int kHelperBeat = 6;     // a pipe: a byte a second, as long as the helper runs
inline constexpr int kHelperProgram = 7;  // the program itself; closed before any work

}  // namespace ckpt::hdf5
