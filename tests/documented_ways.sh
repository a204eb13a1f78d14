#!/usr/bin/env bash
# Follows each way of building that is documented, and sequences of them in one clone, each in a bare
# Debian 12 root of its own: what works on a developer's machine may lack a package elsewhere.
#   tests/documented_ways.sh [--quick] [--fresh-root TOOL] [WAY …]
# `TOOL CHECKOUT COMMAND …` runs a command in a clean clone of CHECKOUT's HEAD in such a root; it is
# FRESH_ROOT, or ../shared/tools/fresh_root.sh, where it is not said. --quick has `tools/test.sh --quick`
# for each `tools/test.sh`. Without a WAY all of them are followed, which takes hours.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=${FRESH_ROOT:-../shared/tools/fresh_root.sh}
test=tools/test.sh
while [ $# -gt 0 ]; do
  case $1 in
    --quick) test='tools/test.sh --quick' ;;
    --fresh-root) tool=${2:?--fresh-root needs a path}; shift ;;
    -*) sed -n '2,8p' "$0" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
[ -x "$tool" ] || { echo "documented_ways.sh: no $tool to make a bare root with, so NOTHING WAS TRIED; give its path by --fresh-root or FRESH_ROOT" >&2; exit 2; }
git diff --quiet HEAD || echo "documented_ways.sh: changes that are not committed are not tried" >&2

# The README's own lines, so that they are what is tried.
hand=$(sed -n '/^Or by hand:$/,/^##/s/^    //p' README.md)
[ -n "$hand" ] || { echo "documented_ways.sh: README.md has no lines below 'Or by hand:'" >&2; exit 1; }
hand+=$'\n~/.local/bin/ckpt ls fixtures/digits/digits.h5'
declare -A ways=(
  [demo]=tools/demo.sh
  [test]=$test
  [hand]=$hand
  [clients]='tools/test.sh --clients'
  [demo_test]="tools/demo.sh; $test; tools/demo.sh; $test"
  [hand_test]="$hand
    $test"
  [make_test]="tools/setup.sh; cmake -B build -G 'Unix Makefiles'; cmake --build build --target ckpt_tool -j 2; $test"
  [spaces]="git clone -q . '/tmp/a clone'; cd '/tmp/a clone'; tools/demo.sh; $test"
)
[ $# -gt 0 ] || set -- demo test hand clients demo_test hand_test make_test spaces

logs=$(mktemp -d)
echo "documented_ways.sh: the logs are in $logs" >&2
passed=0 failed=0
for way; do
  [ -n "${ways[$way]:-}" ] || { echo "documented_ways.sh: no way '$way' among: ${!ways[*]}" >&2; exit 2; }
  start=$SECONDS status=0
  "$tool" . bash -ec "${ways[$way]}" >"$logs/$way" 2>&1 </dev/null || status=$?
  printf '%-10s status %d after %d s\n' "$way" "$status" $((SECONDS - start))
  if [ "$status" -eq 0 ]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    tail -n 20 "$logs/$way"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
