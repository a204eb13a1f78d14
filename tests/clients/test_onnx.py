import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from support import ClientTest, ckpt


class OnnxTest(ClientTest):
    def test_a_model_is_refused_as_what_ckpt_does_not_read(self):
        path = self.folder / "model.onnx"
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "kernel"], ["y"])], "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
            [numpy_helper.from_array(numpy.ones((3, 2), "f4"), "kernel")])
        model = helper.make_model(graph)
        onnx.checker.check_model(model)
        onnx.save(model, path)
        self.assertIn("model.onnx: is of no known format: it starts with the bytes ", ckpt("ls", path, status=4))
