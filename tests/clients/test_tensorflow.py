import numpy
import tensorflow as tf

from support import ClientTest, ckpt


class TensorFlowTest(ClientTest):
    def test_a_renamed_bundle_is_read_by_its_new_names(self):
        values = {"conv1/kernel": numpy.arange(6, dtype="f4").reshape(2, 3), "conv1/bias": numpy.ones(3, "f4"),
                  "global_step": numpy.int64(7)}
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            variables = [tf.compat.v1.get_variable(name, initializer=value) for name, value in values.items()]
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.train.Saver(variables).save(session, str(self.folder / "old"))
        ckpt("remap", self.folder / "old.index", self.folder / "new.index", "-r", "conv1/=stem/")
        reader = tf.train.load_checkpoint(str(self.folder / "new"))
        self.assertEqual(sorted(reader.get_variable_to_shape_map()), ["global_step", "stem/bias", "stem/kernel"])
        for name, value in values.items():
            numpy.testing.assert_array_equal(reader.get_tensor(name.replace("conv1", "stem")), value)
