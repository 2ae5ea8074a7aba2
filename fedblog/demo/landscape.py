"""Paints the photograph-like landscape of the demo's article: a flooded valley at first light."""

import io
import math
import random
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1600, 1000
_HORIZON = 560
_SUN = (1090, 372)

_SKY = (
    (0.0, (52, 74, 110)),
    (0.35, (116, 132, 158)),
    (0.65, (214, 178, 160)),
    (0.88, (247, 205, 150)),
    (1.0, (252, 224, 176)),
)


def paint() -> bytes:
    """The picture as a JPEG of 1600 × 1000 pixels; the same bytes on every call."""
    chance = random.Random(11)  # noqa: S311 - a picture, no secret
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(picture)
    for y in range(_HORIZON + 1):
        draw.line((0, y, WIDTH, y), fill=_mix(_SKY, y / _HORIZON))
    _clouds(picture, chance)
    _glow(picture, 430, (255, 236, 190), 150)
    _glow(picture, 120, (255, 248, 224), 255)
    for layer in range(5):
        _ridge(picture, chance, layer)
    _water(picture, chance)
    _trees(picture, chance)
    _grain(picture)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, optimize=True)
    return out.getvalue()


def _mix(
    stops: tuple[tuple[float, tuple[int, int, int]], ...], place: float
) -> tuple[int, int, int]:
    """The colour at *place* (0–1) of a gradient."""
    for (left, first), (right, second) in pairwise(stops):
        if place <= right:
            part = (place - left) / (right - left)
            return _blend(first, second, part)
    return stops[-1][1]


def _blend(
    first: tuple[int, int, int], second: tuple[int, int, int], part: float
) -> tuple[int, int, int]:
    red, green, blue = (
        int(a + (b - a) * max(0.0, min(1.0, part))) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def _rough(chance: random.Random, size: int, first: float, decay: float) -> list[float]:
    """A rough line of *size* points around 0, by midpoint displacement."""
    line = [0.0, chance.uniform(-first, first), 0.0]
    step = first
    while len(line) < size:
        longer = [line[0]]
        for left, right in pairwise(line):
            longer += [(left + right) / 2 + chance.uniform(-step, step), right]
        line = longer
        step *= decay
    return line[:size]


def _clouds(picture: Image.Image, chance: random.Random) -> None:
    mask = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(mask)
    for _ in range(90):
        y = int(chance.triangular(40, _HORIZON - 60, 330))
        x = chance.randint(-200, WIDTH)
        length = chance.randint(160, 620)
        height = chance.randint(3, 16)
        draw.ellipse((x, y, x + length, y + height), fill=chance.randint(30, 110))
    mask = mask.filter(ImageFilter.GaussianBlur(9))
    picture.paste(Image.new("RGB", picture.size, (255, 214, 186)), (0, 0), mask)


def _glow(picture: Image.Image, radius: int, colour: tuple[int, int, int], strength: int) -> None:
    mask = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(mask)
    inner = radius // 4
    x, y = _SUN
    draw.ellipse((x - inner, y - inner, x + inner, y + inner), fill=strength)
    mask = mask.filter(ImageFilter.GaussianBlur(radius / 3))
    mask = mask.point([min(255, int(v * 1.9)) for v in range(256)])
    picture.paste(Image.new("RGB", picture.size, colour), (0, 0), mask)


def _ridge(picture: Image.Image, chance: random.Random, layer: int) -> None:
    """One range of hills; the nearer, the darker and the lower."""
    depth = layer / 4
    colour = _blend((196, 172, 170), (38, 52, 56), depth**0.8)
    mist = _blend((240, 206, 170), (120, 128, 128), depth)
    base = 420 + int(128 * depth)
    line = _rough(chance, WIDTH + 1, 105 - 62 * depth, 0.52 + 0.03 * layer)
    heights = [
        int(base + value - 40 * math.sin(x / WIDTH * math.pi * (1.2 + layer * 0.7)))
        for x, value in enumerate(line)
    ]
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).polygon(
        [
            (0, _HORIZON + 4),
            *((x, min(y, _HORIZON)) for x, y in enumerate(heights)),
            (WIDTH, _HORIZON + 4),
        ],
        fill=255,
    )
    mask = mask.filter(ImageFilter.GaussianBlur(1.1))
    hill = Image.new("RGB", picture.size)
    draw = ImageDraw.Draw(hill)
    top = min(heights)
    for y in range(max(0, top), _HORIZON + 5):
        part = (y - top) / max(1, _HORIZON - top)
        draw.line((0, y, WIDTH, y), fill=_blend(colour, mist, part**2 * 0.85))
    picture.paste(hill, (0, 0), mask)


def _water(picture: Image.Image, chance: random.Random) -> None:
    """The flooded meadow: the world upside down, stretched, darker and rippled."""
    depth = HEIGHT - _HORIZON
    mirror = picture.crop((0, _HORIZON - depth, WIDTH, _HORIZON))
    mirror = mirror.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirror = mirror.filter(ImageFilter.GaussianBlur(2.5))
    mirror = ImageChops.multiply(mirror, Image.new("RGB", mirror.size, (206, 212, 220)))
    water = mirror.copy()
    for y in range(depth):
        swing = (1 + y / 26) * math.sin(y * 0.9 + 6 * math.sin(y / 17)) + chance.uniform(-1, 1)
        row = mirror.crop((0, y, WIDTH, y + 1))
        water.paste(ImageChops.offset(row, int(swing), 0), (0, y))
    shade = (
        Image.linear_gradient("L").resize(water.size).point([v * 150 // 255 for v in range(256)])
    )
    water.paste(Image.new("RGB", water.size, (24, 36, 46)), (0, 0), shade)
    sparkle = Image.new("L", water.size, 0)
    draw = ImageDraw.Draw(sparkle)
    for _ in range(1500):
        y = int(depth * chance.random() ** 1.7)
        spread = 26 + y * 0.42
        x = chance.gauss(_SUN[0], spread)
        width = 3 + y / 22 * chance.random()
        draw.line((x - width, y, x + width, y), fill=chance.randint(60, 210), width=1 + y // 240)
    for _ in range(700):
        y = int(depth * chance.random())
        x, width = chance.uniform(0, WIDTH), chance.uniform(6, 12 + y / 6)
        draw.line((x - width, y, x + width, y), fill=chance.randint(8, 34), width=1)
    sparkle = sparkle.filter(ImageFilter.GaussianBlur(0.8))
    water.paste(Image.new("RGB", water.size, (255, 232, 190)), (0, 0), sparkle)
    picture.paste(water, (0, _HORIZON))


def _trees(picture: Image.Image, chance: random.Random) -> None:
    """Alders that stand in the water, a fence that runs into it, and their reflections."""
    scale = 2
    mask = Image.new("L", (WIDTH * scale, HEIGHT * scale), 0)
    draw = ImageDraw.Draw(mask)

    def branch(x: float, y: float, angle: float, length: float, width: float) -> None:
        if length < 5 * scale:
            return
        end = (x + math.cos(angle) * length, y - math.sin(angle) * length)
        draw.line((x, y, *end), fill=255, width=max(1, int(width)))
        for turn in (chance.uniform(0.15, 0.6), -chance.uniform(0.15, 0.6)):
            branch(*end, angle + turn, length * chance.uniform(0.68, 0.84), width * 0.68)

    for x, y, height in (
        (150, 742, 96),
        (262, 690, 70),
        (330, 668, 52),
        (1440, 716, 78),
        (1508, 668, 50),
        (60, 700, 66),
    ):
        branch(
            x * scale,
            y * scale,
            math.pi / 2 + chance.uniform(-0.08, 0.08),
            height * scale,
            height / 9 * scale,
        )
    for number in range(15):
        part = number / 14
        left, foot = 420 + 560 * part**0.8, 850 - 235 * part
        rise = 74 - 56 * part
        lean = chance.uniform(-0.06, 0.06) * rise
        draw.line(
            (left * scale, foot * scale, (left + lean) * scale, (foot - rise) * scale),
            fill=255,
            width=max(2, int((9 - 7 * part) * scale)),
        )
    mask = mask.resize(picture.size, Image.Resampling.LANCZOS)
    below = Image.new("L", picture.size, 0)
    for edge, begin, end in (
        (700, 0, 92),
        (742, 92, 205),
        (690, 205, 296),
        (668, 296, 400),
        (716, 1380, 1474),
        (668, 1474, 1600),
    ):
        tree = mask.crop((begin, edge - 300, end, edge))
        below.paste(tree.transpose(Image.Transpose.FLIP_TOP_BOTTOM), (begin, edge))
    below = below.filter(ImageFilter.GaussianBlur(2.2)).point([v * 150 // 255 for v in range(256)])
    ink = Image.new("RGB", picture.size, (22, 28, 34))
    picture.paste(ink, (0, 0), below)
    picture.paste(ink, (0, 0), mask)


def _grain(picture: Image.Image) -> None:
    """A little grain and darker corners, as a lens leaves them."""
    chance = random.Random(5)  # noqa: S311 - a picture, no secret
    noise = Image.frombytes("L", (WIDTH // 2, HEIGHT // 2), chance.randbytes(WIDTH * HEIGHT // 4))
    noise = noise.resize(picture.size, Image.Resampling.BILINEAR)
    picture.paste(Image.blend(picture, Image.merge("RGB", (noise,) * 3), 0.035))
    corners = Image.radial_gradient("L").resize(picture.size)
    corners = corners.point([max(0, v - 120) * 110 // 135 for v in range(256)])
    picture.paste(Image.new("RGB", picture.size, (14, 18, 26)), (0, 0), corners)
