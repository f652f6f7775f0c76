"""Parts at a URL, mostly in a real S3 server: their bytes, who reads them, what stops them, what is wrong and left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import fsspec
import numpy as np
import polars as pl
import pytest

from synthgen.bundle import elsewhere, outline
from synthgen.bundle.bringing import bring_here
from synthgen.bundle.elsewhere import Elsewhere, check_url
from synthgen.bundle.making import make_here
from synthgen.bundle.manifest import ANCHORS, MANIFEST, read_manifest, write_manifest
from synthgen.bundle.part import Due, Made
from synthgen.bundle.read import find_bundle
from synthgen.bundle.unfinished import unfinished_bundles
from synthgen.errors import BundleError, StoreError
from synthgen.generate import generate
from synthgen.parameters import RandomParameters
from tests.conftest import free_port
from tests.golden.test_golden import make_base
from tests.growths import OPERATION, files_of
from tests.proxy import Proxy
from tests.stores import BUCKET, KEY, SECRET, Store, environment_of, running_store
from tests.workshop import ROOT

CHILD = """
import os, signal, sys
from synthgen.bundle import elsewhere, outline, unfinished
outline.PART_ROWS = outline.PartRows(50, 80)
unfinished.WORTH_KEEPING = int(os.environ.get("WORTH", "1"))
if os.environ.get("WITHOUT"):
    sys.modules[os.environ["WITHOUT"]] = None
left = int(os.environ.get("PUTS", "0"))
put = elsewhere.Elsewhere.put_part
def counted(*arguments):
    global left
    put(*arguments)
    left -= 1
    if left == 0:
        if os.environ["STOP"] == "ENOSPC":
            raise OSError(28, "No space left on device")
        os.kill(os.getpid(), getattr(signal, os.environ["STOP"]))
elsewhere.Elsewhere.put_part = counted
from importlib import import_module
sys.argv = sys.argv[1:]
if __name__ == "__main__":
    import_module(sys.argv[0] + ".cli").main()
"""
GENERATE = ("synthgen", "generate", "--strategy", "random", "--count", "700", "--seed", "3", "--operation-id",
            OPERATION, "--now", "2026-01-31T12:00:00+00:00")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def run(base: Path, store: Store, tmp_path: Path) -> Run:
    """Runs a command in `tmp_path / "out"`, with the store in its environment."""
    def ran(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(*arguments_of(base, store, tmp_path, command), env={
            **environment_for(base, store, tmp_path), **environment}, cwd=tmp_path, capture_output=True, text=True,
            check=False, stdin=subprocess.DEVNULL)

    return ran


def arguments_of(base: Path, store: Store, folder: Path, command: tuple[str, ...]) -> tuple[list[str]]:
    script = folder / "child.py"  # a file, since workers begin with it
    script.write_text(CHILD, encoding="utf-8")
    return ([sys.executable, str(script), *command],)


def environment_for(base: Path, store: Store, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SYNTHGEN_", "NEO4J_"))}
    return {**kept, **store.environment, "SYNTHGEN_OUT": str(folder / "out"), "SYNTHGEN_BASE": str(base),
            "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own."""
    return re.sub(r"\W+", "-", request.node.name)


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the operation where they lie in its bundle."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outline, "PART_ROWS", outline.PartRows(50, 80))
        bundle = generate(RandomParameters(count=700), base=base, out=tmp_path_factory.mktemp("whole"), seed=3, now=NOW,
                          unique=0, operation_id=OPERATION)
    files = files_of(bundle.path)
    assert sum(".part-" in name for name in files) > 20
    return files


def expected(whole: dict[str, bytes]) -> dict[str, bytes]:
    """What is to be at the URL, beside the claim."""
    return {name: content for name, content in whole.items() if name not in {MANIFEST, ANCHORS}}


def there(store: Store, prefix: str) -> dict[str, bytes]:
    return {name: content for name, content in store.objects(f"{prefix}/{OPERATION}").items() if name != "claim.json"}


def folder_of(out: Path) -> Path:
    return out / "operations" / OPERATION


def made(run: Run, prefix: str, *further: str, **environment: str) -> dict[str, Any]:
    done = run(*GENERATE, "--files", f"s3://{BUCKET}/{prefix}", *further, "--json", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_whole(store: Store, prefix: str, out: Path, whole: dict[str, bytes]) -> None:
    """Everything is where it belongs, with the bytes of a bundle whose parts lie in it."""
    assert there(store, prefix) == expected(whole)
    here = files_of(folder_of(out))
    assert set(here) == {name for name in whole if ".part-" not in name}
    assert all(here[name] == whole[name] for name in here if name != MANIFEST)
    manifest, beside = json.loads(here[MANIFEST]), json.loads(whole[MANIFEST])
    assert manifest == {**beside, "format_version": 6, "files_at": f"s3://{BUCKET}/{prefix}/{OPERATION}"}
    assert [path.name for path in (out / "operations").iterdir()] == [OPERATION]


@pytest.mark.slow
@pytest.mark.parametrize("engine", [(), ("--engine", "dask", "--workers", "2")], ids=["one process", "a cluster"])
def test_the_bytes_are_those_of_a_bundle_here(
    engine: tuple[str, ...], run: Run, store: Store, prefix: str, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """Every object and every small file; no part is written here, nor left where it was made."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert made(run, prefix, *engine, TMPDIR=str(temporary))["files_at"] == f"s3://{BUCKET}/{prefix}/{OPERATION}"
    is_whole(store, prefix, tmp_path / "out", whole)
    assert not list(temporary.rglob("*.csv"))


def test_polars_reads_them_there(
    run: Run, store: Store, prefix: str, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """By its own means, a header and its parts."""
    made(run, prefix)
    options = {"aws_endpoint_url": store.environment["AWS_ENDPOINT_URL"], "aws_access_key_id": KEY,
               "aws_secret_access_key": SECRET, "aws_region": "us-east-1", "aws_allow_http": "true"}
    at = f"s3://{BUCKET}/{prefix}/{OPERATION}"
    for group in read_manifest(folder_of(tmp_path / "out")).groups:
        header = pl.read_csv(f"{at}/{group.header}", storage_options=options)
        files = [f"{at}/{part.file}" for part in group.parts]
        rows = pl.scan_csv(files, has_header=False, new_columns=header.columns, infer_schema=False,
                           storage_options=options).collect()
        assert rows.height == group.rows
        text = b"".join(whole[part.file] for part in group.parts)
        assert rows.equals(pl.read_csv(text, has_header=False, new_columns=header.columns, infer_schema=False))


@pytest.mark.slow
@pytest.mark.parametrize("engine", [(), ("--engine", "dask", "--workers", "1")], ids=["one process", "a cluster"])
def test_killed_and_gone_on_with(
    engine: tuple[str, ...], run: Run, store: Store, prefix: str, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """What is there stays as it is; what is gone, cut or changed since is made again, whatever the record says."""
    url = f"s3://{BUCKET}/{prefix}"
    assert run(*GENERATE, "--files", url, PUTS="14", STOP="SIGKILL").returncode == -signal.SIGKILL
    [unfinished] = unfinished_bundles(tmp_path / "out")
    gone, cut, changed, *kept = sorted(unfinished.parts())
    assert kept
    key = f"{prefix}/{OPERATION}"
    content = whole[changed]
    store.delete(f"{key}/{gone}")
    store.put(f"{key}/{cut}", whole[cut][:-1])
    store.put(f"{key}/{changed}", content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    times = times_of(store, key)
    other = run(*GENERATE, "--files", f"s3://{BUCKET}/{prefix}-other")
    assert other.returncode == 2
    assert "something else was asked for" in other.stderr
    done = run("synthgen", "resume", *engine)
    assert done.returncode == 0, done.stderr
    is_whole(store, prefix, tmp_path / "out", whole)
    assert {name: time for name, time in times_of(store, key).items() if name in kept} == {
        name: times[name] for name in kept}


def times_of(store: Store, key: str) -> dict[str, Any]:
    listed = store.client().list_objects_v2(Bucket=BUCKET, Prefix=key)["Contents"]
    return {found["Key"].removeprefix(f"{key}/"): found["LastModified"] for found in listed}


@pytest.mark.slow
@pytest.mark.parametrize(("worth", "code"), [("1", 4), ("1000000", 1)], ids=["much made", "little made"])
def test_a_store_that_goes_down(
    worth: str, code: int, base: Path, store: Store, run: Run, prefix: str, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """It stops half-way, and goes on when the store is back; what cannot be taken back now is said."""
    proxy = Proxy("127.0.0.1", store.port)
    proxy.delay_s = 0.02
    environment = {**environment_for(base, store, tmp_path), **environment_of(proxy.port), "WORTH": worth}
    url = f"s3://{BUCKET}/{prefix}"
    with subprocess.Popen(*arguments_of(base, store, tmp_path, (*GENERATE, "--files", url)), env=environment,
                          cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        while child.poll() is None and not any(one.parts() for one in unfinished_bundles(tmp_path / "out")):
            time.sleep(0.005)
        proxy.refuse()
        _, said = child.communicate(timeout=120)
    assert child.returncode == code, said
    assert url in said
    assert f"synthgen resume {OPERATION}" in said
    assert ("is still there" in said) == (code == 1)
    assert 0 < len(there(store, prefix)) < len(expected(whole))
    if code == 1:
        assert run("synthgen", "resume", "--discard").returncode == 0
        assert store.objects(prefix) == {}
        return
    assert run("synthgen", "resume").returncode == 0
    is_whole(store, prefix, tmp_path / "out", whole)


@pytest.mark.slow
def test_what_fails_takes_back_what_it_put(run: Run, store: Store, prefix: str, tmp_path: Path) -> None:
    """And nothing else: what others have beside it stays."""
    store.put(f"{prefix}/{OPERATION}-of-others/nodes-000.part-00000.csv", b"1")
    url = f"s3://{BUCKET}/{prefix}"
    done = run(*GENERATE, "--files", url, PUTS="9", STOP="ENOSPC", WORTH="1000000")
    assert done.returncode == 1
    assert set(store.objects(prefix)) == {f"{OPERATION}-of-others/nodes-000.part-00000.csv"}
    assert not list((tmp_path / "out/operations").iterdir())
    assert run(*GENERATE, "--files", url, PUTS="9", STOP="SIGKILL").returncode == -signal.SIGKILL
    assert len(there(store, prefix)) >= 9
    assert run("synthgen", "resume", "--discard").returncode == 0
    assert set(store.objects(prefix)) == {f"{OPERATION}-of-others/nodes-000.part-00000.csv"}
    assert not list((tmp_path / "out/operations").iterdir())


def test_large_files_go_in_pieces(base: Path, store: Store, prefix: str, tmp_path: Path) -> None:
    """And come so."""
    large = tmp_path / "large.csv"
    large.write_bytes(np.random.default_rng(1).bytes(70_000_000))
    script = ("import sys; from pathlib import Path; from synthgen.bundle.elsewhere import Elsewhere;"
              " at, here, back = sys.argv[1:]; Elsewhere(at).put(Path(here), 'large.csv');"
              " Elsewhere(at).get('large.csv', Path(back))")
    subprocess.run([sys.executable, "-c", script, f"s3://{BUCKET}/{prefix}", str(large), str(tmp_path / "back.csv")],
                   env=environment_for(base, store, tmp_path), check=True)
    assert (tmp_path / "back.csv").read_bytes() == large.read_bytes()
    assert "-" in store.client().head_object(Bucket=BUCKET, Key=f"{prefix}/large.csv")["ETag"]
    store.delete(f"{prefix}/large.csv")


def test_what_the_writing_left_goes_without_the_files(
    run: Run, store: Store, prefix: str, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """Killed between its last two steps, an operation is whole: discarding its remains takes nothing of it."""
    made(run, prefix)
    claim = json.loads(store.objects(f"{prefix}/{OPERATION}")["claim.json"])
    remains = tmp_path / "out/operations" / f".{OPERATION}.unfinished"
    remains.mkdir()
    (remains / "request.json").write_text(json.dumps({
        "outline": claim["outline"], "files_at": f"s3://{BUCKET}/{prefix}/{OPERATION}"}), encoding="utf-8")
    assert run("synthgen", "resume", "--discard").returncode == 0
    is_whole(store, prefix, tmp_path / "out", whole)


def test_what_a_worker_puts_after_that_goes_too(tmp_path: Path) -> None:
    """One that was given up may still be at a part when all is removed."""
    at = Elsewhere(f"file://{tmp_path}/x/{OPERATION}")
    part = tmp_path / "own" / "nodes-000.part-00000.csv"
    part.parent.mkdir()
    part.write_text("1\n", encoding="utf-8")
    at.claim("mine", again=False)
    at.put_part(part, part.name)
    at.give_up("of another")
    assert set(at.sizes()) == {"claim.json", part.name}
    at.give_up("mine")
    with pytest.raises(StoreError, match="given up"):
        at.put_part(part, part.name)
    assert at.sizes() == {}


@pytest.mark.parametrize("name", ["nodes-000.part-00000.csv", "notes.txt", "below/x"])
def test_a_place_with_files_is_not_taken(name: str, run: Run, store: Store, prefix: str, tmp_path: Path) -> None:
    """Whatever they are called; they stay."""
    store.put(f"{prefix}/{OPERATION}/{name}", b"1")
    done = run(*GENERATE, "--files", f"s3://{BUCKET}/{prefix}")
    assert done.returncode == 2
    assert f"s3://{BUCKET}/{prefix}/{OPERATION} holds 1 files already, such as {name}" in done.stderr
    assert store.objects(prefix) == {f"{OPERATION}/{name}": b"1"}
    assert not list((tmp_path / "out/operations").iterdir())


def test_the_same_operation_of_another_folder_is_not_touched(
    run: Run, store: Store, prefix: str, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    made(run, prefix)
    done = run(*GENERATE, "--files", f"s3://{BUCKET}/{prefix}", "--out", str(tmp_path / "another"))
    assert done.returncode == 2
    is_whole(store, prefix, tmp_path / "out", whole)


@pytest.mark.parametrize(("url", "environment", "said", "way_out"), [
    ("s3://no-such-bucket/x", {}, "s3://no-such-bucket/x.*bucket does not exist", "bucket or container"),
    ("s3://bundles/x", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "s3://bundles/x.*Could not connect.*127.0.0.1:9",
     "AWS_ENDPOINT_URL"),
    ("s3://bundles/x", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "s3://bundles/x.*credentials",
     "AWS_SECRET_ACCESS_KEY"),
    ("s3://bundles/x", {"WITHOUT": "s3fs"}, "s3:// need a package that is not installed", r"pip install '\.\[s3\]'"),
    ("gs://bundles/x", {}, "gs:// need a package that is not installed.*gcsfs", "fsspec's package for gs"),
    ("nowhere://x/y", {}, "no store that fsspec knows", "s3://bucket/prefix"),
    ("some/folder", {}, "none that files can be put to", "file:///folder"),
    ("s3://bundles/x?versionId=1", {}, "none that files can be put to", "query"),
], ids=["bucket", "down", "nobody", "s3fs", "gcsfs", "protocol", "path", "query"])
def test_what_is_wrong_is_said(
    url: str, environment: dict[str, str], said: str, way_out: str, run: Run, tmp_path: Path
) -> None:
    """What, where, and the way out; nothing is left here."""
    done = run(*GENERATE, "--files", url, **environment)
    assert done.returncode in {1, 2}
    assert re.search(said, done.stderr), done.stderr
    assert re.search(f"hint: .*{way_out}", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out/operations/*"))


@pytest.mark.parametrize("url", [
    "s3://someone:pa55word@bundles/x", "s3://AKIA:pa55word/more@bundles/x", "sftp://someone:pa55word@host/x",
    "s3://AKIA:12/pa55word@bundles/x",
])
def test_a_url_with_a_secret_is_refused_unsaid(url: str, run: Run) -> None:
    """It would stand in the manifest, and whoever looks over a shoulder would read it."""
    done = run(*GENERATE, "--files", url)
    assert done.returncode == 2
    assert "user and a password" in done.stderr
    assert "pa55" not in done.stdout + done.stderr


@pytest.mark.parametrize("url", ["abfs://container@account.dfs.core.windows.net/x", "s3://bucket/a@b", "s3://bucket",
                                 "sftp://someone@host:22/x", "file:///data/x"])
def test_other_urls_are_taken(url: str) -> None:
    assert check_url(f"{url}/") == url


def test_what_a_store_repeats_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some put the key, or a signed URL, into their words."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret/of+mine")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"secret": "another-secret", "endpoint_url": "http://here:1"})
    said = "a-secret/of+mine and another-secret are wrong at http://here:1/x?X-Amz-Signature=abc of http://here:1"
    with pytest.raises(StoreError) as failed, elsewhere._asked("read", "s3://x/y"):
        raise OSError(said)
    assert failed.value.message == ("s3://x/y cannot be read: … and … are wrong at http://here:1/x?… of http://here:1")


@pytest.mark.slow
def test_wrong_credentials(base: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    """A store that asks who somebody is; what it is told is nowhere to be read afterwards."""
    with running_store(free_port(), tmp_path) as strict:
        iam = boto3.client("iam", endpoint_url=strict.environment["AWS_ENDPOINT_URL"], aws_access_key_id=KEY,
                           aws_secret_access_key=SECRET, region_name="us-east-1")
        iam.create_user(UserName="writer")
        allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="writer", PolicyName="all", PolicyDocument=json.dumps(allowed))
        key = iam.create_access_key(UserName="writer")["AccessKey"]
        strict.ask_everybody()

        def ran(*command: str, secret: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(*arguments_of(base, strict, tmp_path, command), env={
                **environment_for(base, strict, tmp_path), "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": secret}, cwd=tmp_path, capture_output=True, text=True, check=False)

        wrong = ran(*GENERATE, "--files", f"s3://{BUCKET}/x", secret="not-the-secret-of-it")
        assert wrong.returncode == 1
        assert f"s3://{BUCKET}/x/{OPERATION}" in wrong.stderr
        assert re.search("hint: .*AWS_SECRET_ACCESS_KEY", wrong.stderr)
        right = ran(*GENERATE, "--files", f"s3://{BUCKET}/x", secret=key["SecretAccessKey"])
        assert right.returncode == 0, right.stderr
        for secret in ("not-the-secret-of-it", key["SecretAccessKey"], key["AccessKeyId"]):
            assert secret not in wrong.stdout + wrong.stderr + right.stdout + right.stderr
            assert not [name for name, content in files_of(tmp_path / "out").items() if secret.encode() in content]


@pytest.fixture
def bundle(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle whose parts lie in a folder of files; gives that folder."""
    monkeypatch.setattr(outline, "PART_ROWS", outline.PartRows(50, 80))
    generate(RandomParameters(count=700), base=base, out=tmp_path / "out", seed=3, now=NOW, unique=0,
             operation_id=OPERATION, files=f"file://{tmp_path}/there")
    return tmp_path / "there" / OPERATION


def bring(out: Path) -> dict[str, bytes]:
    bring_here(find_bundle(out, OPERATION))
    return {name: content for name, content in files_of(folder_of(out)).items() if ".part-" in name}


def test_they_are_brought_here_once(bundle: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    """What is here is not brought again, what is here and damaged is; a store that is gone is not missed then."""
    parts = {name: content for name, content in whole.items() if ".part-" in name}
    assert {name: content for name, content in files_of(bundle).items() if name != "claim.json"} == expected(whole)
    assert bring(tmp_path / "out") == parts
    first, second, third, *others = sorted(folder_of(tmp_path / "out") / name for name in parts)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    third.write_bytes(third.read_bytes()[:-2] + b"x\n")
    (first.parent / ".part.torn").write_text("half", encoding="utf-8")
    times = [path.stat().st_mtime_ns for path in others]
    assert bring(tmp_path / "out") == parts
    assert [path.stat().st_mtime_ns for path in others] == times
    assert not list(first.parent.glob(".part.*"))
    bundle.rename(bundle.with_name("gone"))
    assert bring(tmp_path / "out") == parts


@pytest.mark.parametrize(("damage", "said"), [
    (lambda path: path.unlink(), "is missing"), (lambda path: path.write_bytes(path.read_bytes()[:-1]), "was changed"),
    (lambda path: path.write_bytes(path.read_bytes()[:-2] + b"x\n"), "was changed"),
], ids=["missing", "cut", "changed"])
def test_what_is_not_what_was_put_is_not_brought(
    damage: Callable[[Path], Any], said: str, bundle: Path, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """The message names it where it lies; nothing that is wrong is here afterwards; put back, it goes on."""
    part = max(bundle.glob("*.part-*"))
    damage(part)
    with pytest.raises(BundleError, match=re.escape(f"file://{part}") + f" {said}"):
        bring(tmp_path / "out")
    here = files_of(folder_of(tmp_path / "out"))
    assert all(content == whole[name] for name, content in here.items() if ".part-" in name)
    assert part.name not in here
    part.write_bytes(whole[part.name])
    assert set(bring(tmp_path / "out")) == {name for name in whole if ".part-" in name}


def test_workers_that_reach_another_store_are_noticed(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the manifest says that the parts are there; nothing is left."""
    def astray(due: Due) -> Iterator[Made]:
        other = tmp_path / "of-a-worker"
        other.mkdir()
        return make_here(replace(due, files_at=None, folder=other))

    with pytest.raises(StoreError, match="was put there, and is not there"):
        generate(RandomParameters(count=70), base=base, out=tmp_path / "out", seed=3, now=NOW, unique=0,
                 operation_id=OPERATION, files=f"file://{tmp_path}/there", engine=astray)
    assert not list((tmp_path / "there").iterdir())
    assert not list((tmp_path / "out/operations").iterdir())


def test_a_prune_removes_what_the_manifest_names(
    run: Run, store: Store, prefix: str, tmp_path: Path
) -> None:
    """And says where it is when it cannot; the next one goes on. What others have put there stays."""
    made(run, prefix)
    listed = run("importer", "list", "--files-only")
    assert f"s3://{BUCKET}/{prefix}/{OPERATION}" in listed.stdout
    store.put(f"{prefix}/{OPERATION}/nodes-999.part-00000.csv", b"of others")
    prune = ("importer", "prune", "--keep-last", "0", "--files-only", "--yes")
    down = run(*prune, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert down.returncode == 1
    assert f"s3://{BUCKET}/{prefix}/{OPERATION}" in down.stderr
    assert "the next prune tries again" in down.stderr
    assert len(store.objects(prefix)) > 20
    assert run(*prune).returncode == 0
    assert store.objects(prefix) == {f"{OPERATION}/nodes-999.part-00000.csv": b"of others"}
    assert not list((tmp_path / "out/operations").iterdir())


def test_compressed_there_and_back(
    run: Run, store: Store, prefix: str, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """As a bundle whose parts lie in it."""
    made(run, prefix)
    manifest = (folder_of(tmp_path / "out") / MANIFEST).read_bytes()
    assert run("importer", "compress", OPERATION).returncode == 0
    assert {name.removesuffix(".gz") for name in there(store, prefix)} == set(expected(whole))
    assert all(name.endswith(".gz") == (".part-" in name) for name in there(store, prefix))
    assert not list(folder_of(tmp_path / "out").glob("*.part-*"))
    assert run("importer", "compress", OPERATION, "--decompress").returncode == 0
    assert there(store, prefix) == expected(whole)
    assert (folder_of(tmp_path / "out") / MANIFEST).read_bytes() == manifest


def test_what_is_made_anonymous_is_searched_here(run: Run, prefix: str, tmp_path: Path) -> None:
    """The gate reads every row; and a report does."""
    made(run, prefix, "--anonymise")
    assert list(folder_of(tmp_path / "out").glob("*.part-*"))
    for path in folder_of(tmp_path / "out").glob("*.part-*"):
        path.unlink()
    done = run("synthgen", "report", OPERATION, "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("files_at", ["file:///x", "s3://a:b@c/" + OPERATION, "/x/" + OPERATION])
def test_a_manifest_cannot_name_any_place(files_at: str, bundle: Path, tmp_path: Path) -> None:
    """What a prune removes is in a folder that is this operation's."""
    folder = folder_of(tmp_path / "out")
    write_manifest(folder, replace(read_manifest(folder), files_at=files_at))
    with pytest.raises(BundleError, match="incomplete or damaged"):
        read_manifest(folder)


def test_a_url_is_looked_at_before_anything_is_thought_out(run: Run, tmp_path: Path) -> None:
    """`synthgen plan` takes the option, too, and puts nothing there."""
    done = run("synthgen", "plan", "--strategy", "random", "--count", "70", "--files", "nowhere://x")
    assert done.returncode == 2
    done = run("synthgen", "plan", "--strategy", "random", "--count", "70", "--files", f"file://{tmp_path}/there")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "there").exists()
