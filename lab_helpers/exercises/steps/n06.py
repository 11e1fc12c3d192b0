"""The steps of notebook 06: an object opened by hand, the buffer of the Firehose stream, a question to Athena."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab_helpers import s3_logs, sql
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError, NotYetError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.exercises.steps import looks
from lab_helpers.exercises.steps.step import Act, Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab
from lab_helpers.pipeline import trace

KINESIS_TF = "terraform/aws_kinesis.tf"
INTERVAL_S = 20
HOUR = len("2026/02/02/23")
OTHER_HOUR = "2021/01/01/00/step-06_4.gz"
"""An object that is there only while a query is judged: a lab of one hour has no other hour to leave out."""
OTHER_LINE = {"log": "a line of another hour"}
_JUDGING = threading.Lock()


def holds_the_records(lab: Lab, answer: list[Any]) -> Verdict:
    """06_1: the answer is the list of all records of one delivered object, whichever was opened."""
    others = [each for each in answer if not isinstance(each, dict)]
    if others:
        kind = type(others[0]).__name__
        return not_yet("The list holds values of the type {kind}; a record is a dict. What reads JSON?", kind=kind)
    key = next((key for key, text in _objects(lab) if _records(text) == answer), "")
    if not key:
        text = "No object holds exactly these {count:,} records. Is each line of one object in?"
        return not_yet(text, count=len(answer))
    return passed("The object {key} holds {count:,} records.", key=key, count=len(answer))


def holds_the_request(lab: Lab, key: str) -> Verdict:
    """06_2: the object of this key holds the line of the traced request."""
    request = trace.traced_id(lab)
    try:
        line = s3_logs.head(lab.client("s3"), lab.outputs.log_bucket, key, 1, containing=request)
    except NotFoundError:
        return not_yet("The bucket has no object with the key {key!r}.", key=key)
    if not line:
        return not_yet("The object {key} does not hold the line of {request}.", key=key, request=request)
    return passed("The line of {request} is in the object {key}.", request=request, key=key)


def delivers_sooner(lab: Lab, _: Any) -> Verdict:
    """06_3: AWS says how long the Firehose stream waits, and the file does (a lab may have been set up with 20)."""
    if KINESIS_TF not in lab.files.changed():
        return not_yet("{file} is as it was.", file=KINESIS_TF)
    found = looks.buffer_interval_s(lab)
    if found != INTERVAL_S:
        return not_yet("AWS still answers IntervalInSeconds: {found}. Is the changed file applied?", found=found)
    if not re.search(rf"\bbuffering_interval\s*=\s*{found}\b", lab.files.read(KINESIS_TF)):
        text = "AWS answers IntervalInSeconds: {found}, which {file} does not say. Is the changed file applied?"
        return not_yet(text, found=found, file=KINESIS_TF)
    return passed("AWS answers IntervalInSeconds: {found}. The stream is the same one, changed in place.", found=found)


def reads_one_hour(lab: Lab, question: str) -> Verdict:
    """06_4: the query counts the lines of the traced request's hour, and reads no object of another.

    One query at a time: each has an object beside it that goes with it, which another would list, and then miss.
    """
    with _JUDGING:
        return _reads_one_hour(lab, question)


def _reads_one_hour(lab: Lab, question: str) -> Verdict:
    hour = _hour_of_the_request(lab)
    least = _sizes(lab, hour)
    with _another_hour(lab):
        rows = sql.ask(lab, question)
    most = _sizes(lab, hour)  # Firehose may have delivered in between
    scanned = rows.attrs["scanned_bytes"]
    if scanned > most[1]:
        text = "The query reads {scanned:,} bytes; the objects of {hour} have {size:,}. Which column is the partition?"
        return not_yet(text, scanned=scanned, hour=hour, size=most[1])
    if rows.shape != (1, 1) or not pd.api.types.is_integer_dtype(rows.iloc[:, 0]):
        return looks.not_one_number(*rows.shape, "SELECT count(*)")
    found = int(rows.iloc[:, 0].sum())
    if not least[0] <= found <= most[0]:
        text = "The query counts {found:,} lines; the hour {hour} has {wanted:,}."
        return not_yet(text, found=found, hour=hour, wanted=most[0])
    text = "The query counts {found:,} lines and reads {scanned:,} bytes, of {hour} alone."
    return passed(text, found=found, scanned=scanned, hour=hour)


def _objects(lab: Lab) -> Iterator[tuple[str, bytes]]:
    """Yield the key and the text of each delivered object."""
    for item, unpacked in s3_logs.each_object(lab.client("s3"), lab.outputs.log_bucket):
        yield item.key, bytes(unpacked.data)


def _records(text: bytes) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def _hour_of_the_request(lab: Lab) -> str:
    """Return the hour in the key of the traced request's object; raises NotYetError."""
    mark = trace.traced_id(lab).encode()
    key = next((key for key, text in _objects(lab) if mark in text), "")
    if not key:
        raise NotYetError(say("The object with your request"), "04")
    return key[:HOUR]


def _sizes(lab: Lab, hour: str) -> tuple[int, int]:
    """Return the number of lines and the size in bytes, as stored, of an hour's objects."""
    found = list(s3_logs.each_object(lab.client("s3"), lab.outputs.log_bucket, f"{hour}/"))
    return sum(len(text.data.splitlines()) for _, text in found), sum(item.size for item, _ in found)


@contextmanager
def _another_hour(lab: Lab) -> Iterator[None]:
    """Keep an object of another hour in the bucket inside a `with` block."""
    s3, place = lab.client("s3"), {"Bucket": lab.outputs.log_bucket, "Key": OTHER_HOUR}
    with aws_errors("PutObject"):
        s3.put_object(**place, Body=gzip.compress(json.dumps(OTHER_LINE).encode() + b"\n"))
    try:
        yield
    finally:
        with aws_errors("DeleteObject"):
            s3.delete_object(**place)


STEPS: tuple[Step, ...] = (
    Step(
        "06_1",
        "Open one object by hand, and make a list of its records.",
        5,
        holds_the_records,
        kind=Kind.ANSWER,
        wants=list,
        wrong=(
            Wrong(["one line", "another line"], "a record is a dict"),
            Wrong([{"log": "GET /"}], "exactly these 1 records"),
            Wrong("a text", "wanted is: list"),
        ),
        hints=(
            "get_object answers with a dict; its member Body is a stream, and .read() gives the bytes.",
            "gzip.decompress(…) unpacks bytes; .splitlines() cuts them into lines.",
            "[json.loads(line) for line in text.splitlines()]",
        ),
    ),
    Step(
        "06_2",
        "Find the object that holds your request by hand, and give its key.",
        5,
        holds_the_request,
        kind=Kind.ANSWER,
        wrong=(
            Wrong("2021/01/01/00/nobody", "no object with the key"),
            Wrong(b"2021/01/01/00/nobody", "wanted is: str"),
        ),
        hints=(
            "Each element of `listing` has a Key. Open one after the other, as you did with one.",
            "Bytes in unpacked bytes: lab.traced_id.encode() in gzip.decompress(body).",
            "next(item['Key'] for item in listing if …) gives the first that matches.",
        ),
    ),
    Step(
        id="06_3",
        title="Let Firehose deliver after 20 seconds, and apply.",
        minutes=4,
        files=(KINESIS_TF,),
        act=Act.APPLY,
        check=delivers_sooner,
        wrong=(
            Wrong(lambda text: text.replace("= 20", "= 200"), "Is the changed file applied?"),
            Wrong(lambda text: text.replace("buffering_interval", "buffer_interval"), "Unsupported argument"),
        ),
        hints=("The argument is buffering_interval, in seconds. It takes the place of the variable's value.",),
    ),
    Step(
        "06_4",
        "Count the lines of your request's hour with SQL, and read no object of another hour.",
        5,
        reads_one_hour,
        kind=Kind.QUERY,
        wrong=(
            Wrong("SELECT count(*) AS lines FROM httpd", "Which column is the partition?"),
            Wrong("SELECT count(*) AS lines FROM httpd WHERE datehour = '2021/05/05/05'", "counts 0 lines"),
            Wrong("SELECT count(*) FROM nobody", "nobody"),
        ),
        hints=(
            "SELECT count(*) AS lines FROM httpd WHERE …: the condition is on datehour.",
            "datehour is a text, the beginning of the key: 2026/02/02/23, without the last slash.",
            "mine.answer[:13] is the hour of your object.",
        ),
    ),
)
