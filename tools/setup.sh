#!/usr/bin/env bash
# Installs on Debian 12 what building ckpt needs, with --tests what its tests need too, with --fuzz
# what the fuzz targets need, with --clients what the tests against the real programs need. Asks the
# package manager for nothing that is there already. Run as root or with sudo at hand.
set -euo pipefail
build="cmake g++ make ninja-build libhdf5-dev libcli11-dev nlohmann-json3-dev libre2-dev libxxhash-dev zlib1g-dev libleveldb-dev libsnappy-dev libprotozero-dev libisal-dev libeigen3-dev"
fuzz="clang libclang-rt-14-dev lld"
tests="doctest-dev hdf5-tools python3-h5py python3-numpy strace"
clients="python3-venv"
wanted=$build
case ${1:-} in
  --tests) wanted="$build $tests" ;;
  --fuzz) wanted="$build $tests $fuzz" ;;
  --clients) wanted="$build $tests $clients" ;;
esac
missing=()
for package in $wanted; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
command -v apt-get >/dev/null || { echo "setup.sh: this is not Debian; please install: ${missing[*]}" >&2; exit 1; }
as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup.sh: please run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=sudo
fi
echo "setup.sh: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
