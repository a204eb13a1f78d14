#!/usr/bin/env bash
# Builds the fuzzer (tests/fuzz/) with clang and runs each of its targets for some seconds, one more
# at a time than there are cores, from the files of the fixtures and of ../shared that are small
# enough. What is found stays in BUILD/fuzz/TARGET: the corpus, which the next run goes on with, and
# files that crash.
#   tools/fuzz.sh [SECONDS]          60 where it is not said
#   BUILD=build-x tools/fuzz.sh      in a build folder of that name
# Ends in 1 where something crashed, with what to do.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
build=${BUILD:-build-fuzz}
tools/setup.sh --fuzz
CMAKE_GENERATOR=Ninja cmake -S . -B "$build" -D CMAKE_UNITY_BUILD=ON -D CMAKE_CXX_COMPILER=clang++ \
  -D CKPT_TESTS=ON -D CKPT_FUZZ=ON -D CKPT_BENCH=OFF >/dev/null
cmake --build "$build" --target ckpt_fuzz ckpt_tool
shared=../shared
work=$build/fuzz
targets=$("$build/tests/ckpt_fuzz" targets)

# The places where a target's files are, whatever they are called.
places() {
  case $1 in
    hdf5) echo fixtures "$shared"/hostile/{h5,h5_crashers,public,lab} "$shared"/corpus/{keras_h5,weights_h5} ;;
    keras) echo "$shared"/hostile/keras "$shared"/corpus/keras3 ;;
    safetensors*) echo "$shared"/{hostile,corpus}/safetensors ;;
    np?) echo fixtures "$shared"/{hostile,corpus}/npz ;;
    torch) echo "$shared"/hostile/torch "$shared"/corpus/pt ;;
    tf) echo "$shared"/hostile/tf "$shared"/corpus/tf2 ;;
    tf1) echo "$shared"/corpus/tf1 ;;
    tfjs) echo "$shared"/{corpus,models}/tfjs ;;
    rules) echo maps ;;
    configs) echo fixtures/digits "$shared"/models/keras* ;;
    graphs) echo fixtures/graphs ;;
  esac
}

# Files that the fuzzer starts from. Some are made, so that there are some without ../shared.
seed() {
  local seeds=$work/$1/seeds number=0
  mkdir -p "$seeds" "$work/$1/corpus" "$work/$1/crashes"
  for place in $(places "$1"); do
    [ -d "$place" ] || continue
    while IFS= read -r -d '' file; do
      number=$((number + 1))
      cp "$file" "$seeds/$number"
    done < <(find "$place" -type f -size -64k -print0)
  done
  case $1 in
    safetensors | npz | torch | tf)
      "$build/ckpt" convert --overwrite --to "$1" fixtures/keras/layers.h5 "$seeds/made.$1" >/dev/null 2>&1 || true ;;
  esac
  sed -n 's/^ \{4\}\(.* = [^#]*\)$/\1/p' README.md >"$work/rules.txt"
  [ "$1" = rules ] && cp "$work/rules.txt" "$seeds/readme"
  return 0
}

run() {  # run TARGET: its log says the rest
  local folder=$work/$1
  "$build/tests/ckpt_fuzz" "$1" -max_len=65536 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$folder/crashes/" "$folder/corpus" "$folder/seeds" \
    >"$folder/log" 2>&1 || true
}

for target in $targets; do seed "$target"; done
for target in $targets; do
  while [ "$(jobs -rp | wc -l)" -gt "$(nproc)" ]; do wait -n; done
  run "$target" &
done
wait
crashed=0
printf '%-18s %10s %8s %8s %8s\n' target runs covered corpus crashes
for target in $targets; do
  folder=$work/$target
  crashes=$(find "$folder/crashes" -type f | wc -l)
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$folder/log" | tail -1)
  printf '%-18s %10s %8s %8s %8s\n' "$target" "${runs:--}" "${covered:--}" "$(find "$folder/corpus" -type f | wc -l)" "$crashes"
  [ "$crashes" -eq 0 ] || crashed=1
done
if [ "$crashed" -ne 0 ]; then
  echo "fuzz.sh: run $build/tests/ckpt_fuzz TARGET on a file of $work/TARGET/crashes to see the crash; once it is mended, the file becomes one of fixtures/hostile" >&2
fi
exit "$crashed"
