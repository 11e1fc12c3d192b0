"""A trial of a configuration to look at: each sample before and after, what took it, and the router's own words."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from lab_helpers.base.messages import say
from lab_helpers.base.redact import redact
from lab_helpers.display.tables import Shown
from lab_helpers.playground import Arrived, Played, Sample

_PRE = "text-align:left;font-family:monospace;line-height:1.35;white-space:pre-wrap;margin:0"
_NEW = "background:rgba(46,160,67,.22)"
_GONE = "background:rgba(248,81,73,.22)"
_ROWS = "border-top:1px solid rgba(128,128,128,.4);padding:.3em 0;display:flex;flex-wrap:wrap;gap:1em"


def played(found: Played) -> Shown:
    """A trial, sample by sample; one that was refused is what the router said."""
    if found.refused:
        told = say("The router does not start with this configuration:")
        return Shown(f"{told}\n{found.log}", f"<div>{html.escape(told)}</div>{_pre(found.log)}")
    blocks = [_sample(found, number, sample) for number, sample in enumerate(found.samples)]
    others = found.of(None)
    if others:
        blocks.append(_block(say("of none of the samples"), {}, [], others))
    errors = "\n".join(line for line in found.log.splitlines() if "error]" in line or "warn]" in line)
    texts, pages = [text for text, _ in blocks], [page for _, page in blocks]
    return Shown("\n".join([*texts, errors]).rstrip(), "".join(pages) + (_pre(errors) if errors else ""))


def _sample(found: Played, number: int, sample: Sample) -> tuple[str, str]:
    head = say("sample {number}, tag {tag}", number=number + 1, tag=sample.tag)
    takers = [each for each in (*found.filters, *found.outputs) if each.takes(sample.tag)]
    names = [f"{each.label} ({_match(each.values)})" for each in takers]
    return _block(head, sample.record, names, found.of(number))


def _match(values: Mapping[str, str]) -> str:
    return f"Match {values['match']}" if "match" in values else f"Match_Regex {values.get('match_regex', '')}"


def _block(head: str, before: Mapping[str, Any], takers: list[str], arrived: list[Arrived]) -> tuple[str, str]:
    matched = say("matched by: {names}", names=", ".join(takers) or say("nothing"))
    afters = [(_place(each), each.record) for each in arrived] or [(say("nothing comes out"), {})]
    lines = [head, f"  {matched}" if before else ""]
    lines += [f"  {say('before')}: {_json(before)}"] if before else []
    lines += [f"  {place}: {_json(record)}" if record else f"  {place}" for place, record in afters]
    cells = [_cell(say("before"), before, _GONE, afters[0][1])] if before else []
    cells += [_cell(place, record, _NEW, before) for place, record in afters]
    top = f"<div><b>{html.escape(head)}</b> · {html.escape(matched if before else '')}</div>"
    text = "\n".join(filter(None, lines))
    return redact(text), redact(f"{top}<div style='{_ROWS}'>{''.join(cells)}</div>")


def _place(each: Arrived) -> str:
    return f"{say('after')} → {each.output}" if each.output != "OUTPUT" else say("after")


def _cell(head: str, record: Mapping[str, Any], mark: str, other: Mapping[str, Any]) -> str:
    rows = "".join(_key(key, value, "" if other.get(key) == value else mark) for key, value in record.items())
    body = f"<div>{html.escape(head)}</div><pre style='{_PRE}'>{rows}</pre>"
    return f"<div style='flex:1 1 20em;min-width:0'>{body}</div>"


def _key(key: str, value: Any, style: str) -> str:
    return f"<span style='display:block;{style}'>{html.escape(f'{json.dumps(key)}: {_json(value)}')}</span>"


def _pre(text: str) -> str:
    return f"<pre style='{_PRE}'>{html.escape(redact(text))}</pre>"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
