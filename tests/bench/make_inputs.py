#!/usr/bin/python3
"""Makes the benchmark's checkpoints. Called by ckpt_bench; needs h5py.

    make_inputs.py scopes COUNT v18|earliest OUT     COUNT small f32 variables in nested scopes
    make_inputs.py flat COUNT OUT       COUNT f32 variables in one scope
    make_inputs.py deep COUNT OUT       COUNT scopes, each in the one before, and one variable
    make_inputs.py blocks COUNT BYTES random|empty OUT     COUNT f32 variables of BYTES each
    make_inputs.py copies COUNT BYTES OUT     the same, of which a tenth are copies of others
    make_inputs.py copied COUNT BYTES OUT     the bytes alone that a search for copies must read
    make_inputs.py as CKPT FILE OUT     what that program makes of FILE, as OUT's name says

The last variable of each file is zz_last/witness, by which a listing shows that it is whole.
`empty` leaves holes: the file is as long as its tensors and takes hardly any room. Everything goes
through h5py's low-level interface, which takes a tenth of the time for 100,000 variables.
"""

import os
import subprocess
import sys

import h5py
import numpy as np

LAST_SCOPE, LAST = b"zz_last", b"witness"
LAYERS_A_BLOCK = 50
# Kernel and bias of each layer.
SHAPES = {b"kernel": (4, 4), b"bias": (4,)}


def create_file(path, low):
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(low, h5py.h5f.LIBVER_V110)
    return h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_TRUNC, None, access)


def plain_dataset():
    """Contiguous, its room taken at once, not filled and not dated."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.CONTIGUOUS)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    plist.set_obj_track_times(False)
    return plist


def make_scopes(count, version, out):
    """block_<i>/layer_<j>/{kernel,bias}, 100 variables a block, and the last one."""
    low = {"v18": h5py.h5f.LIBVER_V18, "earliest": h5py.h5f.LIBVER_EARLIEST}[version]
    file = create_file(out, low)
    plist = plain_dataset()
    spaces = {leaf: h5py.h5s.create_simple(shape) for leaf, shape in SHAPES.items()}
    left = count - 1
    layer_number = 0
    while left > 0:
        if layer_number % LAYERS_A_BLOCK == 0:
            block = h5py.h5g.create(file, b"block_%d" % (layer_number // LAYERS_A_BLOCK))
        layer = h5py.h5g.create(block, b"layer_%d" % (layer_number % LAYERS_A_BLOCK))
        for leaf, space in spaces.items():
            if left > 0:
                h5py.h5d.create(layer, leaf, h5py.h5t.IEEE_F32LE, space, plist)
                left -= 1
        layer_number += 1
    last = h5py.h5g.create(file, LAST_SCOPE)
    h5py.h5d.create(last, LAST, h5py.h5t.IEEE_F32LE, spaces[b"bias"], plist)


def make_flat(count, out):
    """layer/variable_<i> and the last one, in the newest format: one heap and one B-tree of names."""
    file = create_file(out, h5py.h5f.LIBVER_V110)
    plist = plain_dataset()
    space = h5py.h5s.create_simple((1,))
    layer = h5py.h5g.create(file, b"layer")
    for i in range(count - 1):
        h5py.h5d.create(layer, b"variable_%d" % i, h5py.h5t.IEEE_F32LE, space, plist)
    last = h5py.h5g.create(file, LAST_SCOPE)
    h5py.h5d.create(last, LAST, h5py.h5t.IEEE_F32LE, space, plist)


def make_deep(count, out):
    """s/s/…/s/witness."""
    file = create_file(out, h5py.h5f.LIBVER_V18)
    group = h5py.h5g.open(file, b"/")
    for _ in range(count):
        group = h5py.h5g.create(group, b"s")
    h5py.h5d.create(group, LAST, h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), plain_dataset())


def make_blocks(count, size, content, out):
    """block_<i>/kernel and the last one; random values, or none."""
    file = create_file(out, h5py.h5f.LIBVER_V18)
    plist = plain_dataset()
    space = h5py.h5s.create_simple((size // 4,))
    values = np.random.Generator(np.random.PCG64(1)).standard_normal(size // 4, dtype=np.float32) \
        if content == "random" else None
    for i in range(count):
        is_last = i == count - 1
        scope = h5py.h5g.create(file, LAST_SCOPE if is_last else b"block_%d" % i)
        leaf = LAST if is_last else b"kernel"
        dataset = h5py.h5d.create(scope, leaf, h5py.h5t.IEEE_F32LE, space, plist)
        if values is not None:
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.roll(values, i))


def copies_of(count):
    """How many variables are copies, and of as many others."""
    return count // 10


def block_values(size):
    """Each call gives other values, of the same kind."""
    generator = np.random.Generator(np.random.PCG64(2))
    while True:
        yield generator.standard_normal(size // 4, dtype=np.float32)


def make_copies(count, size, out):
    """block_<i>/kernel, the last tenth being the first tenth again, and a witness."""
    file = create_file(out, h5py.h5f.LIBVER_V18)
    plist = plain_dataset()
    space = h5py.h5s.create_simple((size // 4,))
    copies = copies_of(count)
    kept = []
    values = block_values(size)
    for i in range(count):
        if i < count - copies:
            block = next(values)
            if i < copies:
                kept.append(block)
        else:
            block = kept[i - (count - copies)]
        scope = h5py.h5g.create(file, b"block_%d" % i)
        h5py.h5d.create(scope, b"kernel", h5py.h5t.IEEE_F32LE, space, plist).write(
            h5py.h5s.ALL, h5py.h5s.ALL, block)
    last = h5py.h5g.create(file, LAST_SCOPE)
    h5py.h5d.create(last, LAST, h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), plist)


def make_copied(count, size, out):
    """The copies and what they are copies of, as bare bytes."""
    values = block_values(size)
    with open(out, "wb") as file:
        for _ in range(copies_of(count)):
            block = next(values).tobytes()
            file.write(block)
            file.write(block)


def main():
    kind, *arguments, out = sys.argv[1:]
    if kind == "scopes":
        make_scopes(int(arguments[0]), arguments[1], out)
    elif kind == "flat":
        make_flat(int(arguments[0]), out)
    elif kind == "deep":
        make_deep(int(arguments[0]), out)
    elif kind == "blocks":
        make_blocks(int(arguments[0]), int(arguments[1]), arguments[2], out)
    elif kind == "copies":
        make_copies(int(arguments[0]), int(arguments[1]), out)
    elif kind == "as":
        subprocess.run([arguments[0], "convert", arguments[1], out], check=True,
                       stdout=subprocess.DEVNULL)
    elif kind == "copied":
        make_copied(int(arguments[0]), int(arguments[1]), out)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
