"""Augmentation: images, sound and texts."""

from . import (
    _augment_audio,
    _augment_audio_spectrum,
    _augment_audio_stretch,
    _augment_image,
    _augment_text,
)

ROWS = [
    *_augment_image.ROWS, *_augment_audio.ROWS, *_augment_audio_stretch.ROWS,
    *_augment_audio_spectrum.ROWS, *_augment_text.ROWS,
]  # fmt: skip
