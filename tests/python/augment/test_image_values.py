"""Values of images against slow and obvious references."""

import colorsys
import io
import os
import signal
import threading
import time

import numpy as np
import pytest
from scipy import ndimage

import tamis.augment.image as ti
from tamis.augment import Compose


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def colours(rng):
    image = rng.integers(0, 256, (20, 33, 3), np.uint8)
    image[0] = image[0, :, :1]  # greys
    image[1, :9] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255],
                    [255, 0, 255], [0, 0, 0], [255, 255, 255], [9, 9, 8]]  # fmt: skip
    return image


def smooth(rng, shape):
    x = ndimage.gaussian_filter(rng.normal(size=shape), (2, 2, 0)[: len(shape)])
    return np.round(np.clip(128 + x * 300, 0, 255)).astype(np.uint8)


def turned(rgb, turn, saturation, value):
    h, s, v = colorsys.rgb_to_hsv(*rgb)
    return colorsys.hsv_to_rgb((h + turn) % 1, min(s * saturation, 1), min(v * value, 1))


def luma(x):
    return x @ np.array([0.299, 0.587, 0.114])


def near(made, expected):
    """Whether bytes are those of a float64 reference, but where that lies between two of them."""
    assert np.abs(made - np.clip(expected, 0, 255)).max() < 0.51


@pytest.mark.parametrize("hue", [0, 75, -120.5])
def test_hue_and_saturation_are_colorsys(colours, hue):
    made = ti.HueSaturation(hue, 0.25, -0.1)([colours])[0]
    flat = (colours / 255).reshape(-1, 3)
    expected = [turned(x, hue / 360, 1.25, 0.9) for x in flat]
    near(made, np.reshape(expected, colours.shape) * 255)
    floats = ti.HueSaturation(hue, 0.25, -0.1)([(colours / 255).astype(np.float32)])[0]
    np.testing.assert_allclose(floats, np.reshape(expected, colours.shape), atol=2e-6)


def test_jitter_is_its_four_steps(colours):
    made = ti.ColorJitter(1.2, 0.7, 1.5, 0.1)([colours])[0]
    x = np.clip(colours / 255 * 1.2, 0, 1)
    x = np.clip(x * 0.7 + luma(x).mean() * 0.3, 0, 1)
    x = np.clip(x * 1.5 - luma(x)[..., None] * 0.5, 0, 1)
    near(made, np.reshape([turned(p, 0.1, 1, 1) for p in x.reshape(-1, 3)], x.shape) * 255)
    near(ti.Grayscale()([colours])[0], np.repeat(luma(colours)[..., None], 3, 2))


def test_equalized_counts(rng):
    image = smooth(rng, (50, 60, 3)) // 2 + 30
    made = ti.Equalize()([image])[0]
    for k in range(3):
        counts = np.bincount(image[..., k].ravel(), minlength=256)
        seen, least = counts.cumsum(), counts[counts > 0][0]
        table = np.maximum(seen - least, 0) / (seen[-1] - least) * 255
        np.testing.assert_array_equal(made[..., k], np.rint(table)[image[..., k]])


def test_clahe_of_one_and_of_four_tiles(rng):
    image = smooth(rng, (48, 64))

    def table(tile):
        counts = np.bincount(tile.ravel(), minlength=256).astype(float)
        most = max(2.0 * tile.size / 256, 1)
        kept = np.minimum(counts, most) + np.maximum(counts - most, 0).sum() / 256
        return kept.cumsum() / tile.size * 255

    near(ti.CLAHE(2.0, tiles=1)([image])[0], table(image)[image])
    tables = np.array(
        [[table(image[24 * r :, 32 * k :][:24, :32]) for k in (0, 1)] for r in (0, 1)]
    )
    expected = np.empty(image.shape)
    for y, x in np.ndindex(image.shape):
        fy = min(max((y + 0.5) / 24 - 0.5, 0), 1)
        fx = min(max((x + 0.5) / 32 - 0.5, 0), 1)
        v = tables[:, :, image[y, x]]
        expected[y, x] = np.array([1 - fy, fy]) @ v @ np.array([1 - fx, fx])
    near(ti.CLAHE(2.0, tiles=2)([image])[0], expected)


def test_sharpened_is_a_convolution(rng):
    image = smooth(rng, (30, 40))
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]) * 0.4
    expected = image + ndimage.convolve(image.astype(float), kernel, mode="mirror")
    near(ti.Sharpen(0.4)([image])[0], expected)


@pytest.mark.parametrize("angle", [0, 90, 33])
def test_motion_is_the_mean_along_a_line(rng, angle):
    image = smooth(rng, (40, 50)).astype(float)
    made = ti.MotionBlur(7, angle)([image.astype(np.uint8)])[0]
    a, t = np.deg2rad(angle), (np.arange(28) + 0.5) / 28 - 0.5
    y, x = np.mgrid[:40, :50]
    places = [(y - k * 6 * np.sin(a), x + k * 6 * np.cos(a)) for k in t]
    read = [ndimage.map_coordinates(image, p, order=1, mode="mirror") for p in places]
    near(made, np.mean(read, axis=0))


def test_jpeg_and_sizes_are_those_of_pillow(rng):
    pillow = pytest.importorskip("PIL.Image")
    image = smooth(rng, (48, 64, 3))
    file = io.BytesIO()
    pillow.fromarray(image).save(file, "jpeg", quality=60, subsampling=0)
    expected = np.asarray(pillow.open(file)).astype(int)
    made = ti.JpegCompression(60)([image])[0].astype(int)
    lost = np.abs(expected - image).mean()
    assert 0.5 * lost < np.abs(made - image).mean() < 1.5 * lost
    plane = image[..., 0].astype(np.float32)
    for h, w in [(20, 31), (100, 90), (48, 10)]:
        expected = np.asarray(pillow.fromarray(plane).resize((w, h), pillow.Resampling.BILINEAR))
        np.testing.assert_allclose(ti.Resize(h, w)([plane])[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    "t", [ti.ElasticTransform(60, 4), ti.GridDistortion(), ti.Perspective()], ids=repr
)
def test_bent_images_are_read_where_their_coordinates_are(rng, t):
    # Coordinates are linear, so that what is read between them is the place itself.
    y, x = np.mgrid[:60, :80].astype(np.float32)
    image = smooth(rng, (60, 80)).astype(np.float32)
    bent = Compose([t])
    for epoch in range(3):
        ys, xs, made = (bent([p], epoch=epoch)[0] for p in (y, x, image))
        expected = ndimage.map_coordinates(image.astype(float), [ys, xs], order=1, mode="nearest")
        inner = (slice(8, -8), slice(8, -8))
        assert np.abs(ys - y)[inner].max() > 0.3 and np.abs(xs - x)[inner].max() > 0.3
        off = np.abs(made - expected)[inner]
        # Places in single precision: those at the border of the image may be filled.
        assert np.quantile(off, 0.95) < 0.02


def test_six_steps_are_those_of_one_after_the_other(rng):
    images = np.stack([smooth(rng, (40, 50, 3)) for _ in range(5)])
    steps = [
        ti.HorizontalFlip(p=1), ti.Rotate(12), ti.BrightnessContrast(0.1, -0.2),
        ti.HueSaturation(10, 0.1, 0.1), ti.GaussianBlur(1.2), ti.Sharpen(0.3),
    ]  # fmt: skip
    one = images
    for t in steps:
        one = t(one)
    for made in (Compose(steps)(images), np.stack(Compose(steps)(list(images), n_jobs=2))):
        assert np.abs(made.astype(int) - one).max() <= 1


@pytest.mark.parametrize("c", [1, 2, 3, 4])
def test_every_width_comes_out_as_in_single_pixels(rng, c):
    # Lanes end anywhere in a row.
    for w in [1, 2, 5, 15, 16, 17, 33, 70]:
        image = rng.integers(0, 256, (3, w, c), np.uint8)
        np.testing.assert_array_equal(ti.HorizontalFlip(p=1)([image])[0], image[:, ::-1])
        made = ti.Solarize(0.5)([image])[0]
        expected = np.where(image >= 128, 255 - image, image)
        if c in (2, 4):
            expected[..., -1] = image[..., -1]
        np.testing.assert_array_equal(made, expected)
        made = ti.GaussianBlur(0.8)([image])[0]
        blurred = ndimage.gaussian_filter(
            image.astype(float), (0.8, 0.8, 0), mode="mirror", radius=(3, 3, 0)
        )
        colours = c - (c in (2, 4))
        near(made[..., :colours], blurred[..., :colours])
        for first in (False, True):
            made = ti.Normalize(0.4, 0.3, channels_first=first)([image])[0]
            made = made.transpose(1, 2, 0) if first else made
            np.testing.assert_allclose(made, (image / 255 - 0.4) / 0.3, atol=3e-7)


def test_ctrl_c_ends_a_batch():
    images = np.broadcast_to(np.uint8(7), (400, 400, 400, 3))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    start = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        ti.ElasticTransform(50, 20)(list(images), n_jobs=1)
    assert time.monotonic() - start < 5
