"""The page on audio: its examples run, and every attribute and reason in it exists."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

import spanledger
from spanledger import semconv
from spanledger.audio import child as child_module
from spanledger.audio import comparison, facts, features, measuring, mos, quality, riff, transcripts, worker
from spanledger.testing import capture

PAGE = (Path(__file__).parents[3] / "docs" / "audio.md").read_text(encoding="utf-8")
CLIPS = Path(__file__).parent / "clips"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_do_what_the_page_says():
    whole, decorated, calls = (example.replace("spanledger.configure", "dict") for example in EXAMPLES)
    said = {"spanledger": spanledger}
    with capture() as captured:
        exec(whole, said)
        exec(decorated, said)
        asyncio.run(said["caption"]((CLIPS / "001.wav").read_bytes()))
        exec(calls, said)
        answering = SimpleNamespace(create=lambda **asked: b"")
        client = SimpleNamespace(audio=SimpleNamespace(speech=answering, transcriptions=answering))
        said["speak"](client, "go forward")
        with spanledger.stage("transcription") as stage:
            stage.audio(CLIPS / "001.wav")
            said["transcribe"](client, stage, None)
        assert spanledger.flush(60)
    assert spanledger.stats()["failures"] == {}
    first, second = (span.attributes for span in captured.spans if span.name == "audio pipeline")
    assert (first["audio.id"], first["audio.duration_s"], first["user.id"]) == ("take-7", 3.0, "u-1")
    assert first["audio.si_sdr_db"] == 60.0
    assert second["audio.duration_s"] == 1.095375
    rates = [span.attributes.get("audio.word_error_rate") for span in captured.spans]
    assert [rate for rate in rates if rate is not None] == [0.25]
    assert [entry.usage.characters for entry in captured.entries] == [10, None]
    assert float(captured.entries[1].usage.audio_seconds) == 1.095375


def test_every_attribute_is_described_and_every_description_is_of_an_attribute():
    ours = {value for name, value in vars(semconv).items() if name.startswith("AUDIO_")}
    table = PAGE[PAGE.index("## What is on the spans") : PAGE.index("Each number is also")]
    assert set(re.findall(r"`(audio\.\w+)`", table)) == ours


def test_every_reason_on_the_page_is_given_somewhere_and_every_one_given_is_on_the_page():
    modules = (child_module, comparison, facts, features, measuring, mos, quality, riff, transcripts, worker)
    source = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in modules)
    listed = PAGE[PAGE.index("**No value is better") : PAGE.index("## What it costs")]
    reasons = set(re.findall(r"`(\w+)`", listed))
    for reason in reasons:
        assert f'"{reason}"' in source or reason.startswith("silent_"), reason
    given = set(re.findall(r'(?:Refused|BadHeaderError|reason=|return |"skipped": )\(?"([a-z_]+)"', source))
    assert given <= reasons
