"""A ComfyUI workflow as ComfyUI exports one for the API: its own example of a checkpoint's text to image."""


def node(kind, title=None, **inputs):
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind}}


GRAPH = {
    "3": node(
        "KSampler", "Seed", seed=5, steps=20, cfg=8, sampler_name="euler", scheduler="normal", denoise=1,
        model=["4", 0], positive=["6", 0], negative=["7", 0], latent_image=["5", 0],
    ),
    "4": node("CheckpointLoaderSimple", ckpt_name="dreamshaper_8.safetensors"),
    "5": node("EmptyLatentImage", "Size", width=512, height=512, batch_size=1),
    "6": node("CLIPTextEncode", "Prompt", text="a bottle", clip=["4", 1]),
    "7": node("CLIPTextEncode", "Avoid", text="watermark", clip=["4", 1]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
}  # fmt: skip
