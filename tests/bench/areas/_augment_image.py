"""Images, 256 x 256 RGB of 8 bits: a pipeline, and operations one by one.

Memory is touched before the clock starts, for every program: a virtual machine may have to ask its
host for it, which takes longer than a flip.
"""

import numpy as np

from . import Row


def images(rng):
    base = rng.integers(0, 256, (1000, 32, 32, 3), np.uint8)
    return base.repeat(8, axis=1).repeat(8, axis=2)


def warm():
    """Touch as much memory as any program will use, and give it back."""
    np.full((4, 200 << 20), 1, np.uint8)


def pipeline(threads):
    from tamis.augment import Compose
    from tamis.augment import image as ti

    t = Compose(
        [
            ti.HorizontalFlip(), ti.Rotate((-15, 15)), ti.BrightnessContrast(),
            ti.HueSaturation(), ti.GaussianBlur((0.5, 1.5)), ti.GaussianNoise((0.02, 0.05)),
        ]
    )  # fmt: skip
    warm()
    return lambda x: t(x, n_jobs=threads)


def one(name, **options):
    def prepare(threads):
        from tamis.augment import image as ti

        t = getattr(ti, name)(**options)
        warm()
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
        warm()
        return lambda x: pooled(threads, lambda i: t(image=i)["image"], x)

    return prepare


def opencv(make):
    def prepare(threads):
        import cv2

        cv2.setNumThreads(1)
        f = make(cv2)
        warm()
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


def planes(threads):
    """Normalise into a buffer that was used before."""
    from concurrent.futures import ThreadPoolExecutor

    import albumentations as A
    import cv2

    cv2.setNumThreads(1)
    t, out = A.Normalize(), np.ones((1000, 3, 256, 256), np.float32)

    def one(i, image):
        out[i] = t(image=image)["image"].transpose(2, 0, 1)

    def run(x):
        if threads == 1:
            for i, image in enumerate(x):
                one(i, image)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(one, range(len(x)), x))
        return out

    return run


def our_planes(threads):
    from tamis.augment import image as ti

    t, out = ti.Normalize(channels_first=True), np.ones((1000, 3, 256, 256), np.float32)
    return lambda x: t(x, n_jobs=threads, out=out)


def posterized(cv2):
    table = (np.arange(256) // 16 * 16).astype(np.uint8)
    return lambda i: cv2.LUT(i, table)


def affine(cv2):
    m = cv2.getRotationMatrix2D((127.5, 127.5), 10, 1.2)
    m[:, 2] += 4
    return lambda i: cv2.warpAffine(i, m, (256, 256), flags=cv2.INTER_LINEAR)


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
    row("affine", one("Affine", rotate=10, scale=1.2, translate=4.0), {
        "opencv": opencv(affine),
    }),
    row("posterize to 4 bits", one("Posterize", bits=4), {"opencv": opencv(posterized)}),
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
    row("normalise and channels first into a buffer", our_planes, {"albumentations": planes}),
]  # fmt: skip
