#!/usr/bin/env bash
# Builds ckpt and runs its whole test suite: plain with the system's compiler, then with clang under
# the address and undefined-behaviour sanitizers, where each fuzz target is run for some seconds too.
# Installs on Debian what is missing.
#   tools/test.sh              all of it
#   tools/test.sh --quick      the plain build only
#   FUZZ=10 tools/test.sh      10 seconds of fuzzing a target; 60 where it is not said
set -euo pipefail
cd "$(dirname "$0")/.."
quick=$([ "${1:-}" = --quick ] && echo yes || true)
tools/setup.sh $([ "$quick" ] && echo --tests || echo --fuzz)
run() {  # run BUILD_FOLDER [CMAKE_OPTION …]
  local build=$1
  shift
  cmake -S . -B "$build" -G Ninja -D CMAKE_UNITY_BUILD=ON "$@" >/dev/null
  cmake --build "$build"
  ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)"
}
run build
[ "$quick" ] && exit 0
run build-sanitize -D CMAKE_CXX_COMPILER=clang++ -D CKPT_FUZZ=ON -D CKPT_BENCH=OFF
BUILD=build-sanitize tools/fuzz.sh "${FUZZ:-60}"
