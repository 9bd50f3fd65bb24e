"""What every key service must do, asked of each; and what AWS KMS must survive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from botocore.awsrequest import AWSResponse
from django.core.exceptions import ImproperlyConfigured
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto import mock_aws
from pytest_django.fixtures import Settings

from audit.ids import uuid7
from compliance.vault import aws_kms, checks, key_services, keycache, keyring, scopes, store
from compliance.vault.aws_kms import AwsKms
from compliance.vault.errors import KmsUnavailable, Unreadable
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keyring import KeyProvider, LocalKeyring
from compliance.vault.keystore import custody

REGION = "eu-central-1"
SECRET = bytes(range(32))
CONTEXT = {"organisation": "0190", "key": "0191", "version": "1"}
MakeService = Callable[[], KeyProvider]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The service's double in this process; every client that is made inside talks to it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield aws_kms._session().client("kms", region_name=REGION)


def new_key(aws: Any) -> str:
    return str(aws.create_key()["KeyMetadata"]["KeyId"])


@pytest.fixture(params=["local", "aws"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeService:
    """Makes a service with a key of its own each time."""
    if request.param == "local":

        def local() -> KeyProvider:
            path = tmp_path / f"{uuid7()}.json"
            keyring.create_keyring(path)
            return LocalKeyring(path)

        return local
    client = request.getfixturevalue("aws")
    return lambda: AwsKms(new_key(client), region=REGION)


@pytest.fixture
def service(make: MakeService) -> KeyProvider:
    return make()


class TestEachService:
    def test_what_was_wrapped_comes_back_and_is_not_seen(self, make: MakeService) -> None:
        service = make()
        blob = service.wrap(SECRET, CONTEXT)
        assert service.unwrap(blob, dict(reversed(CONTEXT.items()))) == SECRET
        assert SECRET not in blob
        assert blob != service.wrap(SECRET, CONTEXT)
        assert service.healthy()
        assert service.is_current(blob)

    @pytest.mark.parametrize("context", [{}, CONTEXT | {"version": "2"}, CONTEXT | {"more": "x"}])
    def test_another_context_is_unreadable(self, make: MakeService, context: Mapping[str, str]) -> None:
        service = make()
        with pytest.raises(Unreadable):
            service.unwrap(service.wrap(SECRET, CONTEXT), context)

    def test_every_byte_of_a_wrap_counts(self, make: MakeService) -> None:
        service = make()
        blob = service.wrap(SECRET, CONTEXT)
        for at in range(len(blob)):
            spoiled = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
            with pytest.raises((Unreadable, KmsUnavailable)):  # a byte of the key's name: nobody answers to it
                service.unwrap(spoiled, CONTEXT)

    def test_a_cut_or_longer_wrap_opens_nothing(self, make: MakeService) -> None:
        service = make()
        blob = service.wrap(SECRET, CONTEXT)
        for spoiled in [*(blob[:length] for length in range(len(blob))), blob + b"\0"]:
            with pytest.raises(Unreadable):
                service.unwrap(spoiled, CONTEXT)

    def test_a_wrap_of_another_key_is_not_current(self, make: MakeService) -> None:
        ours, other = make(), make()
        assert not ours.is_current(other.wrap(SECRET, CONTEXT))

    @given(data=st.binary(max_size=120))
    @hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_hostile_wraps_raise_only_our_error(self, service: KeyProvider, data: bytes) -> None:
        with pytest.raises(Unreadable):
            service.unwrap(data, CONTEXT)

    def test_nothing_secret_is_in_its_text(self, make: MakeService) -> None:
        service = make()
        service.wrap(SECRET, CONTEXT)
        assert SECRET.hex() not in repr(service) + str(vars(service))


def failing(service: AwsKms, answers: list[tuple[int, str]]) -> list[str]:
    """Let the far end answer so, one after another, before it answers as it does; the calls that were made."""
    made: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        made.append(request.headers["X-Amz-Target"].decode().partition(".")[2])
        if not answers:
            return None
        status, code = answers.pop(0)
        body = f'{{"__type":"{code}","message":"arn and names"}}'.encode()
        return _response(request.url, status, body)

    service._client.meta.events.register_first("before-send.kms", answer)
    return made


def _response(url: str, status: int, body: bytes) -> AWSResponse:
    class Raw:
        def stream(self, *_: object, **__: object) -> Iterator[bytes]:
            yield body

    headers: Any = {"Content-Type": "application/x-amz-json-1.1"}
    return AWSResponse(url, status, headers, Raw())


class TestAwsKms:
    def test_a_fault_for_a_moment_is_tried_again(self, aws: Any) -> None:
        service = AwsKms(new_key(aws), region=REGION)
        blob = service.wrap(SECRET, CONTEXT)
        made = failing(service, [(500, "KMSInternalException"), (400, "ThrottlingException")])
        assert service.unwrap(blob, CONTEXT) == SECRET
        assert made == ["Decrypt"] * 3

    @pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException", "AccessDeniedException"])
    def test_a_refusal_is_unavailable_and_says_nothing(self, aws: Any, code: str) -> None:
        service = AwsKms(new_key(aws), region=REGION)
        blob = service.wrap(SECRET, CONTEXT)
        failing(service, [(400, code)])
        with pytest.raises(KmsUnavailable) as refusal:
            service.unwrap(blob, CONTEXT)
        assert "arn" not in str(refusal.value) + repr(refusal.value.__notes__)

    def test_a_disabled_key_is_not_healthy_and_opens_nothing(self, aws: Any) -> None:
        key = new_key(aws)
        service = AwsKms(key, region=REGION)
        blob = service.wrap(SECRET, CONTEXT)
        aws.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        assert not service.healthy()
        assert not AwsKms("alias/none", region=REGION).healthy()
        failing(service, [(400, "KMSInvalidStateException")])  # the double opens it all the same
        with pytest.raises(KmsUnavailable):
            service.unwrap(blob, CONTEXT)

    def test_nobody_there_is_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        service = AwsKms("key", region=REGION, endpoint="http://127.0.0.1:9")
        with pytest.raises(KmsUnavailable):
            service.wrap(SECRET, CONTEXT)

    @pytest.mark.parametrize("operation", ["Decrypt", "Encrypt"])
    def test_other_bytes_than_were_wrapped_are_noticed(self, aws: Any, operation: str) -> None:
        service = AwsKms(new_key(aws), region=REGION)
        blob = service.wrap(SECRET, CONTEXT)
        foreign = aws.encrypt(KeyId=new_key(aws), Plaintext=bytes(32), EncryptionContext=CONTEXT)

        def lie(parsed: dict[str, Any], **_: Any) -> None:
            parsed |= {"Plaintext": bytes(32)} if operation == "Decrypt" else foreign | {"KeyId": parsed["KeyId"]}

        service._client.meta.events.register(f"after-call.kms.{operation}", lie)
        with pytest.raises((Unreadable, KmsUnavailable)):
            service.unwrap(blob, CONTEXT) if operation == "Decrypt" else service.wrap(SECRET, CONTEXT)

    def test_an_alias_that_moved_on_makes_older_wraps_not_current(self, aws: Any) -> None:
        aws.create_alias(AliasName="alias/callwarden", TargetKeyId=new_key(aws))
        service = AwsKms("alias/callwarden", region=REGION)
        before = service.wrap(SECRET, CONTEXT)
        aws.update_alias(AliasName="alias/callwarden", TargetKeyId=new_key(aws))
        after = service.wrap(SECRET, CONTEXT)
        assert (service.is_current(before), service.is_current(after)) == (False, True)
        assert service.unwrap(before, CONTEXT) == service.unwrap(after, CONTEXT) == SECRET


@pytest.fixture
def guarded_by_aws(aws: Any, settings: Settings) -> None:
    settings.KMS_URL = f"aws-kms://{REGION}/{new_key(aws)},local:"


def calls_of(service: str, operation: str) -> float:
    return float(key_services.CALLS.labels(service, operation, "ok")._value.get())


def sealed(organisation_id: UUID) -> Any:
    call = scopes.call(uuid7(), ())
    return store.put_inline(
        organisation_id=organisation_id,
        scope=call,
        kind=store.ObjectKind.TRANSCRIPT,
        plaintext=b"words",
        media_type="text/plain",
    )


@pytest.mark.usefixtures("guarded_by_aws")
class TestTheVaultUnderAws:
    def test_calls_follow_organisations_and_lifetimes_never_objects(self, organisation_id: UUID) -> None:
        wraps, unwraps = calls_of("aws", "wrap"), calls_of("aws", "unwrap")
        kept = [sealed(organisation_id) for _ in range(20)]
        assert all(store.open_bytes(one) == b"words" for one in kept)
        assert (calls_of("aws", "wrap") - wraps, calls_of("aws", "unwrap") - unwraps) == (1, 1)

    def test_a_crowd_asks_once(self, organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
        sealed(organisation_id)
        with custody.reaching(organisation_id):
            row = custody._rows(organisation_id, [KeyName(KeyKind.ROOT, organisation_id)])
        custody.forget()
        monkeypatch.setattr(custody, "_rows", lambda *_: row)  # threads have no part in this test's transaction
        monkeypatch.setattr(custody, "reaching", lambda _: _nothing())
        before, start = calls_of("aws", "unwrap"), threading.Barrier(6)

        def ask(_: int) -> bytes:
            start.wait()
            return custody.root(organisation_id).key

        with ThreadPoolExecutor(6) as pool:
            assert len(set(pool.map(ask, range(6)))) == 1
        assert calls_of("aws", "unwrap") - before == 1

    def test_while_the_service_is_down_what_is_at_hand_opens_until_its_time_is_over(
        self, organisation_id: UUID, settings: Settings
    ) -> None:
        one = sealed(organisation_id)
        settings.KMS_URL = f"aws-kms://{REGION}/key?endpoint=http://127.0.0.1:9"
        assert store.open_bytes(one) == b"words"
        custody.forget()  # as after its lifetime
        with pytest.raises(KmsUnavailable):
            store.open_bytes(one)

    def test_a_service_opens_what_it_wrapped_after_another_took_over(
        self, organisation_id: UUID, settings: Settings
    ) -> None:
        one = sealed(organisation_id)
        settings.KMS_URL = ",".join(reversed(settings.KMS_URL.split(",")))
        custody.forget()
        assert store.open_bytes(one) == b"words"
        settings.KMS_URL = "local:"
        custody.forget()
        with pytest.raises(KmsUnavailable):
            store.open_bytes(one)


class _nothing:  # noqa: N801  stands where a context manager's verb stands
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    "address", ["", "aws-kms://eu-central-1", "aws-kms:///key", "gcp://x/y", "local:,local:", "vault"]
)
def test_an_address_of_no_key_service_stops_the_start(settings: Settings, address: str) -> None:
    settings.KMS_URL, settings.PROFILE = address, "production"
    with pytest.raises(ImproperlyConfigured):
        key_services.current()
    assert [found.id for found in checks.keyring_file(None)] == ["vault.E002"]


def test_the_parts_of_an_address() -> None:
    service = key_services._service("aws-kms://eu-central-1/alias/callwarden?endpoint=http://127.0.0.1:9", Path("x"))
    assert repr(service) == "AwsKms(alias/callwarden, eu-central-1)"
    assert isinstance(service, AwsKms)
    assert service._endpoint == "http://127.0.0.1:9"


@pytest.mark.usefixtures("guarded_by_aws")
def test_the_cache_forgets_an_organisation_key_in_time(organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    one, before, now = sealed(organisation_id), calls_of("aws", "unwrap"), time.monotonic()
    for seconds, asked in ((keycache.ROOT_SECONDS - 5, 0), (keycache.ROOT_SECONDS + 60, 1)):
        monkeypatch.setattr(custody._cache, "_clock", lambda at=now + seconds: at)
        store.open_bytes(one)
        assert calls_of("aws", "unwrap") - before == asked
