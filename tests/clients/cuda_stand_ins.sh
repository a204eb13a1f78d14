#!/usr/bin/env bash
# PyPI's torch links with CUDA's libraries, 2 GB to fetch, none of which is called on a machine that has
# no such device. Makes libraries of their names beside it, in which each function that it asks for
# answers 100, "no device", so that torch loads and is itself on the CPU.
#   cuda_stand_ins.sh FOLDER_OF_TORCH_LIBRARIES
set -euo pipefail
cd "$1"
[ cuda_stand_ins.done -nt libtorch_cuda.so ] && exit 0  # made before, for this very torch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readelf --dyn-syms --wide libtorch*.so libc10*.so libshm.so |
  awk '$7 == "UND" && $8 ~ /^(_*cu|nccl|nv)/ { sub(/@.*/, "", $8); print $8 }' | sort -u |
  sed 's/.*/int &(void) { return 100; }/' >"$work/functions.c"
cc -c -fPIC -w "$work/functions.c" -o "$work/functions.o"
readelf --dynamic libtorch*.so libc10*.so | sed -n 's/.*NEEDED.*\[\(lib\(cu\|nv\|nccl\).*\)\]/\1/p' | sort -u |
  while read -r name; do
    # Their symbols have a version, called like the library but for one.
    echo "$name { *; }; NVSHMEM { nvshmem*; };" >"$work/versions"
    cc -shared -Wl,-soname,"$name" -Wl,--version-script="$work/versions" "$work/functions.o" -o "$name"
  done
touch cuda_stand_ins.done
