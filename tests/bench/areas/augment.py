"""Augmentation: images."""

from . import _augment_image

ROWS = [*_augment_image.ROWS]
