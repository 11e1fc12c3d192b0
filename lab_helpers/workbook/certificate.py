"""What a trainee has done, as a page with a signature: a trainer can see that it was not changed afterwards.

The page holds its content as JSON, signed (Ed25519) with a key that the lab of this state folder makes for itself.
Verified are the signature and that the page is the one that this content gives, letter by letter.

Not proved: who sat at the machine, and that the files of the lab were not changed by hand before it was issued.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lab_helpers.base.config import Settings, private_folder, write_private
from lab_helpers.base.errors import CertificateError, SettingsError
from lab_helpers.base.messages import languages, say, speaking, spoken
from lab_helpers.exercises import Progress
from lab_helpers.workbook.copies import own_copy
from lab_helpers.workbook.course import Stand, stands, total

FILE, KEY = "certificate.html", "certificate.key"
MOST_BYTES, MOST_NAME = 1 << 20, 80
_JSON = re.compile(r'<script type="application/json" id="certificate">(.*?)</script>', re.DOTALL)
_STYLE = (
    "body{font-family:sans-serif;max-width:46em;margin:2em auto;padding:0 1em;line-height:1.5}"
    "h1{font-size:1.4em}table{border-collapse:collapse}td,th{text-align:left;padding:2px 12px 2px 0;"
    "border-bottom:1px solid #ccc}.n{text-align:right}footer{font-size:.85em;color:#555;overflow-wrap:anywhere}"
)


@dataclass(frozen=True)
class Verified:
    """A certificate whose signature holds. `key` is the fingerprint of the lab that issued it."""

    name: str
    at: str
    total: str
    key: str
    is_same_page: bool


def issue(
    settings: Settings, name: str = "", now: Callable[[], datetime] = lambda: datetime.now(UTC), out: Path | None = None
) -> Path:
    """Write the certificate of what was done until now, and return where. Raises SettingsError for an odd name."""
    content = _content(settings, _checked(name or settings.owner), now())
    key = _key(settings)
    content["key"] = key.public_key().public_bytes_raw().hex()
    text = page(content, key.sign(_bytes(content)).hex())
    folder = own_copy.folder_of(settings)
    path = out or (folder if folder.is_dir() else settings.home) / FILE
    path.write_text(text, encoding="utf-8")
    return path


def verify(file: Path) -> Verified:
    """Read a certificate and check it; raises CertificateError with what is wrong."""
    text = _read(file)
    found = _JSON.search(text)
    try:
        document: Any = json.loads(found[1]) if found else None
        content, signature = document["content"], document["signature"]
        key = bytes.fromhex(content["key"])
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signature), _bytes(content))
        same = page(content, signature) == text
        name, at, told = (_printable(content[each]) for each in ("name", "at", "total"))
        return Verified(name, at, told, fingerprint(key), same)
    except InvalidSignature:
        raise CertificateError.changed(file.name) from None
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as exc:
        raise CertificateError.unreadable(file.name) from exc


def fingerprint(key: bytes) -> str:
    """Return the beginning of a public key in groups, as people compare it."""
    return " ".join(key.hex()[start : start + 4] for start in range(0, 16, 4))


def page(content: dict[str, Any], signature: str) -> str:
    """Return the page that a content gives: always the same for the same."""
    language = content["language"] if content["language"] in languages() else languages()[0]
    with speaking(language):
        return _page(content, signature)


def _page(content: dict[str, Any], signature: str) -> str:
    heads = (say("notebook"), say("steps"), say("guesses"), say("minutes"))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    rows = "".join(_row(each) for each in content["notebooks"])
    steps = content["steps"].values()
    helped = sum(bool(each["solution_seen"]) for each in steps)
    told = [
        str(content["total"]),
        say("{count} of the passed steps were passed after a look at the solution.", count=helped),
        say(
            "Issued {at}, lab version {version}, key {key}.",
            at=content["at"], version=content["version"], key=fingerprint(bytes.fromhex(content["key"])),
        ),
        say("`lab certificate --verify FILE` says whether it was changed since. It does not prove who did the work."),
    ]  # fmt: skip
    embedded = json.dumps({"content": content, "signature": signature}, ensure_ascii=False, sort_keys=True)
    embedded = embedded.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    title = html.escape(say("The FireLens lab: what {name} has done", name=content["name"]))
    paragraphs = "".join(f"<p>{html.escape(text)}</p>" for text in told)
    return (
        f'<!doctype html>\n<html lang="{html.escape(content["language"], quote=True)}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><h1>{title}</h1>{paragraphs}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<footer><p>{html.escape(signature)}</p></footer>\n"
        f'<script type="application/json" id="certificate">{embedded}</script></body></html>\n'
    )


def _row(row: dict[str, Any]) -> str:
    cells = (f"{row['passed']} / {row['steps']}", f"{row['guessed']} / {row['guesses']}", str(row["minutes"]))
    numbers = "".join(f'<td class="n">{html.escape(cell)}</td>' for cell in cells)
    return f"<tr><td>{html.escape(row['name'])} · {html.escape(row['title'])}</td>{numbers}</tr>"


def _content(settings: Settings, name: str, now: datetime) -> dict[str, Any]:
    found, progress = stands(settings, spoken()), Progress(settings.home, settings.owner)
    names = [step for each in found for step in each.page.steps]
    passed = {step: asdict(progress.of(step)) for step in names if progress.of(step).passed_at}
    return {
        "name": name,
        "at": now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "language": spoken(),
        "version": version("firelens-lab"),
        "total": total(found),
        "notebooks": [_of(each) for each in found],
        "steps": passed,
        "guesses": {each: asdict(guess) for each, guess in progress.guesses().items()},
    }


def _of(stand: Stand) -> dict[str, Any]:
    page = stand.page
    return {
        "name": page.name,
        "title": page.title,
        "passed": stand.passed,
        "steps": len(page.steps),
        "guessed": stand.guessed,
        "guesses": len(page.guesses),
        "minutes": round(stand.used_min),
    }


def _checked(name: str) -> str:
    given = name.strip()
    if not given or len(given) > MOST_NAME or not given.isprintable():
        raise SettingsError("name", name, f"1 to {MOST_NAME} letters that can be printed")
    return given


def _printable(text: str) -> str:
    """Return a text from a file without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _key(settings: Settings) -> Ed25519PrivateKey:
    """Return the lab's own key; made when it is first asked for."""
    file = private_folder(settings.home) / KEY
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(file.read_text()))
    except (OSError, ValueError):
        key = Ed25519PrivateKey.generate()
        write_private(file, key.private_bytes_raw().hex())
        return key


def _bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise CertificateError.unreadable(file.name)
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise CertificateError.unreadable(file.name) from exc
