"""Images: what shows the same in any turn, and what only looks like it."""

import io
import pickle
import struct
import time
import warnings
import zlib

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_sample_images

from tamis import _core
from tamis.dedup import ImageDeduplicator, duplicate_groups, find_leakage
from tamis.exceptions import DataError, DuplicatesWarning, ParameterError, StoppedError

FORMATS = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"]
#: Orientation tag -> how Pillow turns an upright image so that the tag undoes it.
UNDONE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(seed, size=(320, 240)):
    """Return a smooth picture of its own for each seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encoded(image, format="PNG", **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def turned(array, turn):
    array = array.swapaxes(0, 1) if turn & 4 else array
    array = array[:, ::-1] if turn & 1 else array
    return array[::-1] if turn & 2 else array


def pairs_of(items, **options):
    pairs = ImageDeduplicator(**options).fit(items).duplicates_.pairs
    return list(zip(pairs["left"].tolist(), pairs["right"].tolist(), strict=True))


@pytest.fixture(scope="module")
def photo():
    return Image.fromarray(load_sample_images().images[0])


# --- what is a copy ---------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(8, 90), st.integers(8, 90), st.sampled_from([None, 3, 4]))
def test_all_eight_orientations_are_found_at_distance_zero(seed, w, h, channels):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (h, w) if channels is None else (h, w, channels), dtype=np.uint8)
    copies = [turned(image, turn) for turn in range(8)]
    found = ImageDeduplicator(0).fit(copies).duplicates_
    assert len(found.clusters) == 1
    assert found.n_pairs == 28
    assert (found.pairs["score"] == 1.0).all()
    same = duplicate_groups(copies, kind="image", orientations=False)
    assert len(set(same)) == len({c.tobytes() + str(c.shape).encode() for c in copies})


def test_the_evidence_names_the_turn(photo):
    turns = [None, *UNDONE.values()]
    files = [encoded(photo if t is None else photo.transpose(t), "JPEG") for t in turns]
    pairs = ImageDeduplicator().fit(files).duplicates_.pairs
    words = pairs[pairs["left"] == 0]["evidence"].str.removeprefix("phash+dhash+thumbnail")
    assert words.tolist() == [
        ", mirrored", ", rotated 180", ", mirrored upside down", ", mirrored and rotated 90",
        ", rotated 90", ", mirrored and rotated 90", ", rotated 90",
    ]  # fmt: skip


def test_resized_and_recompressed_copies(photo):
    other = photo.crop((0, 60, 520, 427)).resize(photo.size)
    items = [encoded(photo, "JPEG", quality=92)]
    for side, quality in ((320, 60), (500, 45), (900, 85), (90, 90)):
        copy = photo.resize((side, side * 427 // 640), Image.Resampling.LANCZOS)
        items.append(encoded(copy, "JPEG", quality=quality))
    items += [encoded(photo, f, **({"quality": 90} if f == "WEBP" else {})) for f in FORMATS[1:]]
    items += [encoded(photo, "JPEG", progressive=True), photo, np.asarray(photo) / 255.0]
    items += [np.asarray(photo).astype(np.uint16) * 257, encoded(photo.resize((200, 200)))]
    n = len(items)
    labels = ImageDeduplicator(linkage="connected").fit([*items, other]).duplicates_.labels
    assert labels[:n].tolist() == [0] * n
    assert labels[n] == 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("tag", [1, *UNDONE])
@pytest.mark.parametrize("size", [(300, 420), (90, 60)])
def test_the_orientation_that_cameras_write_is_honoured(format, tag, size):
    upright = scene(3, size)
    stored = upright.transpose(UNDONE[tag]) if tag > 1 else upright
    exif = Image.Exif()
    exif[0x112] = tag
    if format == "TIFF":
        data = encoded(stored, format, tiffinfo={0x112: tag})
    else:
        data = encoded(stored, format, exif=exif, **({"quality": 95} if format != "PNG" else {}))
    items = [data, upright, Image.open(io.BytesIO(data))]
    step = ImageDeduplicator(orientations=False).fit(items)
    assert step.duplicates_.labels.tolist() == [0, 0, 0]


def test_recoloured_and_captioned_images_are_not_copies(photo):
    rgb = np.asarray(photo)
    changed = rgb.copy()
    changed[300:400, 100:400] = 255 - changed[300:400, 100:400]
    items = [rgb, rgb[:, :, ::-1], np.asarray(photo.convert("L")), changed, 255 - rgb]
    assert pairs_of(items) == []


def test_other_scenes_are_not_copies():
    assert pairs_of([scene(seed) for seed in range(60)]) == []


# --- what has nothing to be recognised by -----------------------------------------------------


def test_flat_images_are_paired_only_if_equal():
    white, black = np.full((60, 80), 255, np.uint8), np.zeros((60, 80), np.uint8)
    speck = white.copy()
    speck[10, 20] = 0
    other = white.copy()
    other[11, 20] = 0
    items = [
        white, black, np.full((60, 80), 254, np.uint8), np.full((30, 40), 255, np.uint8), speck,
        other, encoded(Image.fromarray(white)), encoded(Image.fromarray(white), "JPEG"),
        speck[::-1, ::-1], speck.T, np.full((60, 80, 3), 255, np.uint8), np.zeros((1, 1), np.uint8),
    ]  # fmt: skip
    groups = duplicate_groups(items, kind="image").tolist()
    assert groups == [0, 1, 2, 3, 4, 5, 0, 0, 4, 4, 0, 6]
    upright = duplicate_groups(items, kind="image", orientations=False).tolist()
    assert upright == [0, 1, 2, 3, 4, 5, 0, 0, 6, 7, 0, 8]


def test_faint_pictures_of_sixteen_bits_are_told_apart():
    rng = np.random.default_rng(0)
    depth = rng.integers(0, 200, (2, 50, 50)).astype(np.uint16)
    assert duplicate_groups([depth[0], depth[1], depth[0].T], kind="image").tolist() == [0, 1, 0]


def test_what_can_be_seen_through_lies_on_white():
    rng = np.random.default_rng(1)
    rgba = np.dstack([np.asarray(scene(5)), np.zeros((240, 320), np.uint8)])
    rgba[60:180, 80:240, 3] = 255
    laid = np.where(rgba[:, :, 3:] > 0, rgba[:, :, :3], 255).astype(np.uint8)
    noise = rgba.copy()
    noise[:40, :, :3] = rng.integers(0, 256, (40, 320, 3))  # where nothing is seen
    items = [rgba, laid, encoded(Image.fromarray(rgba)), encoded(Image.fromarray(noise))]
    assert duplicate_groups(items, kind="image").tolist() == [0, 0, 0, 0]


# --- the files of the world -------------------------------------------------------------------


def test_modes_of_files(photo):
    grey = photo.convert("L")
    items = {
        "cmyk": encoded(photo.convert("CMYK"), "JPEG", quality=92),
        "rgb": encoded(photo, "JPEG", quality=92),
        "palette": encoded(photo.quantize(256)),
        "4:4:4": encoded(photo, "JPEG", subsampling=0),
        "4:2:2": encoded(photo, "JPEG", subsampling=1),
        "restarts": encoded(photo, "JPEG", restart_marker_blocks=3),
        "optimized": encoded(photo, "JPEG", optimize=True, quality=100),
    }
    greys = {
        "grey JPEG": encoded(grey, "JPEG", quality=95),
        "grey PNG": encoded(grey),
        "16 bits": encoded(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)),
        "alpha": encoded(grey.convert("LA")),
    }
    labels = duplicate_groups([*items.values(), *greys.values()], kind="image").tolist()
    assert labels == [0] * len(items) + [1] * len(greys)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (1, 400), (300, 1), (257, 263), (511, 300)])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_quarter_size_is_that_of_all_pixels(size, progressive):
    image = scene(8, size)
    data = encoded(image, "JPEG", quality=98, progressive=progressive, subsampling=0)
    small = [_core.image_sketches([x], 10**8)[0][0].astype(int) for x in (data, encoded(image))]
    assert np.abs(small[0] - small[1]).mean() < 2
    assert _core.image_sketches([data], 10**8)[1][0].tolist() == list(size)


def huge_png():
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 6, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")):
        out += (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )
    return out


def huge(format):
    if format == "PNG":
        return huge_png()
    data = encoded(scene(0), format)
    if format == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", 50_000, 50_000) + data[at + 4 :]
    if format == "GIF":
        return data[:6] + struct.pack("<HH", 50_000, 50_000) + data[10:]
    return data[:18] + struct.pack("<ii", 50_000, 50_000) + data[26:]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP"])
def test_bombs_are_refused_before_they_are_decoded(format, tmp_path):
    path = tmp_path / "bomb"
    path.write_bytes(huge(format))
    start = time.perf_counter()
    with pytest.raises(DataError, match=r"bomb: the image has 50000 x 50000 pixels.*max_pixels"):
        ImageDeduplicator().fit([str(path)])
    assert time.perf_counter() - start < 1


def test_a_limit_of_ones_own():
    items = [scene(1), scene(2, (100, 80))]
    assert pairs_of(items, max_pixels=320 * 240) == []
    for item in (scene(1), encoded(scene(1)), encoded(scene(1), "JPEG")):
        with pytest.raises(DataError, match=r"X\[1\]: the image has 320 x 240 pixels"):
            ImageDeduplicator(max_pixels=10_000).fit([items[1], item])


@pytest.mark.parametrize(
    ("format", "options"), [*((f, {}) for f in FORMATS), ("JPEG", {"progressive": True})]
)
def test_no_damage_makes_a_decoder_fail_badly(format, options):
    rng = np.random.default_rng(7)
    data = encoded(scene(4, (280, 260)), format, **options)
    damaged = [data[: int(n)] for n in rng.integers(0, len(data), 60)]
    for _ in range(240):
        bad = bytearray(data)
        # Headers matter most.
        most = len(data) if rng.random() < 0.5 else min(700, len(data))
        for place in rng.integers(0, most, int(rng.integers(1, 6))):
            bad[place] = rng.integers(256)
        damaged.append(bytes(bad))
    *_, errors = _core.image_sketches(damaged, 10**6, n_jobs=2)
    assert all(message for _, message in errors)
    assert len(errors) > 30


def test_cut_off_and_empty_files():
    whole = encoded(scene(4, (640, 480)), "JPEG", quality=95)
    for data, words in (
        (whole[: len(whole) // 2], "cut off"),
        (whole[:-200], "cut off"),
        (b"", "no JPEG, PNG"),
        (b"\xff\xd8\xff", "cut off"),
        (b"not an image", "no JPEG, PNG"),
        (encoded(scene(4))[:-4000], "cannot be decoded"),
    ):
        with pytest.raises(DataError, match=rf"X\[1\]: .*{words}"):
            ImageDeduplicator().fit([scene(0), data])


# --- forms of input ---------------------------------------------------------------------------


def test_forms_of_input(tmp_path):
    images = [scene(1), scene(2), scene(1).transpose(Image.Transpose.ROTATE_90)]
    paths = []
    for k, image in enumerate(images):
        image.save(tmp_path / f"{k}.png")
        paths.append(tmp_path / f"{k}.png")
    names = [str(p) for p in paths]
    want = [0, 1, 0]
    files = [p.read_bytes() for p in paths]
    mixed = [names[0], files[1], np.asarray(images[2])]
    for X in (names, paths, tuple(files), images, mixed, np.array(names), pd.Series(names),
              pl.Series(names), [memoryview(f) for f in files]):  # fmt: skip
        assert duplicate_groups(X, kind="image").tolist() == want
    for library in (pd.DataFrame, pl.DataFrame, pa.table):
        assert duplicate_groups(library({"p": names}), kind="image").tolist() == want
        frame = library({"p": names, "score": [1, 2, 3]})
        assert duplicate_groups(frame, kind="image", column="p").tolist() == want
        step = ImageDeduplicator(column="p", keep="best", by="score")
        assert type(step.fit_resample(frame)[0]) is type(frame)
        assert step.sample_indices_.tolist() == [1, 2]
    square = np.stack([np.asarray(scene(k, (50, 50))) for k in (1, 2, 1)])
    square.setflags(write=False)
    assert duplicate_groups(square, kind="image").tolist() == want
    assert duplicate_groups(square[:, ::-1, ::-1], kind="image").tolist() == want
    assert duplicate_groups(square[..., 0], kind="image").tolist() == want
    assert duplicate_groups(square > 128, kind="image").tolist() == want
    for empty in ([], np.zeros((0, 5, 5), np.uint8)):
        assert duplicate_groups(empty, kind="image").tolist() == []
    assert duplicate_groups(images[:1], kind="image").tolist() == [0]


@pytest.mark.parametrize(
    ("X", "error", "words"),
    [
        ([None], DataError, r"X\[0\] is missing"),
        ([float("nan")], DataError, r"X\[0\] is missing"),
        ([3], DataError, r"X\[0\] is a builtins.int"),
        (["/no/such.png"], DataError, r"/no/such.png cannot be read: No such file"),
        (["a\0b"], DataError, "cannot be read"),
        ([np.zeros((2, 2, 5), np.uint8)], DataError, r"shape \(2, 2, 5\)"),
        ([np.zeros((0, 3), np.uint8)], DataError, r"shape \(0, 3\)"),
        ([np.zeros((2, 2)) - 1], DataError, "0 to 1"),
        ([np.full((2, 2), np.nan)], DataError, "0 to 1"),
        ([np.full((2, 2), 300)], DataError, "0 to 255"),
        ([np.zeros((2, 2), "S1")], DataError, "uint8, uint16 or float"),
        (np.zeros((5, 5), np.uint8), ParameterError, "put a single image into a list"),
        ("a.png", ParameterError, "must be a list of images"),
        (7, ParameterError, "must be a list of images"),
        (pd.DataFrame({"a": [1], "b": [2]}), ParameterError, "column="),
    ],
)
def test_what_is_no_image(X, error, words):
    with pytest.raises(error, match=words):
        ImageDeduplicator().fit(X)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_distance": 129}, "from 0 to 128"),
        ({"max_distance": 2.5}, "must be an integer"),
        ({"max_pixels": True}, "must be an integer"),
        ({"orientations": "yes"}, "True or False"),
        ({"errors": "ignore"}, "errors must be one of"),
        ({"column": "p"}, "names a column"),
    ],
)
def test_parameters_are_checked(options, words):
    with pytest.raises(ParameterError, match=words):
        ImageDeduplicator(**options).fit([scene(0)])


def test_broken_images_can_be_left(tmp_path):
    items = [scene(0), b"junk", scene(0), b"junk", "/no/such.png", None]
    with pytest.warns(DuplicatesWarning, match=r"4 images cannot be read.*the first: X\[1\]: this"):
        step = ImageDeduplicator(errors="skip").fit(items)
    assert step.unreadable_.tolist() == [1, 3, 4, 5]
    assert step.duplicates_.labels.tolist() == [0, 1, 0, 2, 3, 4]


# --- the estimator ----------------------------------------------------------------------------


def test_which_copy_stays(photo):
    small = photo.resize((320, 213))
    items = [small, encoded(photo, "JPEG", quality=70), encoded(photo), scene(1)]
    for keep, rows in (("first", [0, 3]), ("last", [2, 3]), ("most_complete", [2, 3])):
        X, y = ImageDeduplicator(keep=keep).fit_resample(items, np.arange(4))
        assert y.tolist() == rows
        assert [any(x is items[r] for x in X) for r in rows] == [True, True]


def test_the_result_does_not_hang_on_threads_or_order(photo):
    items = [encoded(scene(k % 40, (300, 260)).rotate(90 * (k % 3), expand=True), "JPEG")
             for k in range(120)]  # fmt: skip
    found = [ImageDeduplicator(n_jobs=n).fit(items).duplicates_.pairs for n in (1, 2, 3)]
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
    assert len(found[0]) == 120
    order = np.random.default_rng(0).permutation(120)
    again = ImageDeduplicator().fit([items[k] for k in order]).duplicates_.pairs
    name = lambda pairs, of: {  # noqa: E731
        (frozenset((of[i], of[j])), s, e) for i, j, s, e in pairs.itertuples(index=False)
    }
    assert name(again, order.tolist()) == name(found[0], range(120))


def test_leakage(photo):
    train = [photo, scene(1), scene(2)]
    test = [scene(3), encoded(photo.transpose(Image.Transpose.ROTATE_270), "JPEG"), scene(1)]
    found = find_leakage(train, test, "image")
    assert found.left_rows.tolist() == [0, 1]
    assert found.right_rows.tolist() == [1, 2]
    assert found.pairs["evidence"].tolist() == ["phash+dhash+thumbnail, rotated 90", "equal"]
    assert found._repr_html_().count("data:image/png;base64,") == 4
    assert "test image 1" in found._repr_html_()


def test_html_shows_both_pictures(tmp_path, photo):
    path = tmp_path / "<b>.jpg"
    photo.save(path)
    found = ImageDeduplicator().fit([str(path), photo.rotate(180)]).duplicates_
    html = found._repr_html_()
    assert html.count("data:image/png;base64,") == 2
    assert "&lt;b&gt;.jpg" in html
    assert "<b>.jpg" not in html
    rows, columns, rgb = _core.image_preview(path.read_bytes(), 64, 10**8)
    assert (rows, columns) == (43, 64)
    want = np.asarray(photo.resize((64, 43), Image.Resampling.BOX)).astype(int)
    got = np.frombuffer(rgb, np.uint8).reshape(rows, columns, 3)
    assert np.abs(got - want).mean() < 3


def test_pickle_clone_and_save(tmp_path):
    import tamis

    step = ImageDeduplicator(8, keep="last").fit([scene(0), scene(1), scene(0)])
    again = pickle.loads(pickle.dumps(step))
    assert again.duplicates_.pairs.equals(step.duplicates_.pairs)
    assert clone(step).get_params() == step.get_params()
    loaded = tamis.load(tamis.save(step, tmp_path / "step.tamis"))
    assert loaded.duplicates_.pairs.equals(step.duplicates_.pairs)


def test_it_stops():
    with _core.Scope() as scope:
        scope.stop()
        with pytest.raises(StoppedError):
            duplicate_groups([scene(0)], kind="image")


STARTS = [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF\0\0\0\0WEBP"]


@settings(max_examples=20)
@given(st.binary(max_size=300), st.sampled_from(STARTS))
def test_any_bytes_give_an_error_or_an_image(data, start):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DuplicatesWarning)
        ImageDeduplicator(errors="skip").fit([start + data])
