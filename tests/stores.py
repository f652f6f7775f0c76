"""An S3 server in a process of its own, from a package, and looks into it that need nothing of the product."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

KEY, SECRET = "AKIATESTERTESTER", "a-secret/that+is=nowhere"
BUCKET = "bundles"


@dataclass(frozen=True)
class Store:
    """A running server with one bucket.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        environment: By which commands find it, as somebody who may do everything.
    """

    port: int

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(self.port)

    def client(self) -> Any:
        """Give a client of the vendor's own."""
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", aws_access_key_id=KEY,
                            aws_secret_access_key=SECRET, region_name="us-east-1",
                            config=Config(retries={"total_max_attempts": 1}))

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Give what is under a prefix, by what comes after it."""
        client = self.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return {key.removeprefix(f"{prefix}/"): client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                for key in keys}

    def put(self, key: str, content: bytes) -> None:
        self.client().put_object(Bucket=BUCKET, Key=key, Body=content)

    def ask_everybody(self) -> None:
        """Let in nobody from now on but users that were made before, with keys of theirs."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 200

    def delete(self, key: str) -> None:
        self.client().delete_object(Bucket=BUCKET, Key=key)


def environment_of(port: int) -> dict[str, str]:
    """Give the environment by which a store's client finds this port, and nothing of the user's own."""
    return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


@contextmanager
def running_store(port: int, folder: Path) -> Iterator[Store]:
    """Run a server with an empty bucket; its log goes into the folder."""
    with (folder / "store.log").open("w", encoding="utf-8") as log, subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
    ) as child:
        try:
            store = Store(port)
            _await(child, store)
            store.client().create_bucket(Bucket=BUCKET)
            yield store
        finally:
            child.terminate()


def _await(child: subprocess.Popen[bytes], store: Store) -> None:
    for _ in range(600):
        assert child.poll() is None, "the store ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", store.port)):
            return
        time.sleep(0.1)
    raise AssertionError("the store does not answer")
