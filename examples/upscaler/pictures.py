"""Renders the pictures that the upscaler is trained and judged on. Nothing in them comes from elsewhere but the letters' shapes.

Four kinds, grey, 8 bits:
  leaves   "dead leaves": opaque textured shapes that cover each other, radii by a power law. With the exponent 3 the result has
           the scale invariance of natural pictures, and edges and textures like theirs (Lee, Mumford, Huang: "Occlusion models
           for natural images", 2001)
  text     lines of invented words in several fonts, sizes and angles
  lines    line art: fans, grids, rings, waves, strokes
  julia    escape times of z -> z^2 + c: detail at all scales

Everything is drawn at twice the size, half of the pictures are blurred slightly, as lenses do, and all are shrunk by area or by
Lanczos. A picture depends on its seed and its index alone.
"""
import math

import numpy
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

SIZE = 240  # divisible by the scales 2, 3 and 4
KINDS = ("leaves", "leaves", "leaves", "leaves", "text", "lines", "leaves", "julia")  # of picture i: KINDS[i % 8]

FONT_FOLDERS = {"dejavu": "/usr/share/fonts/truetype/dejavu/", "liberation": "/usr/share/fonts/truetype/liberation/"}
FONTS = [
    FONT_FOLDERS[folder] + name + ".ttf"
    for folder, names in {
        "dejavu": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold"),
        "liberation": ("LiberationSans-Italic", "LiberationSerif-Regular", "LiberationSerif-Italic", "LiberationMono-Regular"),
    }.items()
    for name in names
]


def power_law_noise(rng, size, exponent):
    """Noise whose amplitude falls as frequency^-exponent, scaled to [0, 1]."""
    fy = numpy.fft.fftfreq(size)[:, None]
    fx = numpy.fft.rfftfreq(size)[None, :]
    radius = numpy.sqrt(fy * fy + fx * fx)
    radius[0, 0] = 1.0
    spectrum = radius**-exponent * numpy.exp(2j * math.pi * rng.random(radius.shape))
    spectrum[0, 0] = 0.0
    noise = numpy.fft.irfft2(spectrum, (size, size))
    low, high = numpy.quantile(noise, (0.002, 0.998))
    return numpy.clip((noise - low) / (high - low), 0.0, 1.0)


def texture(rng, size):
    """One texture in [0, 1]: flat, a ramp, noise of any roughness, stripes or checks, the latter two bent by noise."""
    y, x = numpy.mgrid[0:size, 0:size]
    kind = rng.choice(("flat", "ramp", "noise", "noise", "noise", "stripes", "checks"))
    if kind == "flat":
        return numpy.full((size, size), 0.5)
    angle = rng.uniform(0, math.pi)
    along = math.cos(angle) * x + math.sin(angle) * y
    if kind == "ramp":
        return (along - along.min()) / (along.max() - along.min())
    if kind == "noise":
        return power_law_noise(rng, size, rng.uniform(0.6, 2.0))
    across = -math.sin(angle) * x + math.cos(angle) * y
    period = math.exp(rng.uniform(math.log(5), math.log(60)))
    bend = power_law_noise(rng, size, 2.2) * rng.choice((0.0, 4 * period))
    wave = numpy.sin(2 * math.pi * (along + bend) / period)
    if kind == "checks":
        wave = wave * numpy.sin(2 * math.pi * (across + bend) / period)
    sharpness = math.exp(rng.uniform(0.0, math.log(12)))
    return 0.5 + 0.5 * numpy.tanh(sharpness * wave) / math.tanh(sharpness)


def tones(rng):
    """Two grey levels: mostly close to each other, as on the surface of one thing."""
    middle = rng.uniform(10, 245)
    spread = rng.choice((rng.uniform(0, 25), rng.uniform(10, 120)), p=(0.6, 0.4))
    return numpy.clip((middle - spread, middle + spread), 0, 255)


def painted(rng, values):
    """A texture between two tones, as a picture."""
    low, high = tones(rng)
    return Image.fromarray(numpy.round(low + (high - low) * values).astype(numpy.uint8))


def shape_outline(rng, radius):
    """A closed outline around (0, 0): an ellipse, a polygon or a smooth blob."""
    kind = rng.choice(("ellipse", "polygon", "box", "blob"), p=(0.3, 0.25, 0.2, 0.25))
    stretch = math.exp(rng.normal(0, 0.4))
    turn = rng.uniform(0, 2 * math.pi)
    if kind == "polygon":
        angles = numpy.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 8)))
        radii = numpy.full(angles.size, 1.0)
    elif kind == "box":
        angles = numpy.pi / 4 + numpy.arange(4) * numpy.pi / 2
        radii = numpy.full(4, 1.2)
    else:
        angles = numpy.linspace(0, 2 * math.pi, 12 + int(radius), endpoint=False)
        radii = numpy.ones(angles.size)
        if kind == "blob":
            for k in range(2, 6):
                radii += rng.normal(0, 0.35 / k) * numpy.cos(k * angles + rng.uniform(0, 2 * math.pi))
    x = radius * stretch * radii * numpy.cos(angles)
    y = radius / stretch * radii * numpy.sin(angles)
    return x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)


def draw_leaves(rng, size):
    canvas = painted(rng, power_law_noise(rng, size, 1.6))
    bank = [texture(rng, size) for _ in range(10)]
    smallest, largest = math.exp(rng.uniform(math.log(4), math.log(16))), size / 3
    # Density ~ radius^-3 between smallest and largest, by inversion of its distribution; so many that their areas are 1 to 3
    # times the canvas. Large shapes mostly first, or the last would hide all that was drawn before.
    coverage = rng.uniform(1.0, 3.0) * size * size
    radii = (smallest**-2 - rng.random(2000) * (smallest**-2 - largest**-2)) ** -0.5
    radii = radii[: int(numpy.searchsorted(numpy.cumsum(math.pi * radii**2), coverage)) + 1]
    order = numpy.argsort(-radii + rng.normal(0, 0.4, radii.size) * radii)
    for radius in radii[order]:
        dx, dy = shape_outline(rng, radius)
        cx, cy = rng.uniform(-0.1 * size, 1.1 * size, 2)
        x, y = cx + dx, cy + dy
        left, top = max(0, math.floor(x.min())), max(0, math.floor(y.min()))
        right, bottom = min(size, math.ceil(x.max()) + 1), min(size, math.ceil(y.max()) + 1)
        if right <= left or bottom <= top:
            continue
        mask = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(mask).polygon(list(zip((x - left).tolist(), (y - top).tolist())), fill=255)
        height, width = bottom - top, right - left
        ty, tx = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
        surface = bank[rng.integers(len(bank))][ty : ty + height, tx : tx + width]
        canvas.paste(painted(rng, surface), (left, top), mask)
    if rng.random() < 0.2:
        draw_words(rng, canvas, 1)
    return canvas


def invented_word(rng):
    consonants, vowels = "bcdfghjklmnprstvwz", "aeiou"
    word = "".join(
        consonants[rng.integers(len(consonants))] + vowels[rng.integers(len(vowels))] + rng.choice(("", "n", "r", "st"), p=(0.7, 0.1, 0.1, 0.1))
        for _ in range(rng.integers(1, 5))
    )
    form = rng.integers(5)
    return (word, word, word.capitalize(), word.upper(), str(rng.integers(0, 10000)))[form]


def draw_words(rng, canvas, blocks):
    size = canvas.size[0]
    for _ in range(blocks):
        font = ImageFont.truetype(FONTS[rng.integers(len(FONTS))], int(math.exp(rng.uniform(math.log(14), math.log(80)))),
                                  layout_engine=ImageFont.Layout.BASIC)
        words = [invented_word(rng) for _ in range(140)]
        lines = [" ".join(words[k : k + 7]) for k in range(0, len(words), 7)]
        block = Image.new("L", (size, size), 0)
        ImageDraw.Draw(block).multiline_text((rng.integers(-40, size // 2), rng.integers(-40, size // 2)), "\n".join(lines), font=font, fill=255)
        if rng.random() < 0.5:
            block = block.rotate(rng.choice((rng.uniform(-8, 8), rng.uniform(-90, 90))), resample=Image.BICUBIC)
        below = numpy.asarray(canvas).mean()
        ink = below + rng.uniform(40, 230) * (-1 if rng.random() < below / 255 else 1)
        canvas.paste(int(numpy.clip(ink, 0, 255)), (0, 0), block)


def draw_text(rng, size):
    paper = rng.uniform(120, 255)
    canvas = Image.fromarray(numpy.round(paper - rng.uniform(0, 30) * power_law_noise(rng, size, 2.0)).clip(0, 255).astype(numpy.uint8))
    draw_words(rng, canvas, int(rng.integers(1, 3)))
    left, top, right, bottom = (int(v) for v in rng.uniform((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1)) * size)
    ImageDraw.Draw(canvas).rectangle((left, top, right, bottom), outline=int(rng.integers(0, 100)), width=int(rng.integers(1, 8)))
    return ImageChops.invert(canvas) if rng.random() < 0.3 else canvas


def draw_lines(rng, size):
    canvas = painted(rng, texture(rng, size))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(3, 9))):
        ink, width = int(rng.integers(0, 256)), int(rng.integers(1, 7))
        cx, cy = rng.uniform(0, size, 2)
        step = rng.uniform(2.2, 8) * width
        kind = rng.integers(5)
        if kind == 0:  # fan
            for angle in numpy.arange(0, 2 * math.pi, rng.uniform(0.04, 0.25)):
                draw.line((cx, cy, cx + size * math.cos(angle), cy + size * math.sin(angle)), fill=ink, width=width)
        elif kind == 1:  # rings
            for radius in numpy.arange(step, rng.uniform(0.2, 0.7) * size, step):
                draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), outline=ink, width=width)
        elif kind == 2:  # hatching or grid
            angle, reach = rng.uniform(0, math.pi), rng.uniform(0.1, 0.5) * size
            for angle in (angle, angle + math.pi / 2)[: rng.integers(1, 3)]:
                ux, uy = math.cos(angle), math.sin(angle)
                for offset in numpy.arange(-reach, reach, step):
                    px, py = cx - uy * offset, cy + ux * offset
                    draw.line((px - ux * reach, py - uy * reach, px + ux * reach, py + uy * reach), fill=ink, width=width)
        elif kind == 3:  # waves
            t = numpy.linspace(0, size, 160)
            phase, period, height = rng.uniform(0, 6.3), rng.uniform(20, 200), rng.uniform(5, 60)
            for offset in range(int(rng.integers(1, 10))):
                wave = cy + offset * 3 * width + height * numpy.sin(2 * math.pi * t / period + phase)
                draw.line(list(zip(t.tolist(), wave.tolist())), fill=ink, width=width, joint="curve")
        else:  # strokes
            for _ in range(int(rng.integers(5, 40))):
                draw.line(rng.uniform(0, size, 4).tolist(), fill=int(rng.integers(0, 256)), width=width)
    return canvas


def draw_julia(rng, size):
    # c just outside the boundary of the main cardioid: connected or nearly so, with detail everywhere.
    angle = rng.uniform(0, 2 * math.pi)
    c = (0.5 * numpy.exp(1j * angle) - 0.25 * numpy.exp(2j * angle)) * rng.uniform(1.01, 1.12)
    zoom, turn = rng.uniform(0.35, 1.5), numpy.exp(1j * rng.uniform(0, 2 * math.pi))
    y, x = numpy.mgrid[0:size, 0:size] / size - 0.5
    z = (2 * zoom * turn * (x + 1j * y) + complex(*rng.uniform(-0.4, 0.4, 2))).astype(numpy.complex64)
    time = numpy.full((size, size), 60.0, numpy.float32)
    alive = numpy.ones((size, size), bool)
    for step in range(60):
        z[alive] = z[alive] ** 2 + numpy.complex64(c)
        square = z.real**2 + z.imag**2
        out = alive & (square > 64)
        time[out] = step + 1 - numpy.log2(0.5 * numpy.log2(square[out]))
        alive &= ~out
    bands = 0.5 + 0.5 * numpy.sin(time * rng.uniform(0.15, 1.2) + rng.uniform(0, 6.3))
    return painted(rng, numpy.where(alive, texture(rng, size), bands))


DRAW = {"leaves": draw_leaves, "text": draw_text, "lines": draw_lines, "julia": draw_julia}


def render(seed, index):
    """Picture `index` of the series `seed`: SIZE x SIZE, mode "L"."""
    rng = numpy.random.Generator(numpy.random.PCG64(numpy.random.SeedSequence([seed, index])))
    picture = DRAW[KINDS[index % len(KINDS)]](rng, 2 * SIZE)
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    return picture.resize((SIZE, SIZE), Image.BOX if rng.random() < 0.5 else Image.LANCZOS)


def shrink(picture, scale, area=False):
    """The low-resolution picture: by bicubic filtering (a = -1/2, widened by the scale), or by area; 8 bits."""
    size = (picture.width // scale, picture.height // scale)
    return picture.resize(size, Image.BOX if area else Image.BICUBIC)
