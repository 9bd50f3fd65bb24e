"""The story: seven calls arrive, one person asks for a copy and then for erasure, and an outsider checks the
certificate.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import httpx

from compliance.config import samples
from compliance.config.demo.client import NotProven, answered, eventually, expect, member, robot
from compliance.config.demo.instance import Stage
from compliance.embedded.places import PROJECT

__all__ = ["NotProven", "Story"]

MARIA = "maria.delgado@example.com"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, and the function that does it and returns its proof in words."""

    title: str
    run: Callable[[], str]


class Story:
    """Steps share what they learn."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._clients = ExitStack()
        self._samples = list(samples.samples(stage.media_url))
        self._calls: dict[str, str] = {}  # the platform's id → ours
        self._certificate = b""

    def __enter__(self) -> Self:
        facts, base = self._stage.facts, self._stage.base_url
        self._robot = robot(base, facts["api_key"])
        self._officer = member(base, facts["officer"])
        self._reviewer = member(base, facts["reviewer"])
        for client in (self._robot, self._officer, self._reviewer):
            self._clients.callback(client.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._clients.close()

    @property
    def steps(self) -> Sequence[Step]:
        """The story in order."""
        return [
            Step("seven calls arrive by authenticated webhook", self._webhooks),
            Step("audio is fetched, sealed and hashed", self._recordings),
            Step("a link plays a range of one recording", self._playback),
            Step("prompts and calls are audited for disclosure", self._disclosure),
            Step("an access request runs to the end", self._access),
            Step("an erasure request runs to its certificate", self._erasure),
            Step("an outsider checks the certificate offline", self._verify),
            Step("the erased calls stay erased", self._stays_erased),
        ]

    def _webhooks(self) -> str:
        url, secret = (
            self._stage.facts["webhook_urls"]["dialgen"],
            self._stage.facts["webhook_secrets"]["dialgen"],
        )
        refused = httpx.post(
            url, json=self._samples[0].body, headers={"Authorization": "Bearer wrong"}, trust_env=False
        )
        expect(refused.status_code == httpx.codes.UNAUTHORIZED, "a wrong token is refused")
        for sample in self._samples:
            first = self._deliver(sample, secret)
            again = self._deliver(sample, secret)
            expect(first == again, "the same delivery sent twice is one delivery")
        return f"{len(self._samples)} accepted (each sent twice, kept once), a wrong token refused"

    def _deliver(self, sample: samples.Sample, secret: str) -> Any:
        url = self._stage.facts["webhook_urls"]["dialgen"]
        answer = httpx.post(
            url, json=sample.body, headers={"Authorization": f"Bearer {secret}"}, timeout=30, trust_env=False
        )
        return answered(answer, 202)["delivery"]

    def _recordings(self) -> str:
        total = 0
        for sample in self._samples:
            call = eventually(partial(self._stored, sample), f"{sample.name} is stored with its own hash")
            self._calls[sample.call_id] = call["id"]
            total += sample.audio.stat().st_size
        return f"{len(self._samples)} recordings, {total:,} bytes, every SHA-256 is the file's own"

    def _stored(self, sample: samples.Sample) -> dict[str, Any] | None:
        answer = self._robot.get(f"/api/v1/calls/{sample.call_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        call: dict[str, Any] = answered(answer)
        hashes = [
            part["sha256"] for part in call["artifacts"] if part["kind"] == "recording" and part["state"] == "stored"
        ]
        return call if hashes == [sample.sha256] else None

    def _recording_of(self, sample: samples.Sample) -> dict[str, Any]:
        call = answered(self._robot.get(f"/api/v1/calls/{self._calls[sample.call_id]}"))
        found: dict[str, Any] = next(part for part in call["artifacts"] if part["kind"] == "recording")
        return found

    def _playback(self) -> str:
        sample = self._samples[0]
        artifact = self._recording_of(sample)["id"]
        link = answered(
            self._robot.post(f"/api/v1/artifacts/{artifact}/links", json={"purpose": "quality assurance"}), 201
        )
        answer = httpx.get(link["url"], headers={"Range": "bytes=40000-49999"}, trust_env=False)
        expect(answer.status_code == httpx.codes.PARTIAL_CONTENT, "a range is answered with 206")
        expect(answer.content == sample.audio.read_bytes()[40000:50000], "the range is the recording's own bytes")
        self._link = link["url"]
        return "10,000 bytes from the middle are the file's own"

    def _disclosure(self) -> str:
        def judged() -> dict[str, str] | None:
            audits = answered(self._robot.get("/api/v1/disclosure/audits", params={"limit": 100}))["results"]
            calls = {audit["call_id"]: audit["verdict"] for audit in audits if audit["call_id"]}
            prompts = [audit for audit in audits if audit["prompt_id"]]
            return calls if len(calls) == len(self._samples) and len(prompts) >= 2 else None

        calls = eventually(judged, "every call and every prompt is judged")
        verdicts = {sample.name: calls[self._calls[sample.call_id]] for sample in self._samples}
        expect(verdicts["01_disclosed_at_opening"] == "pass", "a clear notice at the opening passes")
        expect(verdicts["02_no_disclosure"] == "fail", "a call without a notice fails")
        counts = {name: list(verdicts.values()).count(name) for name in ("pass", "review", "fail")}
        return ", ".join(f"{count} {name}" for name, count in counts.items())

    def _access(self) -> str:
        request = self._request("access")
        done = self._await_state(request, "fulfilled")
        answer = self._officer.get(f"/api/v1/requests/{request}/package")
        expect(
            hashlib.sha256(answer.content).hexdigest() == done["packages"][0]["sha256"],
            "what is delivered is what was reviewed",
        )
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        manifest = json.loads(archive.read("manifest.json"))
        for item in manifest["files"]:
            expect(
                hashlib.sha256(archive.read(item["name"])).hexdigest() == item["sha256"], f"{item['name']} is as listed"
            )
        own = {sample.sha256 for sample in self._samples} & {item["sha256"] for item in manifest["files"]}
        expect(len(own) == 2, "the recordings in it are her two calls")
        return f"ZIP with {len(manifest['files'])} files, both of her calls found by e-mail, hashes right"

    def _erasure(self) -> str:
        request = self._request("erasure")
        eventually(lambda: self._read(request)["certificates"], "our own copies are proven gone")
        interim = self._read(request)
        expect(not interim["certificates"][0]["is_final"], "while the platform keeps its copy no certificate is final")
        self._platform_deletes()
        done = self._await_state(request, "fulfilled")
        last = done["certificates"][0]
        expect(last["is_final"], "the last certificate is final")
        answer = self._robot.get(f"/api/v1/requests/{request}/certificates/{last['number']}")
        expect(
            hashlib.sha256(answer.content).hexdigest() == last["sha256"], "the certificate is the one that was issued"
        )
        pdf = self._robot.get(f"/api/v1/requests/{request}/certificates/{last['number']}.pdf")
        expect(pdf.content.startswith(b"%PDF-"), "it exists as PDF")
        self._certificate = answer.content
        return "interim while the platform's copy was there, final once every place was proven or attested empty"

    def _platform_deletes(self) -> None:
        """The platform's people delete her originals; we ask every open place again, and an officer attests the ones
        without address.
        """
        for sample in self._hers():
            (self._stage.media_folder / sample.audio.name).unlink()
        for place in answered(self._robot.get("/api/v1/deletion-debt", params={"limit": 200}))["results"]:
            if not answered(self._officer.post(f"/api/v1/locations/{place['id']}/check"))["is_gone"]:
                evidence = {"evidence": "Support case 4711 of the platform: deletion confirmed in writing."}
                answered(self._officer.post(f"/api/v1/locations/{place['id']}/attestation", json=evidence))

    def _hers(self) -> list[samples.Sample]:
        return [sample for sample in self._samples if MARIA in json.dumps(sample.body)]

    def _verify(self) -> str:
        answer = self._robot.get(f"/log/{self._stage.facts['organisation']}/keys")
        expect(answer.status_code == httpx.codes.OK, "the log publishes its key")
        key = answer.text.split()[0]
        path = self._stage.var / "certificate.json"
        path.write_bytes(self._certificate)
        command = [sys.executable, "-m", "audit.verify", str(path), "--key", key]
        done = subprocess.run(
            command, cwd=PROJECT, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
        )
        expect(done.returncode == 0, f"the verifier accepts it: {done.stdout[-600:]}{done.stderr[-600:]}")
        forged = self._certificate.replace(b'"final":true', b'"final":false')
        expect(forged != self._certificate, "the forgery differs")
        path.write_bytes(forged)
        refused = subprocess.run(command, cwd=PROJECT, capture_output=True, check=False, env={"PATH": "/usr/bin:/bin"})
        expect(refused.returncode != 0, "the verifier refuses a forged one")
        return "accepted with the log's key alone; one changed word is refused"

    def _stays_erased(self) -> str:
        hers = self._hers()
        gone = httpx.get(self._link, trust_env=False).status_code
        expect(gone in {404, 410}, "her link plays nothing any more")
        secret = self._stage.facts["webhook_secrets"]["dialgen"]
        for sample in hers:
            late = json.loads(json.dumps(sample.body))
            late["callData"]["summary"] = "a late event"
            url = self._stage.facts["webhook_urls"]["dialgen"]
            answered(
                httpx.post(url, json=late, headers={"Authorization": f"Bearer {secret}"}, timeout=30, trust_env=False),
                202,
            )
        for sample in hers:
            answer = self._robot.get(f"/api/v1/calls/{self._calls[sample.call_id]}/transcript")
            expect(answer.status_code in {404, 410}, "her words are not there")
        others = answered(self._robot.get("/api/v1/calls", params={"limit": 50, "state": "active"}))["results"]
        expect(len(others) == len(self._samples) - len(hers), "nobody else lost anything")
        return f"links and words answer {gone}; late events are refused; the other {len(others)} calls are untouched"

    def _request(self, right: str) -> str:
        """Receive, verify by code, locate, propose, approve by somebody else."""
        body = {
            "rights": [right],
            "regime": "us-ca",
            "place": "US-CA",
            "identities": [{"kind": "email", "value": MARIA}],
            "person": {"name": "Maria Delgado", "email": MARIA},
        }
        made = answered(self._robot.post("/api/v1/requests", json=body), 201)
        request: str = made["id"]
        answered(
            self._robot.post(f"/api/v1/requests/{request}/codes", json={"claim": made["identities"][0]["id"]}), 202
        )
        code = self._code_of(request)
        answered(self._robot.post(f"/api/v1/requests/{request}/verification", json={"code": "00000000"}), 400)
        answered(self._robot.post(f"/api/v1/requests/{request}/verification", json={"code": code}))
        eventually(lambda: self._read(request)["is_located"], "her calls are located")
        plan = answered(self._officer.get(f"/api/v1/requests/{request}/plan"))
        expect(plan["calls"] == 2, "both of her calls are in the plan")
        answered(self._officer.post(f"/api/v1/requests/{request}/proposal"))
        digest = {"plan_digest": plan["plan_digest"]}
        answered(self._officer.post(f"/api/v1/requests/{request}/approval", json=digest), 403)
        answered(self._reviewer.post(f"/api/v1/requests/{request}/approval", json=digest))
        return request

    def _code_of(self, request: str) -> str:
        letters = answered(self._officer.get(f"/api/v1/requests/{request}/letters"))["results"]
        letter = next(one for one in letters if one["template"] == "one_time_code")
        words = answered(self._officer.get(f"/api/v1/letters/{letter['id']}"))["body"]
        found = re.search(r"\b(\d{8})\b", words)
        if found is None:
            raise NotProven("the letter holds a code")
        return found.group(1)

    def _read(self, request: str) -> dict[str, Any]:
        found: dict[str, Any] = answered(self._robot.get(f"/api/v1/requests/{request}"))
        return found

    def _await_state(self, request: str, state: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            found = self._read(request)
            return found if found["state"] == state else None

        return eventually(reached, f"the request is {state}", seconds=120)
