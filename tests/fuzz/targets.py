"""What is fuzzed: strategies and checks by target. A check fails by raising; what may be refused, refuses inside."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lab_helpers.base.errors import PathOutsideError
from lab_helpers.base.paths import below, inside
from lab_helpers.local_aws.athena import statement
from lab_helpers.local_aws.athena.engine import opened
from lab_helpers.local_aws.athena.statement import UnsupportedError
from lab_helpers.local_aws.duck.processes import Bounds, SqlError, TooMuchError, Workers
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.alb import test_framing_by_h11 as framing
from tests.local_aws.ecs.containers import test_unpacking as layers
from tests.router.fuzz import test_configuration as configuration
from tests.router.fuzz import test_forward as forward
from tests.router.fuzz.bounds import texts
from tests.security.asking import ask
from tests.support.signing import signed

Check = Callable[..., None]


@dataclass(frozen=True)
class Attempt:
    """One property: what to draw, and what must hold of it."""

    name: str
    drawn: tuple[st.SearchStrategy[Any], ...]
    check: Check


class Folders:
    """Stands in for pytest's tmp_path_factory; `end` removes them all."""

    def __init__(self) -> None:
        self._made = ExitStack()

    def mktemp(self, name: str) -> Path:
        """Make a folder."""
        return Path(self._made.enter_context(tempfile.TemporaryDirectory(prefix=f"lab-{name}-")))

    def end(self) -> None:
        """Remove what was made so far."""
        self._made.close()


def _of(test: Any) -> Check:
    inner: Check = test.hypothesis.inner_test
    return inner


@contextmanager
def of_layers() -> Iterator[list[Attempt]]:
    """Image layers: whiteouts, links, absolute and climbing names, damaged bytes."""
    folders = Folders()

    def entries(drawn: list[Any]) -> None:
        _of(layers.test_no_layer_reaches_out)(folders, drawn)
        folders.end()

    def damage(bytes_: bytes, at: int) -> None:
        _of(layers.test_damaged_layers_end_in_layer_errors)(folders, bytes_, at)
        folders.end()

    yield [
        Attempt("entries", (st.lists(st.lists(layers._ENTRIES, max_size=6), min_size=1, max_size=3),), entries),
        Attempt("damage", (st.binary(max_size=64), st.integers(0, 1023)), damage),
    ]


@contextmanager
def of_names() -> Iterator[list[Attempt]]:
    """Names that become paths: inside a folder with a link out of it, or refused."""
    pieces = st.sampled_from(["..", ".", "/", "a", "out", "in", "\0", "\\", "~", "%2e%2e", "//", "..\u2215", " "])
    name = st.one_of(st.lists(pieces, max_size=6).map("".join), texts(12))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made, "folder")
        (folder / "in").mkdir(parents=True)
        (folder / "out").symlink_to(made)
        (folder / "in" / "loop").symlink_to("loop")

        def check(*names: str) -> None:
            with suppress(PathOutsideError):
                found = inside(folder, *names)
                assert found.resolve().is_relative_to(folder.resolve())
                assert found != folder
            with suppress(PathOutsideError):
                assert below(folder, names[0]).is_relative_to(folder)

        yield [Attempt("one name", (name,), check), Attempt("two names", (name, name), check)]


@contextmanager
def of_heads() -> Iterator[list[Attempt]]:
    """Heads and chunks at the load balancer, with h11 as authority."""
    drawn = (st.lists(framing.lines(), max_size=3), framing.BODIES)
    yield [Attempt("framing", drawn, _of(framing.test_a_target_reads_no_other_request))]


JSON_CALLS = {
    "logs": ("Logs_20140328", "PutLogEvents", "FilterLogEvents", "StartQuery", "PutMetricFilter", "CreateLogGroup"),
    "firehose": ("Firehose_20150804", "CreateDeliveryStream", "PutRecordBatch"),
    "ecs": ("AmazonEC2ContainerServiceV20141113", "RegisterTaskDefinition", "RunTask", "CreateCluster"),
    "athena": ("AmazonAthena", "StartQueryExecution", "CreateWorkGroup"),
    "ecr": ("AmazonEC2ContainerRegistry_V20150921", "PutImage", "CreateRepository"),
}
MEMBERS = st.sampled_from([
    "logGroupName", "logStreamName", "logEvents", "filterPattern", "queryString", "startTime", "endTime", "family",
    "containerDefinitions", "cluster", "taskDefinition", "DeliveryStreamName", "Records", "QueryString", "Name", "name",
    "repositoryName", "imageManifest", "ResultConfiguration", "message", "timestamp", "image", "Data", "x",
])  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
              st.sampled_from(["/deep", "../x", "{ $.a = 1 }", "fields @message", "SELECT 1", "a" * 600, "\x00", "*"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(MEMBERS, inner, max_size=4)),
    max_leaves=8,
)  # fmt: skip


@contextmanager
def of_bodies() -> Iterator[list[Attempt]]:
    """Bodies of API calls by protocol: answered or refused, never a failure of the server's."""
    operations = st.sampled_from(
        [(service, names[0], each) for service, names in JSON_CALLS.items() for each in names[1:]]
    )
    members = st.dictionaries(MEMBERS, VALUES, max_size=5)
    names = st.sampled_from(["Action", "Version", "UserName", "PolicyDocument", "Tags.member.1.Key", "Filter.1", "x.0"])
    words = st.one_of(st.text(max_size=8), st.sampled_from(["CreateUser", "CreatePolicy", "DescribeVpcs", "[[["]))
    forms = st.lists(st.tuples(names, words), max_size=5)
    tags = st.sampled_from(
        [b"<Delete>", b"</Delete>", b"<Object>", b"</Object>", b"<Key>", b"</Key>", b"k", b"&a;", b"<!--"]
    )
    with tempfile.TemporaryDirectory() as made, LocalAws(Path(made)) as aws:
        aws.client("s3").create_bucket(
            Bucket="fuzzed", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
        )

        def sent(service: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
            answer = ask(signed(aws, service, "POST", path, body, headers))
            assert answer.status != 500, answer.body[:600]

        def as_json(operation: tuple[str, str, str], value: Any, cut: int) -> None:
            service, target, name = operation
            body = json.dumps(value).encode()
            kind = {"X-Amz-Target": f"{target}.{name}", "Content-Type": "application/x-amz-json-1.1"}
            sent(service, "/", body[: len(body) - cut], kind)

        def as_form(pairs: list[tuple[str, str]], service: str) -> None:
            body = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "replace")
            sent(service, "/", body, {"Content-Type": "application/x-www-form-urlencoded"})

        def as_xml(parts: list[bytes], query: str) -> None:
            sent("s3", f"/fuzzed?{query}", b"".join(parts), {})

        yield [
            Attempt("json", (operations, st.one_of(members, VALUES), st.sampled_from([0, 0, 0, 1, 2])), as_json),
            Attempt("form", (forms, st.sampled_from(["iam", "sts", "ec2", "elasticloadbalancing"])), as_form),
            Attempt("xml", (st.lists(tags, max_size=10), st.sampled_from(["delete", "uploads", "restore"])), as_xml),
        ]


@contextmanager
def of_configuration() -> Iterator[list[Attempt]]:
    """Configuration files of the router, classic and YAML."""
    with tempfile.TemporaryDirectory() as made:
        text = _of(configuration.test_any_text_is_read_or_refused)
        lines = (st.lists(configuration.LINES, max_size=10), st.booleans())
        services = st.lists(
            st.tuples(st.sampled_from(["Flush", "Grace", "Log_Level", "HTTP_Port", "x"]), configuration.WORDS),
            max_size=4,
        )
        yield [
            Attempt("classic", lines, lambda *drawn: text(configuration.read_file, Path(made), *drawn)),
            Attempt("yaml", lines, lambda *drawn: text(configuration.read_yaml_file, Path(made), *drawn)),
            Attempt("service", (services,), _of(configuration.test_any_service_settings_are_taken_or_refused)),
        ]


@contextmanager
def of_frames() -> Iterator[list[Attempt]]:
    """Frames of the forward protocol."""
    frames = st.lists(forward.FRAMES, max_size=4)
    cuts = st.lists(st.integers(0, 10_000), max_size=6)
    anything = (st.one_of(forward.NOISE, st.binary(max_size=200)), st.integers(0, 10_000), st.integers(0, 255))
    yield [
        Attempt("pieces", (frames, cuts), _of(forward.test_pieces_make_no_difference)),
        Attempt("noise", (frames, forward.NOISE), _of(forward.test_noise_costs_nothing_that_was_whole)),
        Attempt("bytes", anything, _of(forward.test_any_bytes_end)),
    ]


WORDS = st.sampled_from([
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "1", "*", "(", ")", ",", "'", "'x'", "a", "httpd", "count(*)",
    "UNION ALL", "WITH t AS", "t", "CASE WHEN", "END", "range(9)", "repeat('x', 999999999)", "-", "||", "=", "IS NULL",
    "CAST(", "AS", "array[1]", "map(", "read_text('/etc/passwd')", "LIMIT", "VALUES", "JOIN", "ON", "?", ";", "--",
    "SHOW TABLES", "DROP TABLE", "COPY", "SET", "ATTACH", "date '2021-11-07'", "interval '1' day", "`", '"', "\x00",
    "DESCRIBE", "EXPLAIN", "UNLOAD (", ") TO 's3://b/x/'", "CREATE TABLE t AS", "CREATE EXTERNAL TABLE t (", "a int",
    "LOCATION 's3://b/x'", "PARTITIONED BY (", "STORED AS PARQUET", "INSERT INTO t", "WITH (", "format = 'JSON'",
    "PREPARE x FROM", "url_extract_path('/a')", "slice(a, 1)", "format(", "parse_datetime(", '"$path"', "date_add(",
])  # fmt: skip


NEW_TABLE = "CREATE EXTERNAL TABLE t ("


@contextmanager
def of_sql() -> Iterator[list[Attempt]]:
    """Statements: refused, failed with a reason, or answered; nothing is read but the folder, and no process dies."""
    workers = Workers(Bounds(seconds=20))
    with tempfile.TemporaryDirectory() as made:

        def check(words: list[str]) -> None:
            with suppress(AwsError, UnsupportedError):
                parsed = statement.parse(" ".join(words), "lab")
                if parsed.command or parsed.external or statement.tables(parsed):
                    return
                sql = statement.to_duckdb(parsed, {})
                with suppress(SqlError, TooMuchError), opened(workers, Path(made)) as engine:
                    for macro in statement.macros(parsed):
                        engine.execute(macro)
                    assert not any(
                        "root:" in (value or "") for block in engine.run(sql)[1] for row in block for value in row
                    )

        yield [Attempt("statements", (st.lists(WORDS, max_size=14).map(lambda words: ["SELECT", *words]),), check),
               Attempt("tables", (st.lists(WORDS, max_size=9).map(lambda words: [NEW_TABLE, *words]),), check),
               Attempt("anything", (st.lists(st.one_of(WORDS, texts(6)), max_size=10),), check)]  # fmt: skip
    workers.close()


TARGETS = {
    "layers": of_layers,
    "names": of_names,
    "heads": of_heads,
    "bodies": of_bodies,
    "configuration": of_configuration,
    "frames": of_frames,
    "sql": of_sql,
}
