"""What the tests of all clients share: the program under test, and a folder to work in."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

CKPT = os.environ["CKPT"]
FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures"


def ckpt(*arguments, status=0):
    """Runs ckpt and returns what it printed: on standard error where another status than 0 is expected."""
    done = subprocess.run([CKPT, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    if done.returncode != status:
        raise AssertionError(f"ckpt {' '.join(map(str, arguments))}: status {done.returncode}, not {status}:\n"
                             f"{done.stdout.decode()}{done.stderr.decode()}")
    return (done.stderr if status else done.stdout).decode()


def listed(path):
    """The variables of a file as ckpt lists them: name -> (dtype, shape)."""
    return {v["name"]: (v["dtype"], v["shape"]) for v in json.loads(ckpt("ls", "--json", path))["variables"]}


def raw(path, name):
    """A variable's bytes, as ckpt reads them."""
    return subprocess.run([CKPT, "show", path, name, "--raw"], capture_output=True, check=True, timeout=60).stdout


class ClientTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ckpt-clients-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
