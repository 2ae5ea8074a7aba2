"""Who lives on the peer: a handful of invented people, each with a drawn portrait."""

import io
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """One account: its user name, what it calls itself, what it says of itself, its colours."""

    name: str
    display_name: str
    bio: str
    sky: str
    ground: str
    light: str


PEOPLE = (
    Person(
        "ines",
        "Ines Varga",
        "Reads rivers for a living. Keeps a boat that leaks on principle.",
        "#1f4e5f",
        "#79a8a9",
        "#f4f7f7",
    ),
    Person(
        "tomas",
        "Tomas Okell",
        "Retired signalman, active gardener, slow cook.",
        "#e8a87c",
        "#c38d9e",
        "#fbe8d3",
    ),
    Person(
        "jonna",
        "Jonna Reet",
        "Teaches arithmetic to nine-year-olds and fractions to their parents.",
        "#41436a",
        "#984063",
        "#fe9677",
    ),
    Person(
        "wick",
        "Bram Wick",
        "Night bus driver. Sees the town when nobody is looking.",
        "#0f2027",
        "#2c5364",
        "#f9d976",
    ),
)


def find(name: str) -> Person | None:
    """The person called *name*, or None."""
    return next((person for person in PEOPLE if person.name == name), None)


def portrait(person: Person, side: int = 160) -> bytes:
    """A PNG for *person*: a small landscape in the person's own colours."""
    from PIL import Image, ImageColor, ImageDraw

    scale = 3
    size = side * scale
    seed = sum(person.name.encode())
    sky, ground, light = (
        ImageColor.getrgb(colour) for colour in (person.sky, person.ground, person.light)
    )
    picture = Image.new("RGB", (size, size), sky)
    fade = Image.linear_gradient("L").resize((size, size)).point([v // 2 for v in range(256)])
    picture.paste(Image.new("RGB", (size, size), light), (0, 0), fade)
    draw = ImageDraw.Draw(picture)
    radius = size // 7 + (seed % 5) * scale * 2
    centre = (size * (35 + seed % 30) // 100, size * (30 + seed % 14) // 100)
    draw.ellipse(
        (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius), fill=light
    )
    for layer in range(3):
        shade = tuple(
            int(a + (b - a) * (0.25 + 0.3 * layer)) for a, b in zip(light, ground, strict=True)
        )
        if layer == 2:
            shade = tuple(int(part * 0.72) for part in ground)
        base = size * (58 + 14 * layer) // 100
        height = size * (12 + (seed * (layer + 3)) % 8) // 100
        peak = size * ((seed * (2 * layer + 3)) % 100) // 100
        slope = [
            (x, base - int(height * (1 - abs(x - peak) / size) ** 2))
            for x in range(0, size + 1, scale)
        ]
        draw.polygon([(0, size), *slope, (size, size)], fill=shade)
    out = io.BytesIO()
    picture.resize((side, side), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()
