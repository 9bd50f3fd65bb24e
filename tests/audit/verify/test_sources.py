"""The same log from a directory, a tar, a zip and over HTTP; and archives that lie."""

import http.server
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.tlog.errors import FormatError
from audit.verify import sources
from audit.verify.check import Trust, verify
from audit.verify.report import Outcome
from tests.audit.tlog import vectors
from tests.audit.verify.exports import SIZE, example, with_disclosures, with_root_log

TRUST = Trust(keys=(vectors.SIGNER.key,), root_keys=(vectors.ROOT_SIGNER.key, vectors.COSIGNER.key))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_disclosures(with_root_log(example())).write(tmp_path_factory.mktemp("export") / "acme-log")


class Served(http.server.SimpleHTTPRequestHandler):
    """Serves the export, with a token on request."""

    root = ""
    token = ""

    def translate_path(self, path: str) -> str:
        return self.root + path

    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "https://elsewhere.example/")
            self.end_headers()
        elif self.token and self.headers.get("Authorization") != f"Bearer {self.token}":
            self.send_error(401)
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def served(export: Path) -> Iterator[tuple[str, type[Served]]]:
    handler = type("Handler", (Served,), {"root": str(export)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def assert_verified(target: str) -> None:
    report = verify(target, TRUST)
    assert (report.outcome, report.problems) == (Outcome.OK, [])
    assert report.facts["entries_checked"] == SIZE
    assert report.facts["fields_erased"] == 2
    assert report.facts["root_log_size"] == 3


def test_a_directory(export: Path) -> None:
    assert_verified(str(export))


@pytest.mark.parametrize("folder", ["", "acme-log/", "./"])
def test_a_tar_file(export: Path, tmp_path: Path, folder: str) -> None:
    file = tmp_path / "log.tar"
    with tarfile.open(file, "w") as tar:
        tar.add(export, folder or ".")
    assert_verified(str(file))


@pytest.mark.parametrize("folder", ["", "acme-log/"])
def test_a_zip_file(export: Path, tmp_path: Path, folder: str) -> None:
    file = tmp_path / "log.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in export.rglob("*"):
            archive.write(path, folder + str(path.relative_to(export)))
    assert_verified(str(file))


def test_an_address(served: tuple[str, type[Served]]) -> None:
    assert_verified(served[0])
    assert_verified(served[0] + "/")


def test_an_address_with_a_token(served: tuple[str, type[Served]], monkeypatch: pytest.MonkeyPatch) -> None:
    address, handler = served
    handler.token = "secret"
    refused = verify(address, TRUST)
    assert (refused.kind, refused.outcome) == ("unreachable", Outcome.INCOMPLETE)
    monkeypatch.setenv(sources.TOKEN_VARIABLE, "secret")
    assert_verified(address)


def test_a_statement_at_an_address(served: tuple[str, type[Served]], export: Path) -> None:
    made = vectors.make_statement()
    assert isinstance(made, dict)
    (export / "certificate").write_text(str(made["statement"]), encoding="utf-8")

    assert verify(served[0] + "/certificate", TRUST).facts["statement"] == "erasure.certificate"


def test_a_redirect_is_not_followed(served: tuple[str, type[Served]]) -> None:
    report = verify(served[0] + "/moved", TRUST)

    assert report.outcome == Outcome.INCOMPLETE
    assert "redirects to https://elsewhere.example/" in report.problems[0].text


@pytest.mark.parametrize(
    "address", ["http://log.example/", "http://127.0.0.1.example/", "http://10.0.0.1/", "http://[::2]/"]
)
def test_clear_text_only_on_this_machine(address: str) -> None:
    with pytest.raises(FormatError, match="https"):
        sources.Web(address)
    assert verify(address, TRUST).outcome == Outcome.INVALID


@pytest.mark.parametrize(
    "address", ["https://log.example", "http://localhost:1", "http://127.0.0.2:1", "http://[::1]:1"]
)
def test_addresses_that_are_taken(address: str) -> None:
    assert sources.Web(address).prefix == address


def test_nobody_listens(served: tuple[str, type[Served]]) -> None:
    assert verify("http://127.0.0.1:1", TRUST).outcome == Outcome.INCOMPLETE


def test_a_member_that_unpacks_without_end_is_refused(export: Path, tmp_path: Path) -> None:
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in export.rglob("*"):
            if path.is_file() and path != export / "tile/0/001":
                archive.write(path, path.relative_to(export))
        archive.writestr("tile/0/001", b"\0" * 50_000_000)
    report = verify(str(file), TRUST)

    assert report.outcome == Outcome.INVALID
    assert any("more than 8192 bytes" in problem.text for problem in report.problems)


def test_archives_that_are_broken_are_refused(export: Path, tmp_path: Path) -> None:
    whole = tmp_path / "log.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(export / "checkpoint", "checkpoint")
    data = whole.read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: len(data) // 2])
    (tmp_path / "bent.zip").write_bytes(data[:60] + bytes([data[60] ^ 0xFF]) + data[61:])
    (tmp_path / "odd.tar").write_bytes(b"x" * 257 + b"ustar" + b"\xff" * 600)

    for name in ("cut.zip", "bent.zip", "odd.tar"):
        assert verify(str(tmp_path / name), TRUST).outcome == Outcome.INVALID


def test_links_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    file = tmp_path / "log.tar"
    with tarfile.open(file, "w") as tar:
        link = tarfile.TarInfo("checkpoint")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)

    assert verify(str(file), TRUST).outcome == Outcome.INCOMPLETE


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "disclosures.jsonl").write_bytes(b"x" * (sources.MAX_LINE + 1))
    with pytest.raises(FormatError, match="line"):
        list(sources.Directory(tmp_path).lines("disclosures.jsonl"))
