"""What an audio is like: right numbers where there can be one, a named reason and no number where there cannot."""

from __future__ import annotations

import array
import io
import os
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

import spanledger
from spanledger.audio.facts import listen
from spanledger.audio.features import Refused, as_float, features
from spanledger.audio.worker import answered
from spanledger.testing import capture

CLIPS = Path(__file__).parent / "clips"
RATE = 16_000
SPEED = ("audio.speed_factor", "audio.real_time_factor")
REASON = "audio.features_skipped_reason"


def tone(hertz=997.0, seconds=2.0, rate=48_000, level=1.0):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def speech():
    return soundfile.read(CLIPS / "arctic_a0007.wav", dtype="float32")[0]


def measured(samples, rate=RATE):
    samples = as_float(np.asarray(samples))
    found, missing = features([samples.reshape(len(samples), -1)], rate)
    found, missing = (
        {name.removeprefix("audio."): value for name, value in part.items() if "dnsmos" not in name}
        for part in (found, missing)
    )
    return found, missing


def told(audio, rate=None, **more):
    """What a stage's span shows of audio."""
    with capture() as captured:
        with spanledger.stage("load_audio") as stage:
            stage.audio(audio, rate, **more)
        assert spanledger.flush(60)
    assert spanledger.stats()["failures"] == {}
    attributes = captured.span("load_audio").attributes
    return {name: value for name, value in attributes.items() if name not in SPEED}


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000, 96_000])
def test_a_full_scale_sine_of_997_hertz_is_as_loud_as_the_standard_says(rate):
    assert measured(tone(rate=rate), rate)[0]["loudness_lufs"] == pytest.approx(-3.01, abs=0.05)


def test_two_channels_are_louder_than_one_and_quiet_parts_do_not_count():
    one = tone(level=0.1, seconds=10)
    assert measured(one, 48_000)[0]["loudness_lufs"] == pytest.approx(-23.01, abs=0.05)
    assert measured(np.stack([one, one], axis=1), 48_000)[0]["loudness_lufs"] == pytest.approx(-20.0, abs=0.05)
    padded = np.concatenate([one, np.zeros(480_000, np.float32)])
    assert measured(padded, 48_000)[0]["loudness_lufs"] == pytest.approx(-23.0, abs=0.15)


def test_clean_speech_is_not_clipped_and_clipped_speech_is():
    clean = speech()
    for share, expected in ((1.0, 0.0), (0.5, 0.0085), (0.1, 0.24)):
        peak = share * np.abs(clean).max()
        assert measured(np.clip(clean, -peak, peak))[0]["clipped_ratio"] == pytest.approx(expected, abs=0.01)


def test_a_sine_is_not_clipped_for_touching_its_peak():
    assert measured(tone(rate=16_000))[0]["clipped_ratio"] < 0.02
    assert measured(tone(440, rate=16_000, level=0.5))[0]["clipped_ratio"] == 0


def test_a_band_limit_is_seen():
    spectrum = np.fft.rfft(speech())
    spectrum[np.fft.rfftfreq(64_000, 1 / RATE) > 4_000] = 0
    assert measured(speech())[0]["bandwidth_hz"] > 7_500
    assert measured(np.fft.irfft(spectrum).astype(np.float32))[0]["bandwidth_hz"] == pytest.approx(4_000, abs=50)


def test_lost_packets_are_seen_wherever_they_begin():
    lost = speech()
    starts = [5_123, 17_001, 30_777, 44_444]
    for start in starts:
        lost[start : start + 320] = 0
    assert measured(speech())[0]["zero_frame_ratio"] == 0
    assert measured(lost)[0]["zero_frame_ratio"] == pytest.approx(4 * 320 / 64_000, abs=0.001)


def test_silence_and_speech_are_shares_of_the_time():
    found, _ = measured(np.concatenate([speech(), np.zeros(64_000, np.float32)]))
    whole, _ = measured(speech())
    assert found["silence_ratio"] == pytest.approx((whole["silence_ratio"] + 1) / 2, abs=0.01)
    assert 0.75 < whole["speech_ratio"] < 0.85
    assert found["speech_ratio"] == pytest.approx(whole["speech_ratio"] / 2, abs=0.03)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100])
def test_voice_activity_does_not_depend_on_the_rate(rate):
    size = round(64_000 * rate / RATE)
    spectrum = np.fft.rfft(speech())
    other = np.fft.irfft(spectrum[: size // 2 + 1], size) * (size / 64_000)
    assert measured(other.astype(np.float32), rate)[0]["speech_ratio"] == pytest.approx(0.80, abs=0.06)


@pytest.mark.parametrize("kind", ["int16", "int32", "float32", "float64", "float16", "uint8"])
def test_the_same_speech_in_any_sample_format_is_the_same(kind):
    clean = speech()
    scaled = {"int16": clean * 2**15, "int32": clean * 2.0**31, "uint8": np.round(clean * 128 + 128)}.get(kind, clean)
    found, reference = measured(scaled.astype(kind))[0], measured(clean)[0]
    assert found["loudness_lufs"] == pytest.approx(reference["loudness_lufs"], abs=0.2)
    assert found["zero_frame_ratio"] == pytest.approx(0, abs=0.05)


def test_silence_has_only_the_values_that_silence_has():
    found, missing = measured(np.zeros(RATE, np.float32))
    assert found == {"analyzed_s": 1.0, "silence_ratio": 1.0, "zero_frame_ratio": 1.0, "speech_ratio": 0.0}
    assert missing == {"clipped_ratio": "too_quiet", "bandwidth_hz": "silent", "loudness_lufs": "too_quiet"}


def test_audio_shorter_than_a_block_of_loudness_lacks_only_that():
    found, missing = measured(speech()[20_000:24_000])
    assert missing == {"loudness_lufs": "too_short"}
    assert 0 <= found["silence_ratio"] <= 1


def test_more_than_two_channels_have_no_loudness_because_nobody_knows_where_they_are():
    assert measured(np.stack([speech()] * 6, axis=1))[1] == {"loudness_lufs": "unknown_layout"}


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.full(RATE, np.nan, np.float32), "non_finite"),
        (np.array([0.1, np.inf] * RATE), "non_finite"),
        (np.full(RATE, 3000.0), "out_of_range"),
        (np.ones(20, np.float32), "too_short"),
        (np.ones(RATE, np.complex64), "bad_sample_format"),
    ],
)
def test_what_cannot_be_measured_is_refused_as_a_whole(samples, reason):
    with pytest.raises(Refused, match=reason):
        measured(samples)


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (np.zeros(RATE), None, "no_sample_rate"),
        (np.zeros(RATE), 0, "bad_sample_rate"),
        (np.zeros(RATE), -RATE, "bad_sample_rate"),
        (np.zeros(RATE), 1_092_676, "bad_sample_rate"),
        (np.zeros(RATE), float("nan"), "bad_sample_rate"),
        (np.zeros(RATE), float("inf"), "bad_sample_rate"),
        (np.zeros(RATE), 16_000.5, "bad_sample_rate"),
        (np.zeros(RATE), "16000", "bad_sample_rate"),
        (np.zeros(RATE), True, "bad_sample_rate"),
        (np.zeros(0), RATE, "empty"),
        (np.zeros((0, 2)), RATE, "empty"),
        (np.zeros(()), RATE, "bad_shape"),
        (np.zeros((2, 3, 4)), RATE, "bad_shape"),
        (np.zeros((100, 100)), RATE, "bad_shape"),
        (np.zeros((3, 3)), RATE, "ambiguous_shape"),
        (np.zeros(RATE, bool), RATE, "bad_sample_format"),
        (np.zeros(RATE, np.int64), RATE, "bad_sample_format"),
        (np.zeros(RATE, complex), RATE, "bad_sample_format"),
        (np.array(["a"]), RATE, "bad_sample_format"),
        ([0.0] * RATE, RATE, "not_audio"),
        (array.array("f", [0.0]), RATE, "not_audio"),
        (None, RATE, "not_audio"),
        (12, RATE, "not_audio"),
        (CLIPS, None, "not_a_file"),
        (CLIPS / "nothing.wav", None, "unreadable"),
        ("a\0b", None, "unreadable"),
        (b"", None, "empty"),
        (CLIPS / "awful.wav", None, "bad_sample_rate"),
        (CLIPS / "bad.wav", None, "bad_header"),
    ],
)
def test_bad_input_gives_a_reason_and_no_number(samples, rate, reason):
    assert told(samples, rate) == {"audio.stage": "load_audio", REASON: reason}


@pytest.mark.parametrize(
    "content", [b"not audio at all", b"RIFF", b"RIFF\0\0\0\0WAVE", b"fLaC" + b"\xff" * 400, b"OggS"]
)
def test_bytes_that_are_no_audio_give_a_reason_and_no_number(content):
    found = told(content)
    assert set(found) == {"audio.stage", REASON}
    assert found[REASON] in {"unknown_format", "bad_header"}


def test_a_named_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert told(tmp_path / "pipe")[REASON] == "not_a_file"


def test_files_and_arrays_and_bytes_of_the_same_audio_say_the_same():
    samples, rate = soundfile.read(CLIPS / "arctic_a0007.wav", dtype="int16")
    found = told(samples, rate)
    named = {"audio.format": "wav"}
    content = (CLIPS / "arctic_a0007.wav").read_bytes()
    assert told(CLIPS / "arctic_a0007.wav") == found | named
    assert told(str(CLIPS / "arctic_a0007.wav")) == found | named
    assert told(content) == told(bytearray(content)) == told(io.BytesIO(content)) == found | named
    with (CLIPS / "arctic_a0007.wav").open("rb") as file:
        file.seek(100)
        assert told(file) == found | named
        assert file.tell() == 100
    assert found["audio.analyzed_s"] == found["audio.duration_s"] == 4.0


def test_both_ways_of_laying_out_two_channels_are_understood():
    rows, rate = soundfile.read(CLIPS / "bobby_16bit_16khz_2ch.wav", dtype="float32")
    assert told(rows, rate) == told(rows.T, rate)
    assert told(rows, rate)["audio.channels"] == 2


@pytest.mark.parametrize(
    ("form", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_24")]
)
def test_compressed_files_are_read_by_the_measuring_process(form, subtype):
    content = io.BytesIO()
    soundfile.write(content, speech(), RATE, format=form, subtype=subtype)
    found = told(content.getvalue())
    assert found["audio.format"] == form.lower()
    assert found["audio.duration_s"] == pytest.approx(4.0, abs=0.15)
    assert found["audio.loudness_lufs"] == pytest.approx(-21.5, abs=0.5)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_wav_headers_of_every_plain_kind_are_read_at_once(form, subtype):
    content = io.BytesIO()
    soundfile.write(content, np.stack([speech()] * 2, axis=1), RATE, format=form, subtype=subtype)
    sound = listen(content.getvalue(), None, None)
    assert (sound.facts.duration_s, sound.facts.sample_rate_hz, sound.facts.channels) == (4.0, RATE, 2)


def wav(**changes):
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((speech() * 32767).astype("<i2").tobytes())
    made = bytearray(content.getvalue())
    for at, value in changes.values():
        made[at : at + len(value)] = value
    return bytes(made)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ((22, struct.pack("<H", 0)), "bad_header"),
        ((22, struct.pack("<H", 60_000)), "bad_header"),
        ((24, struct.pack("<I", 0)), "bad_sample_rate"),
        ((24, struct.pack("<I", 4_000_000_000)), "bad_sample_rate"),
        ((32, struct.pack("<H", 7)), "bad_header"),
        ((40, struct.pack("<I", 128_002)), "truncated"),
        ((16, struct.pack("<I", 9)), "bad_header"),
    ],
)
def test_a_header_that_cannot_be_true_gives_no_number(changed, reason):
    assert told(wav(it=changed)) == {"audio.stage": "load_audio", REASON: reason}


def test_a_header_written_before_the_length_was_known_is_completed_from_the_file():
    found = told(wav(it=(40, b"\xff\xff\xff\xff")))
    assert found["audio.duration_s"] == 4.0


def test_a_compressed_file_that_was_cut_off_has_no_length():
    content = (CLIPS / "goforward.flac").read_bytes()
    found = told(content[: len(content) // 2])
    assert "audio.duration_s" not in found
    assert found[REASON] in {"truncated", "unknown_format"}


def test_samples_may_be_changed_right_after_they_were_told():
    samples, rate = soundfile.read(CLIPS / "arctic_a0007.wav", dtype="int16")
    before = told(samples, rate)
    with capture() as captured:
        with spanledger.stage("load_audio") as stage:
            stage.audio(samples, rate)
            samples[:] = 0
        assert spanledger.flush(60)
    assert captured.span("load_audio").attributes["audio.loudness_lufs"] == before["audio.loudness_lufs"]


def test_a_file_may_be_deleted_right_after_it_was_told(tmp_path):
    copy = tmp_path / "copy.flac"
    copy.write_bytes((CLIPS / "goforward.flac").read_bytes())
    with capture() as captured:
        with spanledger.stage("load_audio") as stage:
            stage.audio(copy)
            copy.unlink()
        assert spanledger.flush(60)
    assert captured.span("load_audio").attributes["audio.duration_s"] == pytest.approx(2.786, abs=0.001)


def test_long_audio_is_measured_in_windows_spread_over_it_and_says_how_much_that_is():
    long = np.tile(speech(), 40)
    long[:, np.newaxis][-200_000:] = 0
    found = told(long, RATE)
    assert found["audio.duration_s"] == 160.0
    assert 50 < found["audio.analyzed_s"] < 70
    assert 0.05 < found["audio.zero_frame_ratio"] < 0.15
    content = io.BytesIO()
    soundfile.write(content, long, RATE, format="FLAC")
    found = told(content.getvalue())
    assert (found["audio.duration_s"], found["audio.analyzed_s"]) == (160.0, 60.0)


def test_what_is_too_large_to_be_read_still_says_what_it_is(tmp_path):
    content = io.BytesIO()
    soundfile.write(content, np.zeros(3_000_000, np.int16), RATE, format="WAV")
    assert told(bytearray(content.getvalue())) == {
        "audio.stage": "load_audio",
        "audio.duration_s": 187.5,
        "audio.sample_rate_hz": RATE,
        "audio.channels": 1,
        "audio.format": "wav",
        REASON: "too_large",
    }
    with (tmp_path / "large.wav").open("wb") as file:
        file.write(wav(it=(40, struct.pack("<I", 70_000_000))))
        file.truncate(44 + 70_000_000)
    assert told(tmp_path / "large.wav")["audio.duration_s"] == 2187.5
    assert told(tmp_path / "large.wav")[REASON] == "too_large"


def test_the_measuring_process_answers_whatever_it_is_asked():
    assert answered({}, b"")["skipped"] == "failed"
    assert answered({"about": "file"}, (CLIPS / "001.wav").read_bytes())["skipped"] == "failed"
    assert (
        answered({"about": "samples", "dtype": "<f4", "shape": [3], "rate": 1, "spare": True}, b"")["skipped"]
        == "failed"
    )


def test_no_mutated_header_raises_or_makes_up_a_length():
    import random

    chosen, whole = random.Random(11), wav()[:4_000]
    for _ in range(3_000):
        mutated = bytearray(whole[: chosen.choice((12, 20, 36, 44, 4_000))])
        for _ in range(chosen.randint(1, 6)):
            mutated[chosen.randrange(min(len(mutated), 48))] = chosen.choice((0, 1, 2, 255, chosen.randrange(256)))
        sound = listen(bytes(mutated), None, None)
        sound.close()
        if sound.facts.known:
            assert 4_000 <= sound.facts.sample_rate_hz <= 384_000
            assert sound.facts.duration_s * sound.facts.sample_rate_hz * sound.facts.channels <= len(mutated)
