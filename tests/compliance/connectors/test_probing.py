"""Measuring audio in a child that may crash, hang or lie without harm."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.connectors import probing, probing_child, probing_host
from compliance.connectors.probing import AudioFacts, ProbeFailed, ProbeLimits, Prober
from compliance.connectors.sniffing import Container
from tests.compliance.connectors.tones import KINDS, tone

SAMPLES = Path(__file__).parents[3] / "samples"
SILENCE = {"codec": "none", "channels": 1, "sample_rate": 1, "duration_seconds": 0}
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text())["samples"]


@pytest.fixture
def altered_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Puts another body into the child's measuring function; its limits stay as they are."""
    original = Path(probing.__file__).with_name("probing_child.py").read_text()
    start = 'if __name__ == "__main__":'

    def alter(body: str, function: str = "_measure(source, container, counts=True)") -> None:
        child = tmp_path / "child.py"
        warmed = f"import stat\ndef _warm_up():\n    pass\ndef {function}:\n{body}\n"
        child.write_text(original.replace(start, warmed + start))
        monkeypatch.setattr(probing, "_CHILD", child)

    probing_host.end_idle()
    yield alter
    probing_host.end_idle()


def code_of(body: bytes, container: Container, limits: ProbeLimits | None = None) -> str:
    with pytest.raises(ProbeFailed) as failure:
        probing.probe([body], container, limits)
    return failure.value.code


@pytest.mark.parametrize("sample", MANIFEST, ids=lambda sample: sample["audio"]["file"])
def test_the_sample_calls_have_their_length(sample: dict[str, dict[str, str]]) -> None:
    audio = sample["audio"]
    facts = probing.probe([(SAMPLES / audio["file"]).read_bytes()], Container.MP3)
    assert (facts.codec, facts.channels, facts.sample_rate) == ("mp3", 1, 16_000)
    assert facts.duration_seconds == pytest.approx(audio["seconds"], abs=0.15)  # the encoder pads two frames


@pytest.mark.parametrize(("container", "encoder", "codec"), KINDS)
@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2)])
def test_every_kind_is_measured(container: Container, encoder: str, codec: str, layout: str, channels: int) -> None:
    facts = probing.probe([tone(container, encoder, layout)], container)
    assert (facts.codec, facts.channels) == (codec, channels)
    assert facts.duration_seconds == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000])
def test_frames_are_counted_at_every_rate(rate: int) -> None:
    facts = probing.probe([tone(Container.MP3, "libmp3lame", "mono", seconds=3, rate=rate)], Container.MP3)
    assert facts.sample_rate == rate
    assert facts.duration_seconds == pytest.approx(3, abs=0.3)  # padded to whole frames, 72 ms at the lowest rate


def test_a_tag_of_any_size_and_junk_between_frames_do_not_count(mp3: bytes) -> None:
    plain = probing.probe([mp3], Container.MP3)
    tag = b"ID3\x04\x00\x00\x00\x7f\x7f\x7f" + b"\xff\xf3\x48\xc0" * 524_287 + b"\xff\xf3\x48"
    assert probing.probe([tag, mp3], Container.MP3) == plain
    assert probing.probe([mp3, b"\xff" * 5_000, b"TAG" + bytes(125)], Container.MP3) == plain


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([b"\xff", b"\xff\xf3\x48\xc0", b"\xff\xf3\x48\xc0" + bytes(140), b"\xfb\x90", b"ID3"])))
def test_counting_ends_on_any_bytes(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    for split in range(0, len(body), 1 + len(body) // 5):
        seconds = probing_child._seconds_of_frames(body[:split], io.BytesIO(body[split:]))
        assert 0 <= seconds <= len(body) / 144 * 0.036 + 0.1


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["frame", "padded", "other rate", "junk"]), st.integers(1, 60)), max_size=8))
def test_frames_are_counted_together_as_one_by_one(parts: list[tuple[str, int]]) -> None:
    """Runs of equal frames, looked at together, come to what a plain walk from header to header comes to."""
    kinds = {
        "frame": b"\xff\xf3\x48\xc0" + bytes(140),
        "padded": b"\xff\xf2\x4a\xc0" + bytes(141),
        "other rate": b"\xff\xf3\x88\xc0" + bytes(284),
        "junk": b"\x00\xff\x01",
    }
    body = b"".join(kinds[kind] * times for kind, times in [("frame", 2), *parts])
    walked = counted_slowly(body)
    assert probing_child._seconds_of_frames(body, io.BytesIO()) == pytest.approx(walked * 576 / 16_000)


def counted_slowly(body: bytes) -> int:
    lengths = probing_child._frame_lengths(probing_child._BITRATES[1], 576, 16_000, 2)
    frames, position = 0, 0
    while position < len(body) - 3:
        length = lengths[body[position + 2]]
        if length and body[position] == 0xFF and body[position + 1] & 0xFE == 0xF2:
            frames, position = frames + 1, position + length
        else:
            position += 1
    return frames - (position > len(body))


def test_half_a_file_is_half_as_long(mp3: bytes) -> None:
    whole = probing.probe([mp3], Container.MP3).duration_seconds
    assert probing.probe([mp3[: len(mp3) // 2]], Container.MP3).duration_seconds == pytest.approx(whole / 2, abs=0.2)


def test_the_stream_passes_unchanged_while_the_child_listens(mp3: bytes) -> None:
    chunks = [mp3[start : start + 10_000] for start in range(0, len(mp3), 10_000)]
    with Prober(Container.MP3) as prober:
        assert list(prober.tee(chunks)) == chunks
        facts = prober.finish()
    assert facts == AudioFacts("mp3", 1, 16_000, facts.duration_seconds)
    assert facts.duration_seconds == pytest.approx(32.6, abs=0.1)


@pytest.mark.parametrize(
    ("body", "container"),
    [
        (b"", Container.MP3),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", Container.MP3),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", Container.WAV),
        (b"OggS" + bytes(999), Container.OGG),
        (b"fLaC" + b"<html>" * 9_999, Container.FLAC),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(10**6), Container.MP4),
    ],
)
def test_what_is_not_audio_is_said_so(body: bytes, container: Container) -> None:
    assert code_of(body, container) == "not_audio"


def test_a_playlist_named_audio_opens_nothing(tmp_path: Path, mp3: bytes) -> None:
    bait = tmp_path / "bait.mp3"
    bait.write_bytes(mp3)
    playlist = f"ffconcat version 1.0\nfile '{bait}'\n".encode()
    master = f"#EXTM3U\n#EXTINF:10,\n{bait}\n#EXT-X-ENDLIST\n".encode()
    for body in (playlist, master):
        assert code_of(body, Container.MP3) == code_of(body, Container.MP4) == "not_audio"


def test_a_failing_probe_does_not_disturb_the_stream(mp3: bytes) -> None:
    chunks = [b"<html>" * 20_000] * 50
    with Prober(Container.MP4) as prober:
        assert list(prober.tee(chunks)) == chunks
        with pytest.raises(ProbeFailed):
            prober.finish()


def test_memory_has_a_limit(altered_child: Callable[..., None]) -> None:
    altered_child(f"    bytes(500_000_000)\n    return {SILENCE}")
    assert code_of(b"", Container.MP3, ProbeLimits(memory_bytes=400_000_000)) == "not_audio"
    assert probing.probe([b""], Container.MP3).codec == "none"


def test_processor_time_has_a_limit(altered_child: Callable[..., None]) -> None:
    altered_child("    while True: pass")
    assert code_of(b"", Container.MP3, ProbeLimits(cpu_seconds=1)) == "limits"


def test_a_child_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mp3: bytes) -> None:
    child = tmp_path / "child.py"
    child.write_text("import threading\nthreading.Event().wait(30)\n")
    monkeypatch.setattr(probing, "_CHILD", child)
    limits = ProbeLimits(stall_seconds=0.1)
    assert code_of(mp3, Container.MP3, limits) == "too_slow"  # it never reads, and the pipe is full
    assert code_of(b"", Container.MP3, limits) == "too_slow"  # it never answers


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        "{}",
        "x" * 10_000,
        '{"codec": "mp3", "channels": 1, "sample_rate": 16000, "duration_seconds": NaN}',
        '{"codec": "mp3", "channels": 1, "sample_rate": 16000, "duration_seconds": 1e99}',
        '{"codec": "mp3", "channels": true, "sample_rate": 16000, "duration_seconds": 1}',
        '{"codec": "mp3", "channels": 0, "sample_rate": 16000, "duration_seconds": 1}',
        '{"codec": "<script>", "channels": 1, "sample_rate": 16000, "duration_seconds": 1}',
        '{"codec": null, "channels": 1, "sample_rate": 16000, "duration_seconds": 1}',
    ],
)
def test_a_child_that_lies_is_not_believed(altered_child: Callable[..., None], answer: str) -> None:
    altered_child(f"    os.write(1, {answer.encode()!r})\n    return 0", "_measure_input()")
    assert code_of(b"", Container.MP3) == "bad_answer"


def test_a_child_that_never_stops_talking_is_not_heard_out(altered_child: Callable[..., None]) -> None:
    altered_child("    while True:\n        os.write(1, bytes(65_536))", "_measure_input()")
    assert code_of(b"", Container.MP3) == "crashed"


def test_the_child_can_open_nothing_and_knows_nothing(altered_child: Callable[..., None]) -> None:
    altered_child(f"""
    for attempt in (lambda: open("/etc/hosts"), lambda: socket.socket(), lambda: os.dup(0)):
        try:
            attempt()
        except OSError:
            continue
        sys.exit(4)
    sys.exit(5) if set(os.environ) - {{"LC_CTYPE"}} else None
    return {SILENCE}""")
    assert probing.probe([b""], Container.MP3).codec == "none"


def test_the_child_holds_its_recording_and_no_way_to_the_owner(altered_child: Callable[..., None]) -> None:
    altered_child(f"""
    kinds = [stat.S_ISFIFO(os.fstat(0).st_mode), stat.S_ISFIFO(os.fstat(1).st_mode)]
    for descriptor in range(3, 256):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        kinds.append(False)
    return {SILENCE} if all(kinds) else sys.exit(4)""")
    assert probing.probe([b""], Container.MP3).codec == "none"
