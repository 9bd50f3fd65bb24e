"""Ten thousand small objects of a real S3 server come in by a manifest, and come in once. By `make test`, two hundred.

The rate is printed: `pytest -s`, or SOAK=1.
"""

from __future__ import annotations

import io
import json
import math
import os
import struct
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts import tenancy
from compliance.intake import access
from compliance.intake.sources import Bucket
from compliance.recordings import access as register
from tests.compliance.calls import Line
from tests.object_store import ObjectStore

pytestmark = [pytest.mark.soak, pytest.mark.s3]

COUNT = 10_000 if os.environ.get("SOAK") else 200


def beep(number: int) -> bytes:
    """A tenth of a second of a tone of its own."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        pitch = 200 + number / 10
        samples = (round(8000 * math.sin(2 * math.pi * pitch * at / 8000)) for at in range(800))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return sound.getvalue()


def test_a_bucket_of_many_small_objects(
    committed_line: Line, object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = committed_line
    monkeypatch.setenv("IMPORT_ACCESS_KEY_ID", object_store.access_key)
    monkeypatch.setenv("IMPORT_SECRET_ACCESS_KEY", object_store.secret_key)
    url = f"s3://{object_store.bucket}/many?endpoint={object_store.endpoint}"
    client = Bucket(url, key=(object_store.access_key, object_store.secret_key))._client

    def upload(number: int) -> None:
        client.put_object(Bucket=object_store.bucket, Key=f"many/{number}.wav", Body=beep(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(COUNT)))
    manifest = tmp_path / "many.jsonl"
    with manifest.open("w") as file:
        for number in range(COUNT):
            file.write(json.dumps({"external_id": f"many_{number}", "audio": f"{number}.wav"}) + "\n")

    begun = time.monotonic()
    whose = ["--connection", str(line.connection.id), "--bucket", url]
    call_command("import_calls", str(manifest), *whose, "--workers", "4")
    seconds = time.monotonic() - begun
    print(f"{COUNT} objects in {seconds:.0f} s: {COUNT / seconds:.1f} a second")
    with tenancy.scope(line.organisation_id):
        run = access.imports(line.organisation_id).get()
        assert (run.state, run.seen, run.registered, run.failed) == ("finished", COUNT, COUNT, 0)
        stored = register.artifacts(line.organisation_id).filter(kind="recording", state="stored")
        assert stored.count() == register.calls(line.organisation_id).count() == COUNT
        assert stored.values("sha256").distinct().count() == COUNT
