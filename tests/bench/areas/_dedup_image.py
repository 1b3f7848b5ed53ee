"""Duplicates among images: copies that were turned, mirrored, resized and compressed anew."""

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np

from . import Row

#: Images of each kind; every image gets three copies.
COUNTS = {"crop": 170, "field": 110, "scene": 90, "page": 70, "window": 60}
WORDS = ["data", "sieve", "row", "the", "of", "near", "copy", "light", "turn", "old", "river", "a"]


def photos():
    """Return the photographs that scikit-learn and scikit-image ship."""
    import skimage.data as shipped
    from PIL import Image
    from sklearn.datasets import load_sample_images

    names = (
        "astronaut",
        "coffee",
        "chelsea",
        "rocket",
        "hubble_deep_field",
        "immunohistochemistry",
    )
    arrays = [*load_sample_images().images, *(getattr(shipped, name)() for name in names)]
    return [Image.fromarray(a) for a in arrays]


def size(rng):
    """Return a width and height from 640 x 480 to 1600 x 1200, upright or lying."""
    w = int(rng.integers(640, 1601))
    h = int(min(1200, max(480, w / rng.choice([4 / 3, 3 / 2, 16 / 9, 1.0]))))
    return (w, h) if rng.random() < 0.75 else (h, w)


def crops(rng, n):
    """Return crops of photographs; two of one photograph are shifted by a tenth or more."""
    from PIL import Image

    out, sources = [], photos()
    taken = {k: [] for k in range(len(sources))}
    while len(out) < n:
        k = int(rng.integers(len(sources)))
        photo = sources[k]
        (w, h), share = photo.size, rng.uniform(0.35, 0.8)
        cw, ch = int(w * share), int(h * share)
        x, y = int(rng.integers(0, w - cw + 1)), int(rng.integers(0, h - ch + 1))
        box = np.array([x / cw, y / ch, np.log(share)])
        if any(np.abs(box - other).max() < 0.1 for other in taken[k]):
            continue
        taken[k].append(box)
        wide = size(rng)[0]
        out.append(
            photo.crop((x, y, x + cw, y + ch)).resize((wide, wide * ch // cw), Image.BICUBIC)
        )
    return out


def field(rng, w, h, power):
    """Return a colour field whose energy falls with frequency, as in nature."""
    from PIL import Image

    fy, fx = np.fft.fftfreq(240)[:, None], np.fft.rfftfreq(320)[None, :]
    fall = 1 / np.maximum(np.hypot(fx, fy), 1 / 320) ** power
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(3, 240, 320))) * fall, s=(240, 320))
    noise /= noise.std(axis=(1, 2), keepdims=True)
    mixed = np.tensordot(rng.normal(size=(3, 3)) * 0.3 + 0.4, noise, 1)
    slope = rng.normal(size=(3, 2)) * 0.8
    mixed += slope[:, :1, None] * np.linspace(-1, 1, 240)[:, None]
    mixed += slope[:, 1:, None] * np.linspace(-1, 1, 320)
    pixels = np.clip(rng.uniform(70, 180, (3, 1, 1)) + 45 * mixed, 0, 255).astype(np.uint8)
    return Image.fromarray(np.moveaxis(pixels, 0, 2)).resize((w, h), Image.BICUBIC)


def objects(rng, image, n):
    """Draw some shapes into an image."""
    from PIL import ImageDraw

    draw, (w, h) = ImageDraw.Draw(image), image.size
    for _ in range(n):
        r = rng.uniform(0.06, 0.22) * min(w, h)
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        kind = rng.integers(3)
        if kind == 0:
            draw.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=colour)
        elif kind == 1:
            draw.rectangle((x - r, y - r * 0.5, x + r, y + r * 0.5), fill=colour)
        else:
            draw.polygon([(x + r * np.cos(a), y + r * np.sin(a)) for a in rng.uniform(0, 6.3, 4)],
                         fill=colour)  # fmt: skip
    return image


def fields(rng, n):
    """Return fields of their own, half of them with shapes."""
    out = []
    for k in range(n):
        image = field(rng, *size(rng), rng.uniform(1.0, 2.2))
        out.append(objects(rng, image, int(rng.integers(3, 12))) if k % 2 else image)
    return out


def scenes(rng, n):
    """Return scenes, three to a background, that differ in what stands before it."""
    out = []
    for _ in range(n // 3):
        background = field(rng, *size(rng), 1.8)
        out += [objects(rng, background.copy(), int(rng.integers(2, 6))) for _ in range(3)]
    return out


def lines(rng, draw, box, step, font):
    """Fill a box with lines of words."""
    left, top, right, bottom = box
    for y in np.arange(top, bottom, step):
        text = " ".join(rng.choice(WORDS, 30))
        while draw.textlength(text, font) > right - left:
            text = text[:-4]
        draw.text((left, y), text, fill=(20, 20, 20), font=font)


def pages(rng, n):
    """Return pages of text in few layouts, each page with text of its own."""
    from PIL import Image, ImageDraw, ImageFont

    out = []
    for k in range(n):
        image = Image.new("RGB", (900, 1200), (250, 249, 246))
        draw, font = ImageDraw.Draw(image), ImageFont.load_default((16, 20, 24, 18)[k % 4])
        if k % 2:
            lines(rng, draw, (80, 100, 430, 1100), 30, font)
            lines(rng, draw, (470, 100, 820, 1100), 30, font)
        else:
            lines(rng, draw, (90, 120, 810, 1080), 36, font)
        out.append(image)
    return out


def windows(rng, n):
    """Return screenshots of one program: the same frame and menu, other content."""
    from PIL import Image, ImageDraw, ImageFont

    out, font = [], ImageFont.load_default(18)
    for _ in range(n):
        image = Image.new("RGB", (1280, 800), (244, 245, 247))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, 1280, 48), fill=(45, 62, 90))
        draw.rectangle((0, 48, 220, 800), fill=(226, 230, 236))
        for k, word in enumerate(WORDS[:12]):
            draw.text((24, 70 + 44 * k), word, fill=(40, 40, 40), font=font)
        lines(rng, draw, (250, 80, 760, 440), 26, font)
        for k, high in enumerate(rng.uniform(20, 300, 8)):
            draw.rectangle((800 + 55 * k, 420 - high, 840 + 55 * k, 420), fill=(70, 120, 180))
        out.append(image)
        image.paste(field(rng, 960, 300, 1.6), (260, 470))
    return out


def copy(rng, image, path):
    """Save a copy, turned one of eight ways, resized and compressed anew."""
    from PIL import Image

    turned = (
        image.transpose(Image.Transpose(int(rng.integers(7)))) if rng.random() < 0.875 else image
    )
    scale = rng.uniform(0.4, 1.3) if rng.random() < 0.7 else 1.0
    w, h = (max(1, round(side * scale)) for side in turned.size)
    how = (Image.LANCZOS, Image.BICUBIC, Image.BILINEAR)[int(rng.integers(3))]
    turned.resize((w, h), how).save(path, quality=int(rng.integers(40, 96)))


def files(rng, folder, makers, counts):
    """Write the images and three copies of each; return the paths, shuffled, and what they show."""
    paths, shown = [], []
    for kind, n in counts.items():
        for image in makers[kind](rng, n):
            own = len(paths)
            for k in range(4):
                path = Path(folder, f"{own + k}.jpg")
                if k == 0:
                    image.save(path, quality=90)
                else:
                    copy(rng, image, path)
                paths.append(str(path))
                shown.append(own)
    order = rng.permutation(len(paths))
    return [paths[i] for i in order], np.array(shown)[order]


MAKERS = {"crop": crops, "field": fields, "scene": scenes, "page": pages, "window": windows}


def corpus(rng):
    """Return 2,000 JPEG files and what each shows; the files go when the benchmark ends."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return files(rng, folder, MAKERS, COUNTS)


def tamis(threads):
    from tamis.dedup import ImageDeduplicator

    step = ImageDeduplicator(n_jobs=threads)

    def call(data):
        pairs = step.fit(data[0]).duplicates_.pairs
        return pairs["left"].to_numpy(), pairs["right"].to_numpy()

    return call


def imagehash(threads):
    import imagehash
    from PIL import Image

    def call(data):
        # Plain dHash as its users write it, and the pairs within 8 bits: it knows no orientation.
        hashes = [imagehash.dhash(Image.open(path)).hash.ravel() for path in data[0]]
        bits = np.array(hashes, dtype=np.float32)
        apart = bits @ (1 - bits).T
        return np.nonzero(np.triu(apart + apart.T <= 8, 1))

    return call


def agreement(data, pairs):
    """Return the harmonic mean of recall and precision over all pairs of copies."""
    shown = data[1]
    n_true = sum(c * (c - 1) // 2 for c in np.unique(shown, return_counts=True)[1])
    right = int((shown[pairs[0]] == shown[pairs[1]]).sum())
    return 2 * right / (n_true + len(pairs[0]))


ROWS = [
    Row(
        "2,000 JPEGs with turned, resized, recompressed copies",
        corpus,
        {"tamis": tamis, "imagehash": imagehash},
        agreement,
        "F1",
    )
]
