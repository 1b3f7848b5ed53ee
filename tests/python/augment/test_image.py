"""Images: against float64 references, scipy.ndimage, and what the documentation says."""

import json
import pickle

import numpy as np
import pytest
from scipy import ndimage

import tamis.augment.image as ti
from tamis.augment import Compose, OneOf, SomeOf, from_dict
from tamis.exceptions import DataError, ParameterError, ShapeError

SCIPY = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect",
         "mirror": "mirror", "wrap": "grid-wrap"}  # fmt: skip

EVERY = [
    ti.Rotate((-30, 30)), ti.Scale(), ti.Translate((-5, 5), (-5, 5)), ti.Shear(),
    ti.Affine((-20, 20), (0.8, 1.2), (-4, 4), (-5, 5)), ti.HorizontalFlip(), ti.VerticalFlip(),
    ti.RandomCrop(16, 20), ti.RandomResizedCrop(16, 20), ti.Pad((0, 4), 2, 3, 1), ti.Perspective(),
    ti.ElasticTransform(20, 3), ti.GridDistortion(), ti.Resize(17, 19), ti.BrightnessContrast(),
    ti.Gamma(), ti.HueSaturation(), ti.ColorJitter(), ti.Grayscale(), ti.Equalize(), ti.CLAHE(),
    ti.Posterize((2, 6)), ti.Solarize(), ti.Sharpen(), ti.GaussianBlur(), ti.MotionBlur(),
    ti.GaussianNoise(), ti.SaltPepper(), ti.JpegCompression(), ti.CoarseDropout(), ti.Normalize(),
]  # fmt: skip


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def smooth(rng, shape):
    """An image with structure."""
    x = ndimage.gaussian_filter(rng.normal(size=shape), (3, 3, 0))
    return np.round(np.clip(128 + x * 700, 0, 255)).astype(np.uint8)


def rotated(image, angle, border, fill):
    """Rotate counter-clockwise about (W-1)/2 in float64."""
    h, w, _ = image.shape
    a = np.deg2rad(angle)
    rows, columns = np.mgrid[:h, :w].astype(float)
    x, y = columns - (w - 1) / 2, rows - (h - 1) / 2
    # Back from the result: clockwise on screen, whose rows grow downwards.
    sx = np.cos(a) * x - np.sin(a) * y + (w - 1) / 2
    sy = np.sin(a) * x + np.cos(a) * y + (h - 1) / 2
    options = {"order": 1, "mode": SCIPY[border], "cval": fill, "prefilter": False}
    planes = [
        ndimage.map_coordinates(image[..., k].astype(float), [sy, sx], **options)
        for k in range(image.shape[2])
    ]
    return np.stack(planes, -1)


@pytest.mark.parametrize("border", SCIPY)
def test_rotations_are_those_of_float64_borders_included(rng, border):
    image = smooth(rng, (150, 170, 3))
    t = ti.Rotate(27.3, border=border, fill=77)
    expected = rotated(image, 27.3, border, 77)
    exact = t([image])[0] == np.rint(expected)
    assert exact.mean() >= 0.9999
    floats = t([image.astype(np.float32) / 255])[0]
    other = ti.Rotate(27.3, border=border, fill=77 / 255)([image.astype(np.float32) / 255])[0]
    assert floats.shape == image.shape
    np.testing.assert_allclose(other, expected / 255, atol=2e-6)


def test_quarter_turns_and_flips_move_pixels_whole(rng):
    square = rng.integers(0, 256, (9, 9, 3), np.uint8)
    wide = rng.integers(0, 256, (5, 8, 4), np.uint8)
    for k in (1, 2, 3):
        np.testing.assert_array_equal(ti.Rotate(90 * k)([square])[0], np.rot90(square, k))
    np.testing.assert_array_equal(ti.Rotate(180)([wide])[0], np.rot90(wide, 2))
    for c in (1, 2, 3, 4):
        image = rng.integers(0, 256, (5, 8, c), np.uint8)
        np.testing.assert_array_equal(ti.HorizontalFlip(p=1)([image])[0], image[:, ::-1])
        np.testing.assert_array_equal(ti.VerticalFlip(p=1)([image])[0], image[::-1])
    moved = ti.Translate(2, -1, fill=9)([wide])[0]
    np.testing.assert_array_equal(moved[:-1, 2:], wide[1:, :-2])
    assert (moved[-1] == 9).all() and (moved[:, :2] == 9).all()


def test_tables_are_exact_and_fuse(rng):
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    x = image.astype(float)
    cases = [
        (ti.BrightnessContrast(0.1, -0.3), x * 0.7 + 25.5),
        (ti.Gamma(1.7), 255 * (x / 255) ** 1.7),
        (ti.Posterize(3), np.floor(x / 32) * 32),
        (ti.Solarize(0.5), np.where(x >= 127.5, 255 - x, x)),
    ]
    for t, expected in cases:
        np.testing.assert_array_equal(t([image])[0], np.rint(np.clip(expected, 0, 255)))
        floats = t([(x / 255).astype(np.float32)])[0]
        close = np.abs(floats * 255 - np.clip(expected, 0, 255)) < 1e-3
        assert close.mean() > 0.95  # at the edges of a level, a float may fall on the other side
    one = x
    for t, _ in cases:
        one = t([one.astype(np.uint8)])[0]
    np.testing.assert_array_equal(Compose([t for t, _ in cases])([image])[0], one)


def test_blur_is_scipys(rng):
    image = smooth(rng, (80, 90, 3))
    for sigma in (0.7, 2.0):
        radius = int(np.ceil(3 * sigma))
        expected = ndimage.gaussian_filter(
            image.astype(float), (sigma, sigma, 0), mode="mirror", radius=(radius, radius, 0)
        )
        assert (ti.GaussianBlur(sigma)([image])[0] == np.rint(expected)).mean() >= 0.998


def test_noise_has_its_law(rng):
    from scipy import stats

    image = np.full((256, 256, 3), 0.5, np.float32)
    z = (ti.GaussianNoise(0.1)([image])[0] - 0.5).ravel() / 0.1
    assert stats.kstest(z.astype(float), "norm").pvalue > 1e-4
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 0.01 and np.abs(z).max() > 4
    out = ti.SaltPepper(0.2)([np.full((200, 200, 3), 99, np.uint8)])[0]
    assert abs((out == 255).mean() - 0.1) < 0.01 and abs((out == 0).mean() - 0.1) < 0.01


def test_normalize_writes_planes_into_a_buffer(rng):
    images = rng.integers(0, 256, (3, 20, 24, 3), np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = ((images / 255 - mean) / std).transpose(0, 3, 1, 2)
    out = np.empty((3, 3, 20, 24), np.float32)
    assert ti.Normalize(mean, std, channels_first=True)(images, out=out) is out
    np.testing.assert_allclose(out, expected, atol=3e-7)
    np.testing.assert_allclose(
        ti.Normalize(mean, std)(images), expected.transpose(0, 2, 3, 1), atol=3e-7
    )


@pytest.mark.parametrize("t", EVERY, ids=lambda t: type(t).__name__)
def test_every_operation_takes_every_kind_of_image(rng, t):
    for c in (None, 1, 2, 3, 4):
        for dtype in (np.uint8, np.float32):
            shapes = [(24, 30), (31, 23)]
            images = [rng.random(s if c is None else (*s, c)) for s in shapes]
            images = [(x * 255 if dtype == np.uint8 else x).astype(dtype) for x in images]
            for x in images:
                x.setflags(write=False)
            before = [x.copy() for x in images]
            made = t(images, epoch=3)
            assert [m.ndim for m in made] == [x.ndim for x in images]
            expected = np.float32 if isinstance(t, ti.Normalize) else dtype
            assert all(m.dtype == expected and np.isfinite(m).all() for m in made)
            for x, b in zip(images, before, strict=True):
                np.testing.assert_array_equal(x, b)
            if c in (2, 4) and not isinstance(t, ti.Normalize) and made[0].shape == images[0].shape:
                assert made[0].shape[2] == c
    again = from_dict(json.loads(json.dumps(t.to_dict())))
    assert again == t == pickle.loads(pickle.dumps(t)) and repr(again) == repr(t)
    assert all("type" in r for r in json.loads(json.dumps(t.replay(3))))


def test_an_item_is_the_same_on_any_threads_and_batches(rng):
    images = rng.integers(0, 256, (9, 20, 22, 3), np.uint8)
    steps = [t for t in EVERY if not isinstance(t, ti.Normalize | ti.RandomCrop | ti.Pad)]
    t = Compose([OneOf(steps[:5]), SomeOf(steps[11:], (2, 4), replace=True), steps[3]], seed=5)
    whole = t(images, epoch=2, n_jobs=1)
    for n_jobs in (2, 3):
        for a, b in zip(whole, t(images, epoch=2, n_jobs=n_jobs), strict=True):
            np.testing.assert_array_equal(a, b)
    again = from_dict(t.to_dict())
    for i in range(9):
        np.testing.assert_array_equal(again(images[i : i + 1], epoch=2, first=i)[0], whole[i])
    other = t(images, epoch=3)
    assert any(a.shape != b.shape or (a != b).any() for a, b in zip(whole, other, strict=True))


def test_layouts_and_containers(rng):
    images = rng.integers(0, 256, (4, 20, 22, 3), np.uint8)
    t = ti.Rotate((-20, 20))
    expected = t(images)
    first = Compose([t], channels_first=True)
    plain = Compose([t])(images)
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(first(planes).transpose(0, 2, 3, 1), plain)
    np.testing.assert_array_equal(first(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1), plain)
    assert isinstance(t(list(images)), list) and isinstance(t(tuple(images)), tuple)
    np.testing.assert_array_equal(np.stack(t(list(images))), expected)
    out = np.empty_like(images)
    assert t(images, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert t(images[:0]).shape[0] == 0 and t([]) == []
    grey = images[..., 0]
    assert t(grey).shape == grey.shape
    with pytest.raises(ParameterError, match="memory"):
        t(images, out=images)
    with pytest.raises(ShapeError, match="out must be"):
        t(images, out=np.empty((1, 2, 3, 3), np.uint8))


def test_targets_follow(rng):
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)
    mask = (np.arange(2400).reshape(40, 60) * 1000).astype(np.int64)
    boxes, points = np.array([[10, 5, 20, 15], [50, 30, 60, 40]]), np.array([[0, 0], [12, 7.5]])
    call = {"masks": [mask], "bboxes": [boxes], "keypoints": [points], "labels": [["a", "b"]]}
    made = ti.HorizontalFlip(p=1)([image], **call)
    np.testing.assert_array_equal(made["masks"][0], mask[:, ::-1])
    np.testing.assert_allclose(made["bboxes"][0], [[40, 5, 50, 15], [0, 30, 10, 40]])
    np.testing.assert_allclose(made["keypoints"][0], [[59, 0], [47, 7.5]])
    assert made["labels"] == [["a", "b"]]
    made = ti.Translate(6, 0)([image], **call)
    np.testing.assert_allclose(made["bboxes"][0], [[16, 5, 26, 15], [56, 30, 60, 40]])
    made = Compose([ti.Translate(6, 0)], min_visibility=0.5)([image], **call)
    assert made["labels"] == [["a"]] and len(made["bboxes"][0]) == 1
    none = ti.Translate(6, 0)([image], bboxes=[[]], labels=[[]])
    assert none["bboxes"][0].shape == (0, 4) and none["labels"] == [[]]


@pytest.mark.parametrize("t", EVERY[:14], ids=lambda t: type(t).__name__)
def test_points_land_where_their_pixels_do(t):
    # A bright spot is found again where its keypoint says, and its mask lies on it.
    image = np.zeros((60, 80, 1), np.float32)
    image[28:33, 36:41] = 1
    for epoch in range(3):
        made = t([image], keypoints=[[[38, 30]]], masks=[(image[..., 0] > 0).astype(np.uint8)],
                 bboxes=[[[36, 28, 41, 33]]], epoch=epoch)  # fmt: skip
        spot = made["images"][0][..., 0].astype(float)
        if isinstance(t, ti.RandomCrop | ti.RandomResizedCrop) and spot.sum() < 1:
            continue
        inside = spot[1:-1, 1:-1].sum() == spot.sum()
        if not inside or spot.sum() < 4:
            continue
        found = [(spot * g).sum() / spot.sum() for g in np.mgrid[: spot.shape[0], : spot.shape[1]]]
        np.testing.assert_allclose(made["keypoints"][0][0], found[::-1], atol=0.6)
        box = made["bboxes"][0][0]
        assert box[0] - 0.6 <= found[1] + 0.5 <= box[2] + 0.6
        assert np.abs((made["masks"][0] > 0) - spot).max() <= 0.8


def test_heat_maps_are_linear_and_fused_steps_near(rng):
    image = smooth(rng, (64, 64, 1))
    t = [ti.Rotate(10), ti.Scale(1.1), ti.Shear(5)]
    linear = Compose([t[0]], mask_interpolation="linear")
    made = linear([image], masks=[image[..., 0].astype(np.float32)])
    np.testing.assert_allclose(made["masks"][0], made["images"][0][..., 0], atol=0.51)
    apart, fused = Compose(t)([image])[0], Compose(t, fuse=True)([image])[0]
    inner = np.abs(apart.astype(int) - fused)[16:-16, 16:-16]
    assert 0 < inner.max() < 25


def test_wrong_parameters_and_images_are_named(rng):
    for bad, name in [
        (lambda: ti.Rotate((5, -5)), "angle"),
        (lambda: ti.Rotate(float("nan")), "angle"),
        (lambda: ti.Rotate("x"), "angle"),
        (lambda: ti.Rotate(5, border="no"), "border"),
        (lambda: ti.Posterize(2.5), "bits"),
        (lambda: ti.GaussianNoise(-1), "std"),
        (lambda: ti.HorizontalFlip(p=2), "p must"),
        (lambda: Compose([]), "transforms"),
        (lambda: Compose([ti.Grayscale()], seed=-1), "seed"),
        (lambda: OneOf([ti.Grayscale()], weights=[1, 2]), "weights"),
        (lambda: from_dict({"type": "image.Nope"}), "Nope"),
        (lambda: from_dict({"type": "image.Rotate", "angles": 3}), "angles"),
        (lambda: ti.Rotate()([np.zeros((4, 4, 3), np.uint8)], spans=[1]), "spans"),
    ]:
        with pytest.raises(ParameterError, match=name):
            bad()
    good = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(DataError, match="image 1"):
        ti.Rotate()([good, good.astype(int)])
    with pytest.raises(ShapeError, match="image 1"):
        ti.Rotate()([good, np.zeros((4, 4, 5), np.uint8)])
    with pytest.raises(ShapeError, match=r"image 0.*pad it"):
        ti.RandomCrop(8, 8)([good])
    with pytest.raises(ShapeError, match="mask"):
        ti.Rotate()([good], masks=[np.zeros((3, 3))])


def test_a_preview_is_drawn(rng):
    images = [smooth(rng, (40, 50, 3)), smooth(rng, (30, 30, 1))]
    fig = Compose([ti.Rotate(), ti.HorizontalFlip()]).preview(images, n=2)
    assert len(fig.axes) == 6


@pytest.mark.parametrize(
    "t", [ti.RandAugment(), ti.TrivialAugment(), ti.AugMix()], ids=lambda t: type(t).__name__
)
def test_policies(rng, t):
    images = rng.integers(0, 256, (8, 24, 24, 3), np.uint8)
    whole = Compose([t], seed=3)(images)
    assert whole.shape == images.shape and whole.dtype == np.uint8 and (whole != images).any()
    np.testing.assert_array_equal(Compose([t], seed=3)(images[5:6], first=5)[0], whole[5])
    assert from_dict(json.loads(json.dumps(t.to_dict()))) == t
    assert json.loads(json.dumps(t.replay(1)))
    if isinstance(t, ti.AugMix):
        with pytest.raises(ParameterError, match="mix"):
            for epoch in range(20):
                t(images[:1], bboxes=[[[0, 0, 4, 4]]], epoch=epoch)


@pytest.mark.parametrize("t", [ti.MixUp(0.4), ti.CutMix(), ti.Mosaic()], ids=repr)
def test_mixed_labels_are_what_is_seen(t):
    # Each image is of one value, so its share can be counted.
    n, values = 6, np.array([0, 40, 80, 120, 160, 200], np.float32) / 255
    images = np.broadcast_to(values[:, None, None, None], (n, 20, 30, 3)).astype(np.float32)
    made = t(images, labels=np.eye(n), epoch=2)
    labels = made["labels"]
    np.testing.assert_allclose(labels.sum(axis=1), 1)
    assert ((labels > 0) & (labels < 1)).any()
    np.testing.assert_allclose(made["images"].mean(axis=(1, 2, 3)), labels @ values, atol=1e-5)
    again = from_dict(json.loads(json.dumps(t.to_dict())))
    np.testing.assert_array_equal(again(images, epoch=2), made["images"])
    assert t.replay(2)[0]["type"].startswith("image.")
    with pytest.raises(ShapeError, match="one-hot"):
        t(images, labels=np.arange(n))
