"""The measuring process: reads questions from its standard input, measures, answers, until its input ends.

Given a question (one line of JSON, then bytes), gives an answer (one line of JSON): facts, measures and what was left
out. It runs alone so that nothing it does can stop or crash the user's process, and at a low priority.

Never: two questions at once, or anything of the audio but figures in an answer.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from spanledger.audio.transcripts import of_transcripts
from spanledger.guard import failures, guard

LONGEST_S: Final = 60.0
MOST_SAMPLES: Final = 16_000_000
WINDOWS: Final = 8
NICENESS: Final = 10
Answer = dict[str, Any]


def main() -> None:
    """Answer until the input ends."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries that print would end up among the answers
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    spent_s = 0.0
    while line := questions.readline():
        question = json.loads(line)
        answer = answered(question, questions.read(question["bytes"]))
        answer["cpu_s"], spent_s = time.process_time() - spent_s, time.process_time()
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def answered(question: Mapping[str, Any], content: bytes) -> Answer:
    """The answer to one question, whatever happens."""
    with guard("audio.worker"):
        try:
            from spanledger.audio.features import Refused
        except ImportError:
            return {"skipped": "not_installed"}
        try:
            return _MEASURES[question["about"]](question, content)
        except Refused as refused:
            return {"skipped": str(refused)}
    return {"skipped": "failed", "failures": failures()}


def _of_samples(question: Mapping[str, Any], content: bytes) -> Answer:
    import numpy as np

    from spanledger.audio.features import as_float

    shape = question["shape"]  # windows × frames [× channels]
    samples = as_float(np.frombuffer(content, question["dtype"]).reshape(shape))
    return _measured(list(samples.reshape(shape[0], shape[1], -1)), question["rate"], spare=question["spare"])


def _of_file(question: Mapping[str, Any], content: bytes) -> Answer:
    try:
        import soundfile
    except (ImportError, OSError):
        return {"skipped": "not_installed"}
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            return _of_open_file(file, question)
    except soundfile.LibsndfileError:
        return {"skipped": "unknown_format"}


def _of_open_file(file: Any, question: Mapping[str, Any]) -> Answer:
    from spanledger.audio.facts import MOST_CHANNELS, sane_rate

    rate, channels, frames = sane_rate(file.samplerate), file.channels, file.frames
    if rate is None:
        return {"skipped": "bad_sample_rate"}
    if not 0 < channels <= MOST_CHANNELS or not 0 <= frames < 1 << 40:
        return {"skipped": "bad_header"}
    answer: Answer = {} if question["known"] else {"facts": [frames / rate, rate, channels, str(file.format).lower()]}
    if not frames:
        return answer | {"skipped": "empty"}
    if not question["measure"]:
        return answer
    most = min(int(LONGEST_S * rate), MOST_SAMPLES // channels)
    starts = [0] if frames <= most else [(frames - most // WINDOWS) * n // (WINDOWS - 1) for n in range(WINDOWS)]
    size = frames if frames <= most else most // WINDOWS
    windows = []
    for start in starts:
        if start:
            file.seek(start)
        windows.append(file.read(size, dtype="float32", always_2d=True))
        if len(windows[-1]) < size:
            return {"skipped": "truncated"}
    return answer | _refusable(windows, rate, spare=question["spare"])


def _refusable(windows: list[Any], rate: int, *, spare: bool) -> Answer:
    """What a file is stays known when what it is like does not."""
    from spanledger.audio.features import Refused, as_float

    try:
        return _measured([as_float(window) for window in windows], rate, spare=spare)
    except Refused as refused:
        return {"skipped": str(refused)}


def _measured(windows: list[Any], rate: int, *, spare: bool) -> Answer:
    from spanledger.audio.features import features

    found, missing = features(windows, rate, spare=spare)
    skipped = ",".join(f"{name.removeprefix('audio.')}={reason}" for name, reason in sorted(missing.items()))
    return {"measures": found, "skipped": skipped or None}


def _of_pair(question: Mapping[str, Any], content: bytes) -> Answer:
    from spanledger.audio.comparison import of_pair

    return of_pair(question, content)


def _of_pesq(question: Mapping[str, Any], content: bytes) -> Answer:
    from spanledger.audio.comparison import of_pesq

    return of_pesq(question, content)


_MEASURES: Final[Mapping[str, Callable[[Mapping[str, Any], bytes], Answer]]] = {
    "samples": _of_samples,
    "file": _of_file,
    "transcripts": of_transcripts,
    "pair": _of_pair,
    "pesq": _of_pesq,
}

if __name__ == "__main__":
    main()
