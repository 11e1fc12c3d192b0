"""`nc` and `curl` for health checks on a machine that has none: as much of them as FireLens' documented checks use.

    python check_tools.py nc [-z] [-w SECONDS] HOST PORT      standard input is sent, the connection closed
    python check_tools.py curl [-f] [-s] [...] URL            ends with 22 when the answer is 400 or above

Not modelled: every other option (known letters are taken and have no effect). This file is run by itself, without the
lab's packages: a check is made every few seconds.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

TOOLS = ("nc", "curl")
DEFAULT_TIMEOUT_S = 30.0
REFUSED, FAILED_STATUS, USAGE = 1, 22, 2


def argv(command: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """Return the words to start for a health check's command, with what stands in for tools that are not there."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=env.get("PATH")) is None]
    if command[0] == "CMD-SHELL":
        functions = [f'{tool}() {{ {shlex.join(_own(tool))} "$@"; }}\n' for tool in missing]
        return ["/bin/sh", "-c", "".join(functions) + " ".join(command[1:2])]
    words = list(command[1:] if command[0] == "CMD" else command)
    return [*_own(words[0]), *words[1:]] if words and words[0] in missing else words or ["false"]


def _own(tool: str) -> list[str]:
    return [sys.executable, "-I", "-S", __file__, tool]


def main(words: Sequence[str]) -> int:
    """Return the exit code of the tool that the first word names."""
    tool, *rest = words
    wait, values = DEFAULT_TIMEOUT_S, []
    waiting = iter(rest)
    for word in waiting:
        if word in ("-w", "-m", "--max-time", "--connect-timeout", "-o", "--output"):
            given = next(waiting, "")
            wait = float(given) if given.replace(".", "", 1).isdigit() else wait
        elif not word.startswith("-"):
            values.append(word)
    if tool == "nc" and len(values) == 2:
        return _nc(values[0], values[1], wait, sends="-z" not in rest)
    if tool == "curl" and len(values) == 1:
        fails = "--fail" in rest or any("f" in word for word in rest if word[:1] == "-" and word[:2] != "--")
        return _curl(values[0], wait, fails=fails)
    return USAGE


def _nc(host: str, port: str, wait_s: float, *, sends: bool) -> int:
    try:
        with socket.create_connection((host, int(port)), timeout=wait_s) as connection:
            if sends:
                connection.sendall(sys.stdin.buffer.read())
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
    except (OSError, ValueError, OverflowError) as exc:
        print(f"nc: {host} {port}: {exc}", file=sys.stderr)
        return REFUSED
    return 0


def _curl(url: str, wait_s: float, *, fails: bool) -> int:
    address = url if "://" in url else f"http://{url}"
    if not address.startswith(("http://", "https://")):
        return USAGE
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=wait_s) as answer:
            answer.read()
    except urllib.error.HTTPError:
        return FAILED_STATUS if fails else 0
    except (OSError, ValueError) as exc:
        print(f"curl: {url}: {exc}", file=sys.stderr)
        return 7
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
