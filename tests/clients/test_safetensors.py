import numpy
from safetensors import safe_open
from safetensors.numpy import save_file

from support import ClientTest, ckpt


class SafetensorsTest(ClientTest):
    def test_names_change_and_bytes_and_metadata_stay(self):
        old = {"model.a.weight": numpy.arange(6, dtype="f4").reshape(2, 3), "model.a.bias": numpy.ones(3, "f2")}
        save_file(old, self.folder / "old.safetensors", metadata={"format": "pt"})
        ckpt("remap", self.folder / "old.safetensors", self.folder / "new.safetensors", "-r", "model.=.")
        with safe_open(self.folder / "new.safetensors", "numpy") as new:
            self.assertEqual(sorted(new.keys()), ["a.bias", "a.weight"])
            self.assertEqual(new.metadata(), {"format": "pt"})
            for name in new.keys():
                self.assertEqual(new.get_tensor(name).dtype, old["model." + name].dtype)
                numpy.testing.assert_array_equal(new.get_tensor(name), old["model." + name])
