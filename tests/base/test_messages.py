"""What the lab says is said in Japanese too: the catalogue is complete, has nothing left over, and is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pandas as pd
import pytest

from lab_helpers.base import messages
from lab_helpers.base.errors import CheckFailedError, NotYetError
from lab_helpers.base.messages import WORD, language_of, say, say_word, speak, speaking, spoken
from lab_helpers.display import Bar, facts, log_path, table
from lab_helpers.display.charts import findings, fonts
from lab_helpers.exercises import exercise_of
from lab_helpers.workbook.checks import Checks
from tests.support import message_sources

CATALOGUE = messages._catalogue("ja")
LINES = pd.DataFrame(
    {
        "request_time": pd.to_datetime(["2026-02-03T04:05:06Z"] * 3),
        "task": ["a" * 32, "a" * 32, "b" * 32],
        "remote_host": "10.0.11.7",
        "method": "GET",
        "path": "/",
        "query": ["id=1", "id=2", None],
        "status": [200, 404, 200],
        "user_agent": None,
    }
)


@pytest.fixture
def japanese() -> Iterator[None]:
    """Speak Japanese for one test."""
    with speaking("ja"):
        yield


def test_every_text_has_a_translation() -> None:
    """A sentence that is new in the code, a cell, a drill or an exercise is new in the catalogue."""
    assert [text for text in sorted(message_sources.said()) if ("", text) not in CATALOGUE] == []


def test_no_entry_is_left_over() -> None:
    """What is no longer said or shown is no longer in the catalogue."""
    known = message_sources.said() | message_sources.constants() | message_sources.shown()
    assert sorted(text for _, text in CATALOGUE if text not in known) == []


def test_placeholders_agree() -> None:
    """A translation has the values of its text, each as often and in the same form."""
    said = [text for text in message_sources.said() if "{" in text]
    assert [text for text in said if _fields(CATALOGUE["", text]) != _fields(text)] == []
    assert len(said) > 50


def _fields(text: str) -> list[tuple[str | None, ...]]:
    try:
        return sorted((part[1:] for part in Formatter().parse(text) if part[1] is not None), key=str)
    except ValueError:  # braces that are no placeholders, such as ${BASE_IMAGE}: then it is said without values
        return []


def test_the_notebooks_name_tells_the_language() -> None:
    """Its first folder is a language or is none; the FAQ and the drills are English ones."""
    names = ("ja/05_cloudwatch", "ja/drills/1_nothing_arrives", "05_cloudwatch", "faq/1_plugins", "jam")
    assert [language_of(name) for name in names] == ["ja", "ja", "en", "en", "en"]


def test_an_unknown_language_is_refused() -> None:
    """There is nothing to speak it from."""
    with pytest.raises(ValueError, match="no catalogue for 'fr', only for en, ja"):
        speak("fr")
    assert spoken() == "en"


def test_a_block_in_another_language_ends() -> None:
    """What was spoken before is spoken again, whatever happens inside."""
    with speaking("ja"):
        assert say("you are here") == "現在地"
    with pytest.raises(KeyError), speaking("ja"):
        raise KeyError
    assert say("you are here") == "you are here"


@pytest.mark.usefixtures("japanese")
def test_a_text_without_translation_is_said_in_english() -> None:
    """A trainee's own check has a name of its own; braces in it are no placeholders."""
    assert say("my own check {x}") == "my own check {x}"


@pytest.mark.usefixtures("japanese")
def test_check_speaks_and_writes_english(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reader sees Japanese; the report's file keeps the English name, so that runs can be compared."""
    check = Checks("ja/04_traffic", tmp_path)
    check("Firehose reports no error", True)
    assert capsys.readouterr().out == "✔ Firehose のエラーはない\n"
    with pytest.raises(CheckFailedError, match="✘ Firehose のエラーはない: 4 件のリクエストに対して 3 行"):
        check("Firehose reports no error", False, "{lines:,} lines for {sent:,} requests", lines=3, sent=4)
    with pytest.raises(CheckFailedError, match="成り立っていません"):
        check("Firehose reports no error", False)
    kept = [json.loads(line) for line in (tmp_path / "ja/04_traffic.jsonl").read_text().splitlines()]
    assert [each["name"] for each in kept] == ["Firehose reports no error"] * 3


@pytest.mark.usefixtures("japanese")
def test_exercise_speaks(tmp_path: Path) -> None:
    """Verdict, hint, and where a wrong answer is wrong."""
    exercise = exercise_of("drill_3", None, tmp_path)  # type: ignore[arg-type]  # this judge looks at no lab
    assert str(exercise.check(...)).startswith("… 演習 drill_3: 未着手。")
    assert "AttributeError" in str(exercise.check(lambda printed, numbers: (numbers.lost, printed)))
    assert str(exercise.hint()).startswith("ヒント 1/")
    right = exercise.check(lambda printed, numbers: (printed - numbers.nunique(), len(numbers) - numbers.nunique()))
    assert str(right) == "✔ 演習 drill_3: 合格。"


@pytest.mark.usefixtures("japanese")
def test_errors_speak() -> None:
    """An error that a trainee meets says in Japanese what to do next: a notebook, or a cell of this one."""
    told = str(NotYetError("The traffic", "04"))
    assert told == "まだありません: トラフィックの記録。先にノートブック 04 を実行してください。"
    assert (
        str(NotYetError("x", cell="drill.inject()"))
        == "まだありません: x。先に drill.inject() のセルを実行してください。"
    )


@pytest.mark.usefixtures("japanese")
def test_tables_translate_our_words_and_no_data() -> None:
    """Words of the lab are translated where they are shown, the frame keeps them; wide characters are counted."""
    frame = pd.DataFrame({"what": ["printed", "source"], "lines": [100, 7]})
    assert table(frame).text.splitlines() == [
        "項目          行数",
        "------------  ----",
        "出力された行   100",
        "source           7",
    ]
    assert "出力された行" in table(frame).html
    assert frame["what"].tolist() == ["printed", "source"]
    assert facts({"role": "none"}).text == "ロール  なし"


@pytest.mark.usefixtures("japanese")
def test_path_and_progress_speak() -> None:
    """The drawn path and a bar of a thread of its own."""
    assert log_path("client", {"client": 3}).text.endswith("現在地: クライアント（リクエスト）")
    assert "<span style='white-space:nowrap'>クライアント</span>" in log_path().html
    said: list[str] = []

    class Sink:
        def show(self, _share: float | None, text: str) -> None:
            said.append(text)

        def close(self, text: str) -> None:
            said.append(text)

    bar = Bar("requests", Sink(), monotonic=lambda: 7.0)
    bar.update(1200, 3000, "requests")
    assert said == ["リクエスト: 1,200/3,000 リクエスト、0 秒"]


@pytest.mark.usefixtures("japanese")
def test_chart_is_in_english_without_a_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes in the place of characters help nobody: the whole chart is in English, its text too."""
    monkeypatch.setattr(fonts, "FAMILIES", {})
    assert findings.task_balance(LINES).title == "One task served all 2 requests"


@pytest.mark.usefixtures("japanese")
@pytest.mark.skipif(not fonts.family("ja"), reason="no Japanese font on this machine (Debian: fonts-noto-cjk)")
def test_chart_speaks_where_there_is_a_font() -> None:
    """They are drawn without a missing character: a warning of matplotlib would be an error here."""
    assert findings.task_balance(LINES).title.startswith("1 つのタスク")
    assert "ヘルスチェック" in findings.health_checks_and_traffic(LINES).text
    assert "リクエスト" in findings.requests_over_time(LINES).title


def test_words_are_words() -> None:
    """A word is looked up as such only: a sentence of the same text may be told otherwise."""
    with speaking("ja"):
        assert say_word("cause") == "cause"
        assert say("cause") == "原因"
    assert all(context in ("", WORD) for context, _ in CATALOGUE)
