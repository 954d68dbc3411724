"""A real diffusers pipeline, small enough to make in a test: random weights, a real tokenizer, all of its files."""

import json
import pickle


def vocabulary(folder):
    """CLIP's tokenizer with single letters only: 2 x 256 byte symbols and the two marks."""
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)] + [chr(code) for code in range(161, 256)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77), len(words)


def save(folder, seed=0, **how):
    """Write a Stable Diffusion pipeline of about a million weights; it was "trained" at 64x64 pixels."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    tokenizer, size = vocabulary(folder.with_name(folder.name + "-words"))
    unet = UNet2DConditionModel(
        sample_size=32, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32, norm_num_groups=16,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(16, 32), norm_num_groups=16, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    text = CLIPTextModel(
        CLIPTextConfig(vocab_size=size, hidden_size=32, intermediate_size=37, num_attention_heads=4,
                       num_hidden_layers=2, bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1)
    )  # fmt: skip
    pipe = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(steps_offset=1, clip_sample=False), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.save_pretrained(folder, **how)
    return folder


def publish(data, model, seed=1):
    """Weights of a corgi called rex that were "learned" on a model, where learning leaves them."""
    import torch
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    from service.subjects import WEIGHTS, Kind, Subject, folder, save as kept

    torch.manual_seed(seed)
    unet = UNet2DConditionModel.from_pretrained(model / "unet")
    unet.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_v"], init_lora_weights=False))
    state = {key: value * 3 for key, value in get_peft_model_state_dict(unet).items()}  # untrained weights say little
    card = {"name": "rex", "kind": Kind.DOG, "class_noun": "corgi", "token": "ohwx", "family": "sd15", "rank": 4}
    kept(data, Subject(**card, base=str(model)))
    StableDiffusionPipeline.save_lora_weights(
        folder(data, "rex"), unet_lora_layers=convert_state_dict_to_diffusers(state), weight_name=WEIGHTS
    )


class Trap:
    """A pickle that makes a file when it is read carelessly."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def trial(folder):
    """A good model, and what the painter says of bad ones, as JSON has it."""
    import shutil

    from service.engines.loading import Model
    from service.engines.painter import Painter
    from service.engines.worker import explained

    good = save(folder / "good")
    publish(folder, good)
    for name in ("truncated", "no-weights", "not-a-model"):
        shutil.copytree(good, folder / name)
    weights = "unet/diffusion_pytorch_model.safetensors"
    whole = (good / weights).read_bytes()
    (folder / "truncated" / weights).write_bytes(whole[: len(whole) // 2])
    (folder / "no-weights" / weights).unlink()
    (folder / "not-a-model/model_index.json").write_text('{"_class_name": "os.system"}')
    save(folder / "pickled", safe_serialization=False)

    shutil.copytree(good, folder / "trap")
    (folder / "trap/text_encoder/model.safetensors").unlink()
    (folder / "trap/text_encoder/pytorch_model.bin").write_bytes(pickle.dumps(Trap(folder / "sprung")))

    def said(name, **how):
        try:
            return Painter().load(Model(str(folder / name), **how))
        except Exception as error:
            return explained(error)

    bad = ("truncated", "no-weights", "not-a-model", "pickled", "trap", "none")
    return {name: said(name) for name in ("good", *bad)} | {"allowed": said("pickled", allow_pickle=True)}
