#!/usr/bin/env bash
# Builds ckpt and runs its whole test suite: plain with the system's compiler, then with clang under
# the address and undefined-behaviour sanitizers, where each fuzz target is run for some seconds too.
# Installs on Debian what is missing.
#   tools/test.sh              all of it
#   tools/test.sh --quick      the plain build only
#   FUZZ=10 tools/test.sh      10 seconds of fuzzing a target; 60 where it is not said
#   tools/test.sh --clients …  instead, the tests against the real programs, see tests/README.md
set -euo pipefail
cd "$(dirname "$0")/.."
export CMAKE_GENERATOR=Ninja  # of new build folders; one that was made with another keeps it

# build FOLDER TARGET [CMAKE_OPTION …]. Every option that matters is said: the folder may remember
# others, of a build by hand.
build() {
  cmake -S . -B "$1" -D CMAKE_BUILD_TYPE=Release -D CMAKE_UNITY_BUILD=ON -D CKPT_TESTS=ON -D CKPT_BENCH=ON \
    -D CKPT_SANITIZE=OFF -D CKPT_FUZZ=OFF -D CKPT_COVERAGE=OFF -D CKPT_WERROR=ON "${@:3}" >/dev/null
  cmake --build "$1" --target "$2" --parallel "$(nproc)"
}
run_tests() { ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$(nproc)"; }

case ${1:-} in
  --clients)
    # Without a network they tell what they lack, which is no failure.
    timeout 600 tools/setup.sh --clients || echo "test.sh: tools/setup.sh --clients failed" >&2
    build build ckpt_tool
    [ -x /usr/bin/python3 ] || { echo "test.sh: no /usr/bin/python3 to test the clients with" >&2; exit 77; }
    exec /usr/bin/python3 tests/clients/run.py --ckpt build/ckpt "${@:2}"
    ;;
  --quick) tools/setup.sh --tests ;;
  '') tools/setup.sh --fuzz ;;
  *) sed -n 2,9p "$0" >&2 && exit 2 ;;
esac
build build all
run_tests build
[ "${1:-}" = --quick ] && exit 0
build build-sanitize all -D CMAKE_CXX_COMPILER=clang++ -D CKPT_FUZZ=ON -D CKPT_BENCH=OFF
run_tests build-sanitize
BUILD=build-sanitize tools/fuzz.sh "${FUZZ:-60}"
