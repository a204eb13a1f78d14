#!/usr/bin/env bash
# Builds ckpt and runs its whole test suite, plain and under the address and undefined-behaviour
# sanitizers. Installs on Debian what is missing.
#   tools/test.sh            all of it
#   tools/test.sh --quick    the plain build only
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh --tests
run() {  # run BUILD_FOLDER [CMAKE_OPTION …]
  local build=$1
  shift
  cmake -S . -B "$build" -G Ninja "$@" >/dev/null
  cmake --build "$build"
  ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)"
}
run build
[ "${1:-}" = --quick ] || run build-sanitize -D CKPT_SANITIZE=ON -D CKPT_BENCH=OFF
