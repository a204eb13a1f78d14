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
# In a folder of its own, so that `build` keeps the options that it was given.
cmake -S . -B build-demo -G Ninja -D CMAKE_UNITY_BUILD=ON -D CKPT_TESTS=OFF -D CKPT_BENCH=OFF >/dev/null
cmake --build build-demo
project=$PWD
PATH=$project/build-demo:$PATH
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

say "10. Does the repaired net compute what it did? Names, bytes, outputs on 355 digits, accuracy."
cp "$project"/fixtures/digits/*.npz "$project/fixtures/digits/digits.json" .
digits="--inputs test_digits.npz --labels test_labels.npz"
run "ckpt verify fixed.h5 --against digits_ghost.h5 --graph digits.json $digits"

say "11. A rename for new code, whose network is in new.json: each name went to the right place."
sed 's/"conv1/"stem/; s/"dense_1"/"fc1"/' digits.json >new.json
run "ckpt remap digits.h5 new.h5 -r conv1/=stem/ -r 'dense_{i:int}/{p:path} = fc{i}/{p}'"
run "ckpt verify new.h5 --against digits.h5 --graph digits.json --graph-new new.json $digits"

say "12. The same with a slip: two biases of one shape end in each other's place. The accuracy does not tell."
run "ckpt remap digits.h5 slip.h5 -r conv1/=stem/ -r dense_1/kernel=fc1/kernel \
    -r dense/bias=fc1/bias -r dense_1/bias=dense/bias >/dev/null"
run "ckpt verify slip.h5 --against digits.h5 --graph digits.json --graph-new new.json $digits || echo \"status \$?\""

say "That was the demo. \`build-demo/ckpt --help\` lists the commands; README.md explains them."
