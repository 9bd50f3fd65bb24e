"""The S3 server that other tests rely on is a real one: it refuses what S3 refuses."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.object_store import ObjectStore

pytestmark = pytest.mark.s3


def _client(store: ObjectStore, secret: str) -> object:
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=store.access_key,
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def test_it_keeps_what_it_is_given(object_store: ObjectStore) -> None:
    client = _client(object_store, object_store.secret_key)
    client.put_object(Bucket=object_store.bucket, Key="a/b", Body=b"sealed")  # type: ignore[attr-defined]
    answer = client.get_object(Bucket=object_store.bucket, Key="a/b", Range="bytes=1-3")  # type: ignore[attr-defined]
    assert answer["Body"].read() == b"eal"


def test_it_refuses_a_wrong_secret(object_store: ObjectStore) -> None:
    client = _client(object_store, "wrong" * 8)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.list_objects_v2(Bucket=object_store.bucket)  # type: ignore[attr-defined]
