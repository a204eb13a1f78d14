from safetensors.torch import load_file, save_file
import torch
from transformers import BertConfig, BertModel

from support import ClientTest, ckpt


class TransformersTest(ClientTest):
    def test_a_checkpoint_without_its_wrapper_s_prefix_loads_whole(self):
        config = BertConfig(vocab_size=16, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                            intermediate_size=8, max_position_embeddings=8)
        old = BertModel(config)
        old.save_pretrained(self.folder)
        weights = self.folder / "model.safetensors"
        tensors = {"module." + name: tensor for name, tensor in load_file(weights).items()}
        save_file(tensors, weights, metadata={"format": "pt"})
        ckpt("remap", "-i", weights, "-r", "module.=.")
        new, problems = BertModel.from_pretrained(self.folder, output_loading_info=True)
        self.assertFalse(any(problems.values()), problems)
        for name, tensor in old.state_dict().items():
            self.assertTrue(torch.equal(tensor, new.state_dict()[name]), name)
