"""Lists of feeds from other readers are read in safety, and ours are read by them."""

import time
import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given, strategies as st

from service.errors import SourceError
from service.sources import opml
from service.sources.opml import Outline, read, write
from service.text import clean

from .values import NOON

A, B = "https://a.example/feed", "https://b.example/rss?x=1&y=2"


def document(body, head='<?xml version="1.0"?>'):
    return f'{head}<opml version="1.0"><head><title>x</title></head><body>{body}</body></opml>'.encode()


def reason(data):
    """Why a list cannot be read, or None where it can."""
    try:
        read(data)
    except SourceError as error:
        return str(error)
    return None


def test_groups_titles_and_addresses_are_read():
    """Nested outlines give each feed with its title, cleaned, and the groups it stands in."""
    found = read(
        document(
            f'<outline text="News"><outline text="World"><outline type="rss" text="t" title="A &amp;amp; B" xmlUrl="{A}"/>'
            f'</outline></outline><outline TEXT="Alone" xmlURL=" {A} " htmlUrl="https://a.example"/>'
        )
    )
    assert found == [Outline(A, "A & B", ("News", "World")), Outline(A, "Alone")]


def test_old_lists_name_feeds_by_url():
    """``url`` is a feed's address in OPML 1.0, but not in links and includes."""
    found = read(
        document(
            f'<outline type="rss" text="x" url="{A}"/><outline type="link" url="http://no.example"/>'
            '<outline type="include" url="http://no.example/more.opml"/><outline text="only words"/>'
        )
    )
    assert [feed.url for feed in found] == [A]


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (document(f'<outline text="Fish & chips &nbsp;&eacute;" xmlUrl="{B}"/>'), "Fish & chips é"),
        (b"\xef\xbb\xbf" + document(f'<outline text="Zeit" xmlUrl="{B}"/>'), "Zeit"),
        (document(f'<outline text="Žižkov" xmlUrl="{B}"/>').decode().encode("utf-16"), "Žižkov"),
        (document(f'<outline text="Zürich" xmlUrl="{B}"/>', '<?xml version="1.0" encoding="ISO-8859-1"?>').decode().encode("latin-1"), "Zürich"),
        (document(f'<outline text="Zürich" xmlUrl="{B}"/>', '<?xml version="1.0" encoding="utf-16"?>'), "Zürich"),
        (document(f'<outline text="Zürich" xmlUrl="{B}"/>', '<?xml version="1.0" encoding="punycode"?>'), "Zürich"),
        (document(f'<outline text="a\x00\x01b" xmlUrl="{B}"/>'), "ab"),
        (document(f'<outline text="Zoo" xmlUrl="{B}"/>', "<!DOCTYPE opml>\n"), "Zoo"),
    ],
)  # fmt: skip
def test_lists_as_they_are_written_in_the_wild(data, title):
    """Bare ampersands, HTML's entities, other encodings and wrong declarations do not stop a list."""
    assert read(data) == [Outline(B, title)]


BOMB = '<!DOCTYPE opml [<!ENTITY a "lol">' + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9)) + "]>"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"hello", "not well-formed"),
        (b"<html><body/></html>", "outermost element is <html>"),
        (b"<rss version='2.0'><channel/></rss>", "outermost element is <rss>"),
        (document("<outline>"), "not well-formed XML (line 1"),
        (document("<outline/>", BOMB), "entities"),
        (document('<outline text="&x;"/>', '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "entities"),
        (document("", '<!DOCTYPE opml [<!ENTITY % x SYSTEM "http://127.0.0.1:1/">%x;]>'), "entities"),
        (document("<outline/>", BOMB).decode().encode("utf-16"), "entities"),
        (b" " * (opml.MOST_BYTES + 1), "5 MB"),
        (document(f'<outline xmlUrl="{A}"/>' * (opml.MOST_FEEDS + 1)), "too many feeds"),
    ],
    ids=range(11),
)
def test_what_is_no_list_is_a_sentence(data, said):
    """Anything else, and any trap with entities, is refused with a short reason."""
    with pytest.raises(SourceError) as caught:
        read(data)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    "body",
    [
        "<outline text='x'>" * 120_000 + "</outline>" * 120_000,
        "<outline " + " ".join(f"a{n}='1'" for n in range(200_000)) + "/>",
        f'<outline xmlUrl="{A}" text="' + "&amp;" * 900_000 + '"/>',
        f'<outline xmlUrl="https://a.example/{"a" * 4_000_000}"/>',
        "<!-- " + "- " * 2_000_000 + "-->",
        "<?xml " * 700_000,
        "&" * 4_500_000,
        "<outline text='" + "<" * 4_000_000,
    ],
    ids=["deep", "attributes", "references", "address", "comment", "instructions", "ampersands", "open"],
)
def test_no_list_takes_long(body):
    """Depth, many attributes and long values cost time in proportion to their length, seconds at most."""
    began = time.process_time()
    assert "not well-formed" in (reason(document(body)) or "not well-formed")
    assert time.process_time() - began < 4


@given(st.binary(max_size=400) | st.text(max_size=200).map(document))
def test_no_bytes_break_the_reader(data):
    """Whatever a file holds, there are outlines or a reason."""
    assert reason(data) != ""


addresses = st.builds(
    lambda host, path, query: f"https://{host}.example/{path}{query and '?' + query}",
    st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.from_regex(r"[a-z0-9/._~%-]{0,20}", fullmatch=True),
    st.from_regex(r"([a-z]=[a-zA-Z0-9&;<>'\"+]{0,8})?", fullmatch=True),
)  # fmt: skip


titles = st.text(max_size=40).map(clean)


@given(st.lists(st.tuples(addresses, titles, st.sampled_from(["home", "kids", "a<b&\"c'"])), max_size=12))
def test_what_we_write_we_read(feeds):
    """A list that was written gives the same addresses in the same groups, with the same titles."""
    wanted = [Outline(url, title or "untitled", (group,)) for url, title, group in feeds]
    assert read(write(wanted, NOON).encode()) == wanted


def test_what_we_write_keeps_to_the_specification():
    """OPML 2.0: a version, a head with an RFC 822 date, a body; every outline has a text, every feed type and xmlUrl."""
    root = ET.fromstring(
        write([Outline(A, "A", ("home",)), Outline(B, "", ("home",)), Outline(A, "x", ("kids",))], NOON)
    )
    assert (root.tag, root.get("version"), [child.tag for child in root]) == ("opml", "2.0", ["head", "body"])
    assert parsedate_to_datetime(root.findtext("head/dateCreated")) == NOON
    groups = root.findall("body/outline")
    assert [(group.get("text"), len(group)) for group in groups] == [("home", 2), ("kids", 1)]
    assert all(outline.get("text") for outline in root.iter("outline"))
    assert all((feed.get("type"), bool(feed.get("xmlUrl"))) == ("rss", True) for group in groups for feed in group)
