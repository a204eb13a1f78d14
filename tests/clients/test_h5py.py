import h5py

from support import FIXTURES, ClientTest, ckpt, raw

DIGITS = FIXTURES / "digits" / "digits.h5"


class H5pyTest(ClientTest):
    def test_a_renamed_native_file_is_read_by_its_new_names(self):
        ckpt("remap", DIGITS, self.folder / "new.h5", "-r", "conv1/=stem/")
        with h5py.File(self.folder / "new.h5") as new:
            self.assertNotIn("conv1", new)
            self.assertEqual(new["stem/kernel:0"][()].tobytes(), raw(DIGITS, "conv1/kernel"))
            self.assertEqual(new["stem/kernel/Adam"][()].tobytes(), raw(DIGITS, "conv1/kernel/Adam"))
            self.assertEqual(new["global_step"].dtype, "i8")

    def test_a_file_laid_out_anew_is_read_whole(self):
        ckpt("remap", DIGITS, self.folder / "half.h5", "--repack", "-r", "{p:path}/kernel = {p}/kernel | cast(f16)")
        seen = {}
        with h5py.File(self.folder / "half.h5") as new:
            new.visititems(lambda name, item: seen.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        self.assertEqual(len(seen), 41)
        self.assertEqual({array.dtype.str for name, array in seen.items() if name.endswith("kernel:0")}, {"<f2"})
