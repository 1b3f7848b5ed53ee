"""More from what there is: texts with their spans, series with their labels, sound, images with
boxes.

Item i of epoch e is the same whatever the batch size, the threads, or a restart.
"""

import numpy as np

from tamis.augment import Compose, OneOf, from_dict
from tamis.augment import audio as ta
from tamis.augment import image as ti
from tamis.augment import series as ts
from tamis.augment import text as tt

# Texts: spans are (start, end, label) in code points and follow their words.
reviews = ["I do not like the old room, but Anna Miller was very helpful.", "A quick answer."]
spans = [[(32, 43, "PERSON")], []]
noisy = Compose(
    [tt.Contractions(0.8), tt.SynonymReplacement(0.3), OneOf([tt.KeyboardNoise(), tt.OcrNoise()])],
    seed=1,
)
for epoch in range(2):
    made = noisy(reviews, spans=spans, epoch=epoch)
    for text, found in zip(made["texts"], made["spans"], strict=True):
        print(text, [(text[a:b], label) for a, b, label in found])

# The second text alone, later, from a description that was kept as JSON: the same.
again = from_dict(noisy.to_dict())
assert again(reviews[1:], first=1, epoch=1) == made["texts"][1:]
print(noisy.replay(0, epoch=1))

# Series: labels of steps follow where time is moved.
steps = np.arange(120)
waves = np.sin(steps / [[5.0], [9.0]])
moved = Compose([ts.TimeWarp(0.4), ts.Jitter(0.05)], seed=1)(waves, masks=(waves > 0).astype(int))
same_sign = (moved["series"] > 0) == moved["masks"]
print(f"labels that still fit after warping and noise: {same_sign.mean():.2f}")

# Sound: where hertz or seconds are meant, the sample rate goes along.
rate = 8000
clips = 0.4 * np.sin(2 * np.pi * np.array([[220.0], [880.0]]) * np.arange(rate) / rate)
room = Compose(
    [ta.Speed((0.9, 1.1)), ta.Reverb((0.1, 0.3)), ta.LowPass((1000, 3000)), ta.AddNoise((5, 20))],
    seed=1,
)
for made, drawn in zip(room(clips, sample_rate=rate), map(room.replay, range(2)), strict=True):
    print(made.shape, f"{drawn[0]['factor']:.3f} x, {drawn[3]['snr']:.1f} dB")

# Images: boxes and masks go along.
image = np.zeros((1, 64, 64, 3), np.uint8)
image[0, 20:30, 10:40] = 255
turn = Compose([ti.HorizontalFlip(p=1.0), ti.Rotate((-20, 20))], seed=1)
made = turn(image, bboxes=[[(10, 20, 40, 30)]], masks=image[..., 0])
print(made["bboxes"][0].round(1), int(made["masks"].astype(bool).sum()))
