from __future__ import annotations

import pytest

from compliance.recordings.ranges import ByteRange, Unsatisfiable, read, whole

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-499", 0, 500),
        ("bytes=500-999", 500, 1000),
        ("bytes=500-5000", 500, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=900-", 900, 1000),
        ("bytes=0-", 0, 300),
        ("bytes=100-", 100, 400),
        ("Bytes = 5-6", 5, 7),
        ("bytes=000-001", 0, 2),
    ],
)
def test_one_range(header: str, start: int, stop: int) -> None:
    assert read(header, SIZE, open_ended_limit=300) == ByteRange(start, stop)


@pytest.mark.parametrize(
    "header",
    [
        None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-1", "bytes=0-1,5-6", "bytes= 0-1, 5-",
        "items=0-1", "bytes=0x1-2", "bytes=--1", "bytes=+1-2", "bytes=1-2-3",
        "bytes=" + "9" * 40 + "-", "bytes=٣-٤", "0-1",
    ],
)  # fmt: skip
def test_everything_else_gets_the_whole(header: str | None) -> None:
    assert read(header, SIZE, open_ended_limit=300) is None
    assert whole(SIZE) == ByteRange(0, SIZE)


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=99999999-", "bytes=-0"])
def test_outside(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        read(header, SIZE, open_ended_limit=300)


@pytest.mark.parametrize("header", ["bytes=0-0", "bytes=0-", "bytes=-1"])
def test_nothing_has_no_range(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        read(header, 0, open_ended_limit=300)
