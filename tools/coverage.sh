#!/usr/bin/env bash
# Runs the tests of the HDF5 reader (lib/formats/h5parse) and prints how many of its lines they reach,
# and those that they do not: each has a test or goes away.
#   tools/coverage.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-coverage}
tools/setup.sh --tests
cmake -S . -B "$build" -G Ninja -D CKPT_TESTS=ON -D CKPT_COVERAGE=ON -D CKPT_BENCH=OFF >/dev/null
cmake --build "$build" --target ckpt_tests
find "$build" -name '*.gcda' -delete
"$build/tests/ckpt_tests" --minimal -ts='formats/h5parse*,formats/hdf5_h*,formats/hdf5_scouts,formats/hostile,tools/doctor*'
find "$build" -path '*h5parse*' -name '*.gcda' -exec gcov --json-format --stdout {} + | /usr/bin/python3 -c '
import json, os, sys
counts = {}  # (file, line) -> how often it was run, in all objects that have it
for report in sys.stdin:
    for file in json.loads(report)["files"]:
        if "/h5parse/" not in file["file"]: continue
        for line in file["lines"]:
            key = os.path.basename(file["file"]), line["line_number"]
            counts[key] = counts.get(key, 0) + line["count"]
missed = sorted(key for key, count in counts.items() if count == 0)
for name, number in missed:
    text = open("lib/formats/h5parse/" + name).read().splitlines()[number - 1]
    print("%s:%d: %s" % (name, number, text.strip()))
reached = len(counts) - len(missed)
code = [line for name in os.listdir("lib/formats/h5parse")
        for line in map(str.strip, open("lib/formats/h5parse/" + name))
        if line and not line.startswith("//")]
print("reader: %d lines of code, without blank and comment lines" % len(code))
print("reader: %d of %d lines are reached (%.1f %%)" % (reached, len(counts), 100 * reached / len(counts)))
'
