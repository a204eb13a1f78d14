#!/usr/bin/python3
"""What one would write in Python to list other kinds of checkpoints: the benchmark's rivals.

    other_contenders.py numpy FILE     prints name, shape and dtype of each array of an npz
    other_contenders.py torch FILE     the same of a state dict
"""

import sys


def list_npz(path):
    import numpy as np

    with np.load(path) as file:
        for name in file.files:
            array = file[name]
            print(name, array.shape, array.dtype)


def list_torch(path):
    import torch

    for name, tensor in torch.load(path, map_location="cpu").items():
        print(name, tuple(tensor.shape), tensor.dtype)


if __name__ == "__main__":
    what, path = sys.argv[1:]
    {"numpy": list_npz, "torch": list_torch}[what](path)
