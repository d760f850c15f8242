"""Integrated loudness by ITU-R BS.1770-4: K-weighting, blocks of 400 ms, two gates.

Given samples, gives LUFS. The two filters are applied in the frequency domain, where they are exact at any rate.

Never: a value for audio that is shorter than a block, or whose channels' places are unknown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Response = NDArray[np.complex128]

BLOCK_S: Final = 0.4
STEPS: Final = 4  # blocks overlap by three quarters
SETTLED_S: Final = 0.25  # the filters' answer has died away by then
ABSOLUTE_GATE: Final = -70.0
RELATIVE_GATE: Final = -10.0
OFFSET: Final = -0.691


def loudness(windows: Sequence[NDArray[np.float32]], rate: int) -> float | None:
    """LUFS, or None where nothing is loud enough to be counted.

    Args:
        windows: Pieces of the audio, each frames × channels, one or two channels.
        rate: Samples a second.
    """
    blocks = np.concatenate([_block_powers(window, rate) for window in windows])
    heard = blocks[blocks > _power(ABSOLUTE_GATE)]
    if not heard.size:
        return None
    heard = heard[heard > _power(_level(float(heard.mean())) + RELATIVE_GATE)]
    return _level(float(heard.mean()))


def long_enough(frames: int, rate: int) -> bool:
    """Whether there is a whole block."""
    return frames >= math.ceil(BLOCK_S * rate)


def _level(power: float) -> float:
    return OFFSET + 10 * math.log10(power)


def _power(level: float) -> float:
    return float(10 ** ((level - OFFSET) / 10))


def _block_powers(window: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Mean square of each block after K-weighting, added up over the channels."""
    frames, step = len(window), round(BLOCK_S * rate) // STEPS
    if not long_enough(frames, rate):
        return np.zeros(0)
    size = 1 << (frames + round(SETTLED_S * rate) - 1).bit_length()
    response = _k_weighting(rate, size)
    steps = np.zeros(frames // step)
    for channel in window.T:
        weighted = np.fft.irfft(np.fft.rfft(channel, size) * response, size)[: len(steps) * step]
        steps += np.square(weighted, dtype=np.float64).reshape(-1, step).sum(axis=1)
    return np.convolve(steps, np.ones(STEPS), "valid") / (STEPS * step)


@lru_cache(maxsize=8)
def _k_weighting(rate: int, size: int) -> NDArray[np.complex64]:
    """The response of both filters, from the analogue prototypes behind the standard's coefficients for 48 kHz."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response: NDArray[np.complex64] = (_shelf(z, rate) * _high_pass(z, rate)).astype(np.complex64)
    return response


def _shelf(z: Response, rate: int) -> Response:
    k, q = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    above = (high + middle * k / q + k * k) + 2 * (k * k - high) * z + (high - middle * k / q + k * k) * z**2
    below = (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    response: Response = above / below
    return response


def _high_pass(z: Response, rate: int) -> Response:
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    below = 1 + 2 * (k * k - 1) / (1 + k / q + k * k) * z + (1 - k / q + k * k) / (1 + k / q + k * k) * z**2
    response: Response = (1 - 2 * z + z**2) / below
    return response
