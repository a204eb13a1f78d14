#pragma once

#include <functional>

// Runs `f` in a forked child, which may crash or take more than `seconds` of processor time without
// harm. Gives the child's exit status, which is what `f` returned, or 128 + the signal that ended
// it.
int run_in_child(const std::function<int()>& f, unsigned seconds = 10);
