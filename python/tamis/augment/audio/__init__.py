"""Sound: clips in batches (clips, samples) and (clips, channels, samples), and lists of clips.

Types are float32, float64 (full scale 1) and int16 (full scale 32768; rounded, halves to even, and
saturated after the last step); all is worked out in float32. A number is that value, a pair a
range drawn for each clip, the same for its channels. Silence stays silence, and clips of no samples
pass. Samples that are not finite are refused.

Operations that are meant in seconds or hertz need the sample rate; none is assumed. It is given
with the clips: `t(clips, sample_rate=16000)`, or one for each clip, and then comes back beside
them (a dict with `clips` and `sample_rate`), since `Resample` changes it.
"""

from tamis.augment.audio._features import log_mel_spectrogram, mfcc
from tamis.augment.audio._filter import HighPass, LowPass, Reverb
from tamis.augment.audio._level import Clip, Gain, Normalize, Polarity, TimeShift
from tamis.augment.audio._masks import SpecAugment
from tamis.augment.audio._noise import AddNoise, CodecNoise
from tamis.augment.audio._rate import Resample, Speed
from tamis.augment.audio._stretch import PitchShift, TimeStretch

__all__ = [
    "AddNoise", "Clip", "CodecNoise", "Gain", "HighPass", "LowPass", "Normalize", "PitchShift",
    "Polarity", "Resample", "Reverb", "SpecAugment", "Speed", "TimeShift", "TimeStretch",
    "log_mel_spectrogram", "mfcc",
]  # fmt: skip
