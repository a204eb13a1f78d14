#!/usr/bin/env bash
# Shows what ckpt does, on the small trained network in fixtures/digits. Installs on Debian what is
# missing, builds, and narrates each command that it runs. Changes no file of the project.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() {  # prints a command as one would type it, then runs it
  printf '\033[32m$ %s\033[0m\n' "$*"
  eval "$*"
}

say "1. What building needs, and the build (a few minutes the first time)"
tools/setup.sh
cmake -S . -B build -G Ninja -D CKPT_TESTS=OFF -D CKPT_BENCH=OFF >/dev/null
cmake --build build
project=$PWD
PATH=$project/build:$PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp fixtures/digits/digits.h5 "$scratch/digits.h5"
cd "$scratch"

say "2. What is in this file? A small convolutional net, trained with Adam."
run "ckpt ls digits.h5"

say "3. One scope of it, with the optimizer's slots; a name can be a variable and a scope at once."
run "ckpt ls --slots digits.h5:conv1"

say "4. The largest variables, one a line, for a script or for eyes."
run "ckpt ls --flat --sort size --glob '**/kernel' digits.h5"
run "ckpt ls --json digits.h5 | grep totals"

say "5. One variable: is it trained? Where are its slots?"
run "ckpt show digits.h5 dense/kernel"

say "6. A slip of the keyboard is answered with what is there, and a status that scripts can use."
run "ckpt show digits.h5 dense/kernal || echo \"status \$?\""

say "7. The main job: a scope moves and a family of names changes. First the plan, then in place."
run "ckpt remap -i digits.h5 -n -r conv1/=stem/ -r 'dense_{i:int}/{p:path} = fc{i}/{p}'"
run "ckpt remap -i digits.h5 -r conv1/=stem/ -r 'dense_{i:int}/{p:path} = fc{i}/{p}'"
run "ckpt ls --depth 1 digits.h5"

say "8. And back, to the last byte."
run "ckpt undo digits.h5"
run "cmp digits.h5 '$project/fixtures/digits/digits.h5' && echo 'the same bytes'"

say "9. The same net, saved by a program that called a layer function twice. Which variables are ghosts?"
cp "$project/fixtures/digits/digits_ghost.h5" .
run "ckpt dups digits_ghost.h5 --fix fix.json || echo \"status \$?\""
run "ckpt remap digits_ghost.h5 fixed.h5 -m fix.json"
run "ckpt dups fixed.h5"

say "That was the demo. \`build/ckpt --help\` lists the commands; README.md explains them."
