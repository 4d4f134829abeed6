"""Renders the demonstration's creatives: posters of shape, colour and type, drawn with Pillow, the same every time."""

import colorsys
import hashlib
import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from demo.catalogue import Work

SIZE = (1280, 720)


def render(work: Work) -> bytes:
    """Return the poster of one creative: JPEG of 1280 x 720 pixels."""
    chance = random.Random(work.title)  # noqa: S311 - decoration
    hue = int.from_bytes(hashlib.blake2b(work.category.encode(), digest_size=2).digest()) / 65536
    image = _sky(hue, chance)
    _shapes(image, hue, chance)
    _type(image, work)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88, optimize=True)
    return buffer.getvalue()


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _sky(hue: float, chance: random.Random) -> Image.Image:
    """Return a soft gradient between two neighbouring hues."""
    corner = Image.new("RGB", (2, 2))
    for index in range(4):
        corner.putpixel(
            (index % 2, index // 2),
            _colour(hue + chance.uniform(-0.05, 0.09), chance.uniform(0.45, 0.75), 0.28 + 0.14 * index),
        )
    return corner.resize(SIZE, Image.Resampling.BICUBIC)


def _shapes(image: Image.Image, hue: float, chance: random.Random) -> None:
    """Draw translucent discs, arcs and triangles, blurred by depth (at half size, where blurring is cheap)."""
    width, height = SIZE[0] // 2, SIZE[1] // 2
    for depth in range(3):
        layer = Image.new("RGBA", (width, height))
        draw = ImageDraw.Draw(layer)
        for _ in range(4):
            tint = _colour(hue + chance.choice((0, 0.08, 0.5)), chance.uniform(0.3, 0.8), chance.uniform(0.7, 1))
            _shape(draw, chance, (*tint, 90), chance.uniform(50, 210) / (depth + 1))
        layer = layer.filter(ImageFilter.GaussianBlur(9 - 4 * depth)).resize(SIZE, Image.Resampling.BILINEAR)
        image.paste(layer, mask=layer.getchannel("A"))


def _shape(draw: ImageDraw.ImageDraw, chance: random.Random, fill: tuple[int, int, int, int], radius: float) -> None:
    x, y = chance.uniform(0.35, 1.05) * SIZE[0] / 2, chance.uniform(-0.1, 1.05) * SIZE[1] / 2
    box = (x - radius, y - radius, x + radius, y + radius)
    form = chance.randrange(3)
    if form == 0:
        draw.ellipse(box, fill=fill)
    elif form == 1:
        draw.arc(box, chance.randrange(360), chance.randrange(360), fill=fill, width=int(5 + radius / 8))
    else:
        angle = chance.uniform(0, math.tau)
        draw.polygon(
            [(x + math.cos(angle + turn) * radius, y + math.sin(angle + turn) * radius) for turn in (0, 2.2, 4.3)],
            fill=fill,
        )


def _type(image: Image.Image, work: Work) -> None:
    """Set the title, its line and who speaks."""
    draw = ImageDraw.Draw(image)
    large = ImageFont.load_default(size=92)
    lines = _wrap(draw, work.title, large, 900)
    y = SIZE[1] - 290 - 104 * len(lines)  # players lay their caption over the lowest sixth
    for line in lines:
        draw.text((72, y), line, font=large, fill="white", stroke_width=1, stroke_fill="white")
        y += 104
    draw.text((76, y + 18), work.line, font=ImageFont.load_default(size=38), fill=(255, 255, 255))
    speaker = work.advertiser or "From the house"
    draw.text((76, SIZE[1] - 166), speaker.upper(), font=ImageFont.load_default(size=24), fill=(235, 235, 235))


def _wrap(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
