import numpy
import tf_keras

from support import ClientTest, ckpt


def make_model(name):
    return tf_keras.Sequential([tf_keras.layers.Dense(3, name=name, input_shape=(4,)),
                                tf_keras.layers.Dense(2, name="logits")])


class LegacyKerasTest(ClientTest):
    def test_legacy_weights_with_a_renamed_layer_load_by_name(self):
        old, new = make_model("hidden"), make_model("stem")
        old.save_weights(self.folder / "old.h5")
        ckpt("remap", self.folder / "old.h5", self.folder / "new.h5", "-r", "hidden/=stem/")
        new.load_weights(self.folder / "new.h5", by_name=True)
        for before, after in zip(old.get_weights(), new.get_weights(), strict=True):
            numpy.testing.assert_array_equal(before, after)

    def test_a_whole_legacy_model_with_a_renamed_layer_loads(self):
        old = make_model("hidden")
        old.compile("adam", "mse")
        old.fit(numpy.ones((2, 4)), numpy.ones((2, 2)), verbose=0)
        old.save(self.folder / "old.h5")
        ckpt("remap", self.folder / "old.h5", self.folder / "new.h5", "-r", "hidden/=stem/")
        new = tf_keras.models.load_model(self.folder / "new.h5")
        self.assertEqual([layer.name for layer in new.layers], ["stem", "logits"])
        for before, after in zip(old.get_weights(), new.get_weights(), strict=True):
            numpy.testing.assert_array_equal(before, after)
