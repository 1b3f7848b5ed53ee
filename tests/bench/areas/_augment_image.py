"""Images, 256 x 256 RGB of 8 bits: a pipeline, and operations one by one."""

import numpy as np

from . import Row


def images(rng):
    base = rng.integers(0, 256, (1000, 32, 32, 3), np.uint8)
    return base.repeat(8, axis=1).repeat(8, axis=2)


def pipeline(threads):
    from tamis.augment import Compose
    from tamis.augment import image as ti

    t = Compose(
        [
            ti.HorizontalFlip(), ti.Rotate((-15, 15)), ti.BrightnessContrast(),
            ti.HueSaturation(), ti.GaussianBlur((0.5, 1.5)), ti.GaussianNoise((0.02, 0.05)),
        ]
    )  # fmt: skip
    return lambda x: t(x, n_jobs=threads)


def one(name, **options):
    def prepare(threads):
        from tamis.augment import image as ti

        t = getattr(ti, name)(**options)
        return lambda x: t(x, n_jobs=threads)

    return prepare


def pooled(threads, f, x):
    from concurrent.futures import ThreadPoolExecutor

    if threads == 1:
        return np.stack([f(i) for i in x])
    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(f, x)))


def albumentations(make):
    def prepare(threads):
        import albumentations as A
        import cv2

        cv2.setNumThreads(1)
        t = make(A)
        return lambda x: pooled(threads, lambda i: t(image=i)["image"], x)

    return prepare


def opencv(make):
    def prepare(threads):
        import cv2

        cv2.setNumThreads(1)
        f = make(cv2)
        return lambda x: pooled(threads, f, x)

    return prepare


def six(A):
    return A.Compose(
        [
            A.HorizontalFlip(p=0.5), A.Rotate((-15, 15), border_mode=0, p=1),
            A.RandomBrightnessContrast(p=1), A.HueSaturationValue(p=1),
            A.GaussianBlur(blur_limit=0, sigma_limit=(0.5, 1.5), p=1),
            A.GaussNoise(std_range=(0.02, 0.05), p=1),
        ]
    )  # fmt: skip


def planes(A):
    t = A.Normalize()
    return lambda image: {"image": t(image=image)["image"].transpose(2, 0, 1)}


def turned(cv2):
    m = cv2.getRotationMatrix2D((127.5, 127.5), 10, 1)
    return lambda i: cv2.warpAffine(i, m, (256, 256), flags=cv2.INTER_LINEAR)


def mean(_, result):
    return float(np.mean(np.asarray(result), dtype=np.float64))


def row(task, ours, peers):
    return Row(f"{task}, 1,000 images", images, {"tamis": ours, **peers}, mean, "mean")


ROWS = [
    row("six steps", pipeline, {"albumentations": albumentations(six)}),
    row("rotate by 10 degrees", one("Rotate", angle=10), {"opencv": opencv(turned)}),
    row("flip", one("HorizontalFlip", p=1.0), {
        "albumentations": albumentations(lambda A: A.HorizontalFlip(p=1)),
        "opencv": opencv(lambda cv2: lambda i: cv2.flip(i, 1)),
    }),
    row("gamma", one("Gamma", gamma=1.5), {
        "albumentations": albumentations(lambda A: A.RandomGamma((150, 150), p=1)),
    }),
    row("Gaussian noise", one("GaussianNoise", std=0.05), {
        "albumentations": albumentations(lambda A: A.GaussNoise(std_range=(0.05, 0.05), p=1)),
    }),
    row("Gaussian blur, sigma 1.5", one("GaussianBlur", sigma=1.5), {
        "opencv": opencv(lambda cv2: lambda i: cv2.GaussianBlur(i, (0, 0), 1.5)),
    }),
    row("normalise, channels first", one("Normalize", channels_first=True), {
        "albumentations": albumentations(planes),
    }),
]  # fmt: skip
