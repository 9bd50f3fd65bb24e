"""Sound of every kind that is kept, made on the spot."""

from __future__ import annotations

import array
import importlib
import io
import math
from typing import Any

from compliance.connectors.sniffing import Container

av: Any = importlib.import_module("av")  # its types cannot tell audio's streams from others

KINDS = [
    (Container.MP3, "libmp3lame", "mp3"),
    (Container.WAV, "pcm_s16le", "pcm_s16le"),
    (Container.WAV, "pcm_mulaw", "pcm_mulaw"),
    (Container.OGG, "libopus", "opus"),
    (Container.FLAC, "flac", "flac"),
    (Container.MP4, "aac", "aac"),
]
"""Kind of file, encoder, and the codec's name as it is measured."""


def tone(container: Container, encoder: str, layout: str, seconds: int = 2, rate: int = 16_000) -> bytes:
    """A sine of some seconds in the given kind of file."""
    target = io.BytesIO()
    samples = array.array("h", [int(3_000 * math.sin(i / 9)) for i in range(rate * seconds)])
    with av.open(target, "w", format=container.value) as opened:
        stream = opened.add_stream(encoder, rate=rate, layout=layout)
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = rate
        coder = stream.codec_context
        resampler = av.AudioResampler(coder.format, layout, coder.rate, coder.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            opened.mux(stream.encode(piece))
        opened.mux(stream.encode(None))
    return target.getvalue()
