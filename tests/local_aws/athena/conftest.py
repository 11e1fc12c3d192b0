from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_aws.athena.harness import WORKERS, Lab
from tests.support.log_samples import HEALTH_CHECK, TASKS, gzipped, record, request_line


@pytest.fixture(scope="session", autouse=True)
def _workers_end() -> Iterator[None]:
    yield
    WORKERS.end()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    first = [record(request_line("r-0")), record(HEALTH_CHECK), record("AH00094: started")]
    second = [record(request_line("r-1"), TASKS[1]), record(request_line("r-2").replace(" 200 ", " 404 "))]
    made.s3.objects["logs", "2021/11/07/09/stream-1.gz"] = gzipped(*first)
    made.s3.objects["logs", "2021/11/07/10/stream-2.gz"] = gzipped(*second)
    made.s3.objects["logs", "other/file.txt"] = b"not a log"
    made.service.start()
    yield made
    made.service.stop()
