from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.redaction import (
    address_without_secrets,
    command_without_secrets,
    json_without_secrets,
    secrets_of,
    without_secrets,
)
from latency_bench.harness.store.writer import RunWriter

MakeRecord = Callable[..., RunRecord]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ftp://me:secret@host/x", "ftp://***@host/x"),
        ("--store=sftp://me:se@cret@host:22/x --note y", "--store=sftp://***@host:22/x --note y"),
        ("abfs://c@a/x?sig=secret&b=1", "abfs://c@a/x?sig=***&b=1"),
        ("https://h/x?b=1&access_token=secret#f", "https://h/x?b=1&access_token=***#f"),
        ("https://h/x?X-Amz-Signature=secret", "https://h/x?X-Amz-Signature=***"),
        ("ssh://me@host/x", "ssh://me@host/x"),
        ("https://host:8080/x", "https://host:8080/x"),
        ("https://host:8080/mail@x", "https://host:8080/mail@x"),
        ("s3://bucket/runs", "s3://bucket/runs"),
        ("a:b@c", "a:b@c"),
    ],
)
def test_passwords_are_hidden_and_everything_else_stays(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ftp://me:se/cr#e?t x'y\"z@host/p", "ftp://***@host/p"),
        ("--store=sftp://me:a b@host:22/x", "--store=sftp://***@host:22/x"),
        ("https://ghp_token@host/x", "https://***@host/x"),
        ("az://c/x?account_key=abc==", "az://c/x?account_key=***"),
        ("https://h/x?key=abc&b=1", "https://h/x?key=***&b=***"),
        ("https://h/x#access_token=abc", "https://h/x#access_token=***"),
        ("https://h/x#abc", "https://h/x#***"),
        ("simplecache::ftp://u:p/w@h/x", "simplecache::ftp://***@h/x"),
        ("zip://a.zip::s3://KEY:SECRET@bucket/x?key=abc", "zip://a.zip::s3://***@bucket/x?key=***"),
        ("abfs://container@account/x", "abfs://container@account/x"),
        ("ssh://me@host/x", "ssh://me@host/x"),
        ("s3://bucket/my runs", "s3://bucket/my runs"),
        ("s3://bucket/me@home/runs", "s3://bucket/me@home/runs"),
        ("results", "results"),
        ("--note=a b", "--note=a b"),
    ],
)
def test_a_word_of_the_command_line_is_taken_as_a_whole(word: str, expected: str) -> None:
    assert command_without_secrets(["bench", word]) == ("bench", expected)
    for secret in secrets_of(word.removeprefix("--store=")):
        assert secret not in expected


@given(st.text(st.characters(exclude_characters=":/?#@")), st.text())
def test_no_password_of_a_known_address_survives_whatever_it_is_made_of(user: str, password: str) -> None:
    shown = address_without_secrets(f"ftp://{user}:{password}@host.example/runs")
    assert shown == "ftp://***@host.example/runs"


_URL_TEXT = st.text(st.characters(blacklist_characters="/?#\"'<>@: \t\n", blacklist_categories=["Cs", "Z", "C"]))


@given(_URL_TEXT, _URL_TEXT.filter(bool))
def test_no_password_survives_whatever_is_in_it(user: str, password: str) -> None:
    url = f"ftp://{user}:{password}@host/path"
    assert without_secrets(f"opening {url} failed") == "opening ftp://***@host/path failed"
    assert secrets_of(url) == (f"{user}:{password}", password)


_JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(_JSON)
def test_a_json_document_without_secrets_stays_what_it_was(document: object) -> None:
    assert json.loads(json_without_secrets(json.dumps(document))) == json.loads(without_secrets(json.dumps(document)))


def test_no_password_gets_into_a_run(tmp_path: Path, make_record: MakeRecord) -> None:
    url = "ftp://user:passwor\\d@host/runs"
    record = make_record(
        failed=True,
        command=["bench", "run", "--store", url],
        failure={"stage": "deploy", "kind": "io", "message": f"cannot read {url}", "remedy": None},
    )
    with RunWriter(tmp_path, "local", "b1-seg", record.run_id) as writer:
        writer.add_evidence("a.log", "fetching ftp://user:password@host/runs?token=password\n")
        path = writer.commit(record)
    for file in (file for file in path.rglob("*") if file.is_file()):
        assert b"pass" not in file.read_bytes().replace(b"passed", b""), file
    assert "ftp://***@host/runs?token=***" in (path / "evidence" / "a.log").read_text()
