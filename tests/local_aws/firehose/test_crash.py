"""kill -9 of the server: what a call was answered for is still there."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

from lab_helpers.local_aws.kit.clock import ManualClock, SystemClock
from tests.local_aws.firehose.fakes import STREAM, Fakes, make_service

PRODUCER = """
import base64, itertools, sys
from pathlib import Path
from lab_helpers.local_aws.kit.clock import SystemClock
from tests.local_aws.firehose.fakes import STREAM, Fakes, make_service
fakes = Fakes()
make_service(Path(sys.argv[1]), fakes, SystemClock()).start()
fakes.create()
for number in itertools.count():
    data = [base64.b64encode(b"%d.%d\\n" % (number, part)).decode() for part in range(50)]
    fakes.call("PutRecordBatch", {"DeliveryStreamName": STREAM, "Records": [{"Data": item} for item in data]})
    print(number, flush=True)
"""


def test_killed_process_loses_nothing_acknowledged(tmp_path: Path):
    """A process that takes batches is killed in mid-stream; a new server delivers every acknowledged one."""
    root = Path(__file__).parents[3]
    argv = [sys.executable, "-c", PRODUCER, str(tmp_path)]
    with subprocess.Popen(argv, cwd=root, stdout=subprocess.PIPE, text=True) as producer:
        assert producer.stdout is not None
        acknowledged = [int(producer.stdout.readline()) for _ in range(40)]
        producer.kill()
        acknowledged += [int(line) for line in producer.stdout if line.endswith("\n")]
    fakes = Fakes()
    service = make_service(tmp_path, fakes, ManualClock(SystemClock().now() + timedelta(minutes=1)))
    fakes.create(CompressionFormat="UNCOMPRESSED")
    service.start()
    service.stop()
    delivered = b"".join(fakes.objects.values()).decode().split()
    expected = [f"{number}.{part}" for number in acknowledged for part in range(50)]
    assert delivered[: len(expected)] == expected
    assert len(delivered) - len(expected) <= 50  # at most the batch that was under way


def test_many_producers_at_once_lose_and_double_nothing(tmp_path: Path):
    """Eight threads put while the worker's thread delivers: every record arrives once, each producer's in its order."""
    fakes = Fakes()
    service = make_service(tmp_path, fakes, SystemClock())
    service.start()
    fakes.create(CompressionFormat="UNCOMPRESSED", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})

    def produce(who: int) -> None:
        for number in range(50):
            record = {"Data": f"{who}.{number}\n".encode()}
            fakes.call("PutRecordBatch", {"DeliveryStreamName": STREAM, "Records": [record] * 2})

    producers = [threading.Thread(target=produce, args=(who,)) for who in range(8)]
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    service.stop()
    delivered = b"".join(fakes.objects.values()).decode().split()
    assert len(delivered) == 800
    for who in range(8):
        own = [line for line in delivered if line.startswith(f"{who}.")]
        assert own == [f"{who}.{number}" for number in range(50) for _ in range(2)]
    assert list(tmp_path.rglob("*.records")) == []
