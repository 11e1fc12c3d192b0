"""Sort tests of S3 into what the lab, Terraform and clients meet, and the rest, by what a test's own text names. Run as

    python -m tests.truth.used --localstack CHECKOUT --saved DIR/localstack-s3.jsonl

The rule is `OTHER` and nothing else: a test whose text has one of its words is among the others. Nobody picks by name.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.truth.__main__ import HERE, _kept
from tests.truth.verdicts import HEAD, Outcome, Verdict, judge, read_judged, row, short

OTHER = {
    "queues, topics, functions, events and tables of other services": r"sqs|sns_|\.sns\b|lambda|\.events\b|dynamodb",
    "keys that the customer keeps (SSE-C)": r"SSECustomer|sse_c\b|_sse_c_",
    "archives: RestoreObject": r"restore_object|GLACIER|DEEP_ARCHIVE",
    "pages that S3 serves at a name of its own": r"website_hosting|s3-website|website_endpoint|_website_bucket_url",
    "checksums of the XXHASH family": r"XXHASH",
}
"""What a text names by which it is another's concern, and how that is written in it."""
_WORDS = re.compile("|".join(OTHER.values()))


def is_other(text: str) -> bool:
    """Tell whether a test's text names what neither the lab, nor Terraform's buckets and objects, nor clients meet."""
    return _WORDS.search(text.partition("(")[2]) is not None


def texts(source: str) -> dict[str, str]:
    """Return the text of each test of a module by `Class::function`, with the names of its fixtures."""
    found: dict[str, str] = {}
    for group in ast.parse(source).body:
        members = group.body if isinstance(group, ast.ClassDef) else [group]
        prefix = f"{group.name}::" if isinstance(group, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef) and member.name.startswith("test"):
                found[prefix + member.name] = ast.unparse(member)
    return found


def sort(outcomes: Iterable[Outcome], by_test: Mapping[str, str]) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes that are met, and the others; `by_test` are texts by `file::Class::function`."""
    met: list[Outcome] = []
    others: list[Outcome] = []
    for outcome in outcomes:
        (others if is_other(by_test[short(outcome.test).partition("[")[0]]) else met).append(outcome)
    return met, others


def main() -> int:
    """Print both rows, and the share that passes among those that do not ask for something else."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth.used", description="S3's tests by what is met")
    parser.add_argument("--localstack", type=Path, required=True, help="a checkout of localstack")
    parser.add_argument("--saved", type=Path, required=True, help="outcomes that --save kept")
    args = parser.parse_args()
    folder = args.localstack / "tests/aws/services/s3"
    by_test = {f"{file.name}::{name}": text for file in folder.glob("test_*.py")
               for name, text in texts(file.read_text()).items()}  # fmt: skip
    judged = read_judged((HERE / "judged.txt").read_text().splitlines())
    print(HEAD)
    for name, outcomes in zip(("s3, met", "s3, others"), sort(_kept(args.saved), by_test), strict=True):
        verdicts = [judge(each, judged) for each in outcomes]
        asked = [each for each in verdicts if each not in (Verdict.ELSE, Verdict.SKIPPED)]
        print(row("localstack", name, verdicts) + f" {asked.count(Verdict.PASS) / max(1, len(asked)):.0%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
