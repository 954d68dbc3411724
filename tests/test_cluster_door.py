"""The door ``cluster``: which headlines tell one event, a line in, a line out."""

import json
import random
import string
import time

import pytest
from hypothesis import given, settings, strategies as st

from service import choice
from service.doors import events

from .command import command, objects, told
from .test_choice import OTHERS, SAME_EVENT


def asked(*lines):
    given = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return told("cluster", "-", "--json", given=given)


def line(title, published=None, **other):
    return {"id": title[:5], "title": title, "published": published, **other}


def test_a_line_in_a_line_out():
    """Each line is answered in its place, headlines of one event with one number, by the service's own code."""
    given = [line(title, "2026-11-22T10:00:00Z") for title in (SAME_EVENT[0], OTHERS[0], *SAME_EVENT[1:], OTHERS[1])]
    code, out, err = asked(*given)
    found = objects(out)
    assert (code, err) == (0, "")
    assert [set(each) for each in found] == [{"id", "cluster"}] * len(given)
    assert [each["id"] for each in found] == [each["id"] for each in given]
    ours = choice.cluster([each["title"] for each in given], [None] * len(given))
    assert tuple(each["cluster"] for each in found) == ours
    assert ours == (0, 1, 0, 0, 2)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2026-11-22T10:00:00Z", "2026-11-24T09:00:00+00:00", True),
        ("2026-11-22T10:00:00Z", "2026-11-24T11:00:00", False),
        ("2014-03-10", "Wed, 12 Mar 2014 12:00:00 CET", False),
        ("2014-03-10", "Tue, 11 Mar 2014 12:00:00 CET", True),
        (1394470370, 1394470370698, True),
        ("1394470370698", 1394470370 + 49 * 3600, False),
        (None, "2014-03-10", True),
        ("soon", "2014-03-10", True),
        ("99999-01-01", "0001-01-01T00:00:00+14:00", True),
        (1e300, -1e300, True),
        (10**400, True, True),
        ([], {"when": "now"}, True),
    ],
    ids=str,
)
def test_dates(one, other, together):
    """ISO 8601, RFC 822 and seconds since 1970 are dates; what cannot be read or be true is no date."""
    code, out, err = asked(line(OTHERS[0], one), line(OTHERS[0], other))
    assert (code, err) == (0, "")
    numbers = [each["cluster"] for each in objects(out)]
    assert (numbers[0] == numbers[1]) is together


def test_bad_lines_are_said_and_the_rest_is_answered():
    """A line that is none is answered with its error, told with its number, and ends the command with 1."""
    bad = [b"not json", b'{"id": 4}', b'{"id": 5, "title": "<b></b>"}', b'["a"]', b'{"id": NaN, "title": "x"}', b"[" * 9000,
           b'{"id": 8, "title": 3}', b'{"id": 1' + b"0" * 5000 + b', "title": "x"}', b'"' + b"a" * 200_000, b"\xff\xfe"]  # fmt: skip
    code, out, err = asked(line(SAME_EVENT[0]), b"", *bad, b"  ", line(SAME_EVENT[1]))
    found = objects(out)
    assert code == 1
    assert len(found) == len(bad) + 2
    assert (found[0]["cluster"], found[-1]["cluster"]) == (0, 0)
    assert all(each["cluster"] is None and each["error"] for each in found[1:-1])
    assert [each["id"] for each in found[1:4]] == [None, 4, 5]
    assert [sentence.split(":")[0] for sentence in err.splitlines()] == [f"line {at + 3}" for at in range(len(bad))]


@pytest.mark.parametrize(
    "name", [1, "a", None, 1.5, True, [1, {"b": None}], {"x": "y"}, "\ud800", "é", -(2**70)], ids=repr
)
def test_any_id_comes_back(name):
    """An id may be any JSON there is, the same for two lines too."""
    code, out, _ = asked(line(OTHERS[0], id=name), line(OTHERS[1], id=name))
    assert code == 0
    assert [each["id"] for each in objects(out)] == [name, name]


def test_nothing_is_nothing():
    """No line in, no line out."""
    assert asked() == (0, "", "")
    assert told("cluster", "--json", given=" \n\n").out == ""


@given(st.lists(st.binary(max_size=80), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_bytes(lines):
    """Whatever is piped in, each line that holds anything gets one object and nobody sees a traceback."""
    given = b"\n".join(lines)
    code, out, err = told("cluster", "-", "--json", given=given)
    assert code in (0, 1)
    assert len(objects(out)) == sum(bool(each.strip()) for each in given.split(b"\n"))
    assert "Traceback" not in err


def test_people_read_groups(tmp_path):
    """For people the events with their headlines, the most told first, whatever is in a title."""
    path = tmp_path / "lines.json"
    path.write_text("\n".join(json.dumps(line(title)) for title in (OTHERS[0], "[bold]\x1b[31mRed[/]", *SAME_EVENT)))
    code, out, _ = told("cluster", path)
    assert code == 0
    assert out.splitlines()[:3] == [f"  3 {SAME_EVENT[0]}", *(f"    {title}" for title in SAME_EVENT[1:])]
    assert "  1 [bold]Red[/]\n" in out
    assert "\x1b" not in out
    assert out.endswith("5 headlines, 3 events\n")


def test_a_file_that_is_not_there():
    """A missing file is a sentence."""
    code, out, err = told("cluster", "nowhere.json", "--json")
    assert (code, out, err) == (1, "", "nowhere.json cannot be read: No such file or directory\n")


def test_thousands_in_seconds(tmp_path):
    """5,000 headlines are grouped in seconds, by a process that stays below a gigabyte."""
    dice = random.Random(5)
    words = ["".join(dice.choices(string.ascii_lowercase, k=7)) for _ in range(900)]
    path = tmp_path / "many.json"
    path.write_text("\n".join(json.dumps(line(" ".join(dice.choices(words, k=9)))) for _ in range(5000)))
    first = "import resource; resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30)); "
    began = time.monotonic()
    code, out, err = command("cluster", path, "--json", first=first, also={"OPENBLAS_NUM_THREADS": "1"})
    assert (code, err, out.count("\n")) == (0, "", 5000)
    assert time.monotonic() - began < 40  # about four on a quiet machine


def test_more_than_can_be_compared(tmp_path, monkeypatch):
    """Too many lines are refused in words before any work is done."""
    monkeypatch.setattr(events, "MOST_LINES", 3)
    code, out, err = asked(*[line(title) for title in OTHERS])
    assert (code, out) == (2, "")
    assert err == "more than 3 headlines; give fewer at a time, such as those of two days\n"
