import keras
import numpy

from support import ClientTest, ckpt


class Net(keras.Model):
    """A network whose first layer is an attribute of a name that is given."""

    def __init__(self, first):
        super().__init__()
        self.first = first
        setattr(self, first, keras.layers.Dense(3))
        self.head = keras.layers.Dense(2)
        self(numpy.ones((1, 4), "f4"))

    def call(self, x):
        return self.head(getattr(self, self.first)(x))


class KerasTest(ClientTest):
    def check_equal(self, before, after):
        for one, other in zip(before, after, strict=True):
            numpy.testing.assert_array_equal(one, other)

    def test_weights_with_a_renamed_layer_load_into_the_renamed_network(self):
        old, new = Net("hidden"), Net("stem")
        old.save_weights(self.folder / "old.weights.h5")
        ckpt("remap", self.folder / "old.weights.h5", self.folder / "new.weights.h5", "-r", "hidden/=stem/")
        new.load_weights(self.folder / "new.weights.h5")
        self.check_equal(old.get_weights(), new.get_weights())

    def test_an_archive_whose_layers_changed_places_loads(self):
        layers = [keras.layers.Dense(4, name=name) for name in ("hidden", "logits")]
        old = keras.Sequential([keras.Input((4,)), *layers])
        old.save(self.folder / "old.keras")
        ckpt("remap", self.folder / "old.keras", self.folder / "new.keras",
             "-r", "layers/dense/=layers/dense_1/", "-r", "layers/dense_1/=layers/dense/")
        new = keras.models.load_model(self.folder / "new.keras")
        self.check_equal(layers[1].get_weights() + layers[0].get_weights(), new.get_weights())
