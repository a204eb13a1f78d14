import gguf
import numpy

from support import ClientTest, ckpt, listed, raw


class GgufTest(ClientTest):
    def test_what_the_package_wrote_is_listed_and_read(self):
        path = self.folder / "model.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_block_count(1)
        embedding = numpy.arange(12, dtype="f4").reshape(3, 4)
        norm = numpy.ones(4, "f2")
        writer.add_tensor("token_embd.weight", embedding)
        writer.add_tensor("blk.0.attn_norm.weight", norm)
        blocks = gguf.quants.quantize(numpy.linspace(-1, 1, 64, dtype="f4").reshape(2, 32), gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor("blk.0.attn_q.weight", blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        names = listed(path)
        self.assertEqual(names["token_embd.weight"], ("f32", [3, 4]))
        self.assertEqual(names["blk.0.attn_norm.weight"], ("f16", [4]))
        self.assertEqual(raw(path, "token_embd.weight"), embedding.tobytes())
        self.assertEqual(raw(path, "blk.0.attn_norm.weight"), norm.tobytes())
        self.assertEqual(names["blk.0.attn_q.weight"][1], [2, 32])
        self.assertIn("Q8_0", ckpt("ls", path))
