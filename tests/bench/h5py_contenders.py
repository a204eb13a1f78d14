#!/usr/bin/python3
"""What one would write in Python instead of calling ckpt: the benchmark's rivals.

    h5py_contenders.py walk FILE                 prints name, shape and dtype of each dataset
    h5py_contenders.py read FILE                 reads each dataset; prints the bytes
    h5py_contenders.py write OUT COUNT BYTES     writes COUNT f32 datasets of BYTES each, and fsyncs
"""

import os
import sys

import h5py


def walk(path):
    def show(name, item):
        if isinstance(item, h5py.Dataset):
            print(name, item.shape, item.dtype)

    with h5py.File(path, "r") as file:
        file.visititems(show)


def read(path):
    total = 0

    def load(_, item):
        nonlocal total
        if isinstance(item, h5py.Dataset):
            total += item[()].nbytes

    with h5py.File(path, "r") as file:
        file.visititems(load)
    print(total, "bytes")


def write(path, count, size):
    import numpy as np

    values = np.arange(size // 4, dtype=np.float32)
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        for i in range(count):
            file.create_dataset(f"block_{i}/kernel", data=values, track_times=False)
    # HDF5 itself has no fsync.
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    what, path, *numbers = sys.argv[1:]
    {"walk": walk, "read": read, "write": write}[what](path, *map(int, numbers))
