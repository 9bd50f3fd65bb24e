"""The page of an outside check in a browser without a network: it opens what is whole, and refuses everything else."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from compliance.recordings.operations import outside_delivery
from compliance.vault import envelope
from tests.cast import Cast
from tests.compliance.recordings.outside import approved, second_owner, unzipped
from tests.walks import browsing

pytestmark = [pytest.mark.browser, browsing.needs_chromium]

_PATIENCE = 60_000


@pytest.fixture
def folder(cast: Cast, arrived: Callable[..., dict[str, UUID]], tmp_path: Path) -> Path:
    """A real archive, unpacked."""
    row = approved(cast, second_owner(cast), arrived("01")["01"])
    unzipped(outside_delivery.deliver_outside_check(actor=cast.owner.actor, check_id=row.id)).extractall(tmp_path)
    return tmp_path


@pytest.fixture
def browser(folder: Path) -> Iterator[Browser]:
    with browsing.chromium() as found:
        yield found


@pytest.fixture
def asked() -> list[str]:
    """Every address that the page asked for."""
    return []


@pytest.fixture
def page(browser: Browser, folder: Path, asked: list[str]) -> Page:
    """The archive's own page, opened from its folder, without a network."""
    context = browser.new_context(offline=True, bypass_csp=False)
    found = context.new_page()
    found.on("request", lambda request: asked.append(request.url))
    found.goto((folder / "open.html").as_uri())
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _listed(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "keys.json").read_text())["objects"]
    return found


def _give(page: Page, folder: Path) -> None:
    """Choose the files on a fresh page, and wait until all are looked at."""
    page.reload()
    page.set_input_files("#files", [folder / "keys.json", *sorted((folder / "objects").iterdir())])
    expect(page.get_by_role("status")).to_contain_text("objects open and match.", timeout=_PATIENCE)


def _told(page: Page, one: dict[str, Any]) -> tuple[str | None, str, str, str]:
    """What the page says of an object: its state, the two digests, and the opening."""
    row = page.locator(f"[id='{one['artifact']}']")
    words = [row.locator(f".{name}").inner_text() for name in ("stored", "content", "opening")]
    return row.get_attribute("data-state"), words[0], words[1], words[2]


def _of(folder: Path, kind: str) -> dict[str, Any]:
    return next(one for one in _listed(folder) if one["kind"] == kind)


def test_everything_opens_matches_and_can_be_taken(page: Page, folder: Path, asked: list[str]) -> None:
    page.set_input_files("#folder", folder)  # the folder as it is, its other files included
    expect(page.get_by_role("status")).to_contain_text("objects open and match.", timeout=_PATIENCE)
    listed = _listed(folder)
    assert page.get_by_role("status").inner_text() == f"{len(listed)} of {len(listed)} objects open and match."
    assert {_told(page, one) for one in listed} == {("opened", "matches", "matches", "opens")}
    for one in listed:
        row = page.locator(f"[id='{one['artifact']}']")
        with page.expect_download() as waiting:
            row.get_by_role("link", name="Save").click()
        data = Path(waiting.value.path()).read_bytes()
        assert sha256(data) == one["sha256"]
        assert waiting.value.suggested_filename.startswith(f"{one['kind']}-{one['artifact']}.")
    sound = page.locator(f"[id='{_of(folder, 'recording')['artifact']}'] audio")
    sound.evaluate("one => one.readyState || new Promise(done => one.addEventListener('loadedmetadata', done))")
    assert sound.evaluate("one => one.duration") > 1
    assert {url.split(":")[0] for url in asked} <= {"file", "blob"}


def test_a_flipped_byte_is_refused(page: Page, folder: Path) -> None:
    one = _of(folder, "recording")
    path, last = folder / one["file"], one["size"] // envelope.CHUNK
    whole = path.read_bytes()
    places = {
        3: "this key or context",  # salt
        40: "this key or context",  # commitment
        envelope.HEADER + 9: "chunk 0 was altered",
        envelope.HEADER + envelope.SEALED_CHUNK + envelope.CHUNK + 3: "chunk 1 was altered",  # its tag
        len(whole) - 1: f"chunk {last} was altered",
    }
    assert last > 1
    for at, said in places.items():
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        _give(page, folder)
        state, stored, content, opening = _told(page, one)
        assert (at, state, stored, content) == (at, "refused", "differs", "")
        assert said in opening
        assert page.locator(f"[id='{one['artifact']}'] .plain").inner_html() == ""  # nothing of it is shown
        others = [_told(page, other)[0] for other in _listed(folder) if other != one]
        assert set(others) == {"opened"}


def test_a_cut_object_is_refused(page: Page, folder: Path) -> None:
    one = _of(folder, "recording")
    path = folder / one["file"]
    whole = path.read_bytes()
    at_an_edge = envelope.HEADER + 2 * envelope.SEALED_CHUNK
    inside_a_tag = envelope.HEADER + envelope.SEALED_CHUNK + 7
    for length in (len(whole) - 1, at_an_edge, inside_a_tag, 20, 0):
        assert length < len(whole)
        path.write_bytes(whole[:length])
        _give(page, folder)
        state, stored, content, opening = _told(page, one)
        assert (length, state, stored, content) == (length, "refused", "differs", "")
        assert "cut" in opening


def test_a_wrong_key_is_refused(page: Page, folder: Path) -> None:
    whole = (folder / "keys.json").read_text()
    for wrong in ("dek", "context", "swapped", "short"):
        document = json.loads(whole)
        one, other = document["objects"][:2]
        if wrong == "swapped":
            one["dek"], other["dek"] = other["dek"], one["dek"]
        elif wrong == "short":
            one["dek"] = one["dek"][:-2]
        else:
            one[wrong] = f"{int(one[wrong][:2], 16) ^ 1:02x}{one[wrong][2:]}"
        (folder / "keys.json").write_text(json.dumps(document))
        _give(page, folder)
        state, stored, content, opening = _told(page, one)
        assert (wrong, state, stored, content) == (wrong, "refused", "matches", "")
        assert ("32 bytes" if wrong == "short" else "this key or context") in opening


def test_other_content_under_the_right_key_is_not_given_out(page: Page, folder: Path) -> None:
    """Whoever has the key can seal something else; its digest gives it away."""
    one = _of(folder, "transcript")
    sealed = envelope.seal(bytes.fromhex(one["dek"]), bytes.fromhex(one["context"]), b"something else")
    (folder / one["file"]).write_bytes(sealed)
    _give(page, folder)
    assert _told(page, one) == ("refused", "differs", "differs", "opens")
    assert page.locator(f"[id='{one['artifact']}'] .plain").inner_html() == ""


def test_every_size_around_a_chunk(page: Page, folder: Path) -> None:
    """Sealed by the vault, opened by the page."""
    document = json.loads((folder / "keys.json").read_text())
    key, context = (bytes.fromhex(document["objects"][0][name]) for name in ("dek", "context"))
    shutil.rmtree(folder / "objects")
    (folder / "objects").mkdir()
    made = []
    for size in (0, 1, 16383, 16384, 16385, 32768, 64 * 16384 - 1, 64 * 16384, 64 * 16384 + 1):
        plain, id_ = hashlib.shake_128(b"plain").digest(size), str(uuid4())
        sealed = envelope.seal(key, context, plain)
        (folder / "objects" / f"{id_}.c2sp").write_bytes(sealed)
        digests = {"sha256": sha256(plain), "ciphertext_sha256": sha256(sealed)}
        made.append(document["objects"][0] | digests | {"artifact": id_, "size": size, "media_type": "x/y"})
    (folder / "keys.json").write_text(json.dumps(document | {"objects": made}))
    _give(page, folder)
    assert {(one["size"], *_told(page, one)) for one in made} == {
        (one["size"], "opened", "matches", "matches", "opens") for one in made
    }


def test_words_of_a_caller_are_no_markup(page: Page, folder: Path) -> None:
    """What is opened, and what stands in keys.json, is text."""
    document = json.loads((folder / "keys.json").read_text())
    one, plain = document["objects"][0], b"<img src=x onerror=document.title='run'>"
    (folder / one["file"]).write_bytes(envelope.seal(bytes.fromhex(one["dek"]), bytes.fromhex(one["context"]), plain))
    one |= {"size": len(plain), "sha256": sha256(plain), "media_type": "text/html"}
    one["kind"] = plain.decode()
    (folder / "keys.json").write_text(json.dumps(document))
    _give(page, folder)
    page.locator("summary").first.click()
    assert page.locator("pre").first.inner_text() == plain.decode()
    assert (page.locator("img").count(), page.title()) == (0, "Open sealed objects")


def test_files_that_are_not_of_a_check_and_files_that_are_missing(page: Page, folder: Path) -> None:
    shutil.copy(folder / "keys.json", folder / "kept")
    (folder / "keys.json").write_text('{"format": "something"}')
    page.set_input_files("#files", [folder / "keys.json"])
    expect(page.get_by_role("status")).to_have_text("This keys.json is not one of an outside check.")
    shutil.move(folder / "kept", folder / "keys.json")
    page.set_input_files("#files", [folder / "keys.json"])
    expect(page.get_by_role("status")).to_contain_text("0 of", timeout=_PATIENCE)
    assert {_told(page, one)[3] for one in _listed(folder)} == {"waiting for its file"}
    page.set_input_files("#files", sorted((folder / "objects").iterdir()))  # later, the rest
    count = len(_listed(folder))
    expect(page.get_by_role("status")).to_contain_text(f"{count} of {count}", timeout=_PATIENCE)


def test_the_page_is_for_every_reader(browser: Browser, folder: Path) -> None:
    for scheme in ("light", "dark"):
        options: dict[str, Any] = {"viewport": browsing.NARROW, "color_scheme": scheme}
        page = browser.new_context(bypass_csp=True, **options).new_page()  # the checker itself is a script
        page.goto((folder / "open.html").as_uri())
        _give(page, folder)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0
        faults = Axe().run(page).response["violations"]
        assert [fault["id"] for fault in faults if fault["impact"] in {"serious", "critical"}] == [], scheme
