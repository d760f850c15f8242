"""DNSMOS: what listeners would say of speech, without a reference; by Microsoft's model, where the extra is installed.

Given samples, gives the overall score. The model file comes from the package `speechmos`, which is not imported: it
wants librosa. One piece of 9.01 s from the middle is scored, shorter audio is repeated, as the authors do.

Never: a score for silence, which the model finds quite good, or for telephone rates, which it does not know.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
SAMPLES: Final = 144_160
SHORTEST_S: Final = 1.0
LEAST_SPEECH: Final = 0.1
OVERALL: Final = (-0.06766283, 1.11546468, 0.04602535)  # from the model's raw answer to the scale of listeners


def installed() -> bool:
    """Whether there is a model, and what runs it."""
    return _model_file() is not None and importlib.util.find_spec("onnxruntime") is not None


def dnsmos(windows: Sequence[NDArray[np.float32]], rate: int, speech_ratio: float | str) -> float | str:
    """The overall score, about 1 to 5 (clean studio speech has about 3.1), or the reason why there is none.

    Args:
        windows: Pieces of the audio, each frames × channels.
        rate: Samples a second.
        speech_ratio: Share of the time with voice activity, or why it is not known.
    """
    from spanledger.audio.features import resampled

    if rate < RATE:
        return "bad_sample_rate"
    if isinstance(speech_ratio, str) or speech_ratio < LEAST_SPEECH:
        return "no_speech"
    mono = np.concatenate([window.mean(axis=1) for window in windows])
    if len(mono) < SHORTEST_S * rate:
        return "too_short"
    most = -(-SAMPLES * rate // RATE)
    start = max(0, (len(mono) - most) // 2)
    piece = np.clip(resampled(mono[start : start + most], rate, RATE), -1, 1)
    return _score(np.resize(piece, SAMPLES))


def _score(piece: NDArray[np.float32]) -> float:
    session = _session()
    _, _, raw = session.run(None, {session.get_inputs()[0].name: piece[np.newaxis].astype(np.float32)})[0][0]
    return float(np.polyval(OVERALL, float(raw)))


@cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(_model_file()), options, providers=["CPUExecutionProvider"])


@cache
def _model_file() -> Path | None:
    found = importlib.util.find_spec("speechmos")
    for place in (found.submodule_search_locations or ()) if found else ():
        file = Path(place) / "dnsmos_models" / "sig_bak_ovr.onnx"
        if file.is_file():
            return file
    return None
