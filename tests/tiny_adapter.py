"""An IP-Adapter and its image encoder for tiny pipelines: random weights in the published shapes of the kind "plus"."""

FILE = "ip-adapter-tiny.safetensors"
SEEN, INSIDE = 32, 64  #: the width of what the encoder sees; of the resampler, whose heads are 64 wide
BLOCK = {
    "0.norm1.weight": (INSIDE,), "0.norm1.bias": (INSIDE,), "0.norm2.weight": (INSIDE,), "0.norm2.bias": (INSIDE,),
    "0.to_q.weight": (64, INSIDE), "0.to_kv.weight": (128, INSIDE), "0.to_out.weight": (INSIDE, 64),
    "1.0.weight": (INSIDE,), "1.0.bias": (INSIDE,),
    "1.1.weight": (4 * INSIDE, INSIDE), "1.3.weight": (INSIDE, 4 * INSIDE),
}  # fmt: skip


def save(folder, model, *, width=0):
    """Write both as the hub has them, for the U-Net of a pipeline's folder; ``width``: for words of another one."""
    import torch
    from diffusers import UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(5)
    unet = UNet2DConditionModel.from_pretrained(model / "unet")
    words = width or unet.config.cross_attention_dim
    shapes = {
        "latents": (1, 4, INSIDE), "proj_in.weight": (INSIDE, SEEN), "proj_in.bias": (INSIDE,),
        "proj_out.weight": (words, INSIDE), "proj_out.bias": (words,), "norm_out.weight": (words,), "norm_out.bias": (words,),
    } | {f"layers.{depth}.{name}": shape for depth in range(4) for name, shape in BLOCK.items()}  # fmt: skip
    tensors = {f"image_proj.{name}": torch.randn(shape) for name, shape in shapes.items()}
    layers = dict(unet.named_modules())
    cross = [name.removesuffix(".processor") for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(cross):
        wide = layers[name].to_q.out_features
        tensors |= {f"ip_adapter.{2 * number + 1}.to_{each}_ip.weight": torch.randn(wide, words) for each in "kv"}
    place = folder / "models"
    CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=SEEN, intermediate_size=37, projection_dim=32, num_hidden_layers=2, num_attention_heads=4,
        image_size=32, patch_size=8,
    )).save_pretrained(place / "image_encoder")  # fmt: skip
    save_file(tensors, place / FILE)
    return folder
