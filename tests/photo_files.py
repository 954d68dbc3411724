"""Photos for tests, drawn here: scenes, things and faces, in every kind of file that people have."""

import io

import numpy as np
from PIL import Image, ImageCms, ImageDraw, ImageFilter

SKIN, DARK = (222, 180, 150), (150, 105, 80)


def scene(number=1, size=(900, 700), *, light=1.0, place=None):
    """A round red thing with a stripe, on a table in some room; another number, another pose and another room."""
    rng = np.random.default_rng(number if place is None else place)
    wall, floor = (tuple(int(v) for v in rng.integers(60, 230, 3)) for _ in range(2))
    image = Image.new("RGB", size, wall)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, int(size[1] * 0.6), *size), floor)
    for _ in range(9):
        x, y = (int(v) for v in rng.integers(0, size))
        pen.rectangle((x, y, x + 90, y + 60), tuple(int(v) for v in rng.integers(40, 250, 3)))
    here = np.random.default_rng(number)
    x, y = size[0] * here.uniform(0.35, 0.65), size[1] * here.uniform(0.45, 0.6)
    r = min(size) * here.uniform(0.2, 0.3)
    pen.ellipse((x - r, y - r, x + r, y + r), (205, 40, 35))
    pen.arc(
        (x - r * 0.7, y - r * 0.7, x + r * 0.7, y + r * 0.7), number * 50, number * 50 + 200, (250, 240, 80), int(r / 4)
    )
    return grained(image, number, light)


def grained(image, seed=1, light=1.0, grain=5):
    """With a sensor's noise: without it nothing drawn is as crisp as a photo."""
    values = np.asarray(image, dtype=float) * light + np.random.default_rng(seed).normal(
        0, grain * light, (*image.size[::-1], 1)
    )
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def portrait(*people, size=(900, 1000), back=(150, 170, 160)):
    """Faces, each (x, y, half its width, colour of its skin)."""
    image = Image.new("RGB", size, back)
    pen = ImageDraw.Draw(image)
    for x, y, r, skin in people:
        _face(pen, x, y, r, skin)
    values = np.asarray(image.filter(ImageFilter.GaussianBlur(12)), dtype=float)
    down, across = np.mgrid[0 : size[1], 0 : size[0]]
    for x, y, r, _ in people:  # light from the upper left
        far = ((across - x + r * 0.3) / (r * 1.3)) ** 2 + ((down - y + r * 0.3) / (r * 1.6)) ** 2
        values *= (1.12 - 0.35 * far.clip(0, 1))[..., None]
    return grained(Image.fromarray(values.clip(0, 255).astype(np.uint8)), grain=4)


def _face(pen, x, y, r, skin):
    shade = tuple(int(value * 0.87) for value in skin)
    pen.ellipse((x - r, y - r * 1.45, x + r, y + r * 0.6), fill=(70, 45, 30))
    pen.rectangle((x - r * 0.35, y + r * 0.8, x + r * 0.35, y + r * 1.7), fill=shade)
    pen.ellipse((x - r * 1.9, y + r * 1.4, x + r * 1.9, y + r * 4), fill=(60, 90, 140))
    pen.ellipse((x - r * 0.82, y - r * 1.1, x + r * 0.82, y + r * 1.15), fill=skin)
    for side in (-1, 1):
        ex, ey = x + side * r * 0.36, y - r * 0.15
        pen.ellipse((ex - r * 0.2, ey - r * 0.1, ex + r * 0.2, ey + r * 0.1), fill=(245, 245, 245))
        pen.ellipse((ex - r * 0.09, ey - r * 0.09, ex + r * 0.09, ey + r * 0.09), fill=(50, 35, 25))
        pen.line(
            (ex - r * 0.24, ey - r * 0.25, ex + r * 0.22, ey - r * 0.28), fill=(60, 40, 30), width=max(2, int(r * 0.07))
        )
    pen.polygon((x, y - r * 0.1, x - r * 0.14, y + r * 0.32, x + r * 0.14, y + r * 0.32), fill=shade)
    pen.ellipse((x - r * 0.3, y + r * 0.55, x + r * 0.3, y + r * 0.75), fill=(170, 80, 80))


def located(image):
    """A JPEG whose EXIF says where and with what it was taken."""
    about = Image.Exif()
    about[0x010F], about[0x8825] = "Camera & Sons", {1: "N", 2: (52.0, 31.0, 12.0)}
    out = io.BytesIO()
    image.save(out, "JPEG", exif=about, comment=b"from the garden", icc_profile=srgb())
    return out.getvalue()


def srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def bomb(width=10_000, height=10_001):
    """A PNG of a few kilobytes whose header speaks of a hundred megapixels."""
    import struct
    import zlib

    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")
