"""A subject's card: written whole, read strictly, and never outside its folder."""

import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from service.errors import SubjectError
from service.subjects import CARD, Frequency, Kind, Subject, folder, load, names, save


def subject(**other):
    base = {"name": "rex", "kind": Kind.DOG, "class_noun": "corgi", "token": "ohwx"}
    return Subject(**(base | other))


AGREED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(
    lambda text: text.strip() == text and text
)


def test_a_saved_card_reads_back_the_same(tmp_path):
    """What was saved is what is loaded, dates and rules included."""
    mia = subject(
        name="mia", kind=Kind.PERSON, consent_at=AGREED, topics_forbidden=("politics",), frequency=Frequency.RARELY
    )
    save(tmp_path, mia)
    assert load(tmp_path, "mia") == mia


@given(words=st.lists(WORDS, max_size=4, unique=True), noun=WORDS)
def test_any_word_survives_the_file(tmp_path_factory, words, noun):
    """Quotes, backslashes, emoji and every script are written so that TOML gives them back."""
    data = tmp_path_factory.mktemp("data")
    rex = subject(topics_allowed=tuple(words), class_noun=noun)
    save(data, rex)
    assert load(data, "rex") == rex


def test_the_card_is_plain_toml_an_owner_can_edit(tmp_path):
    """Each rule is a key of its own with a plain value."""
    card = tomllib.loads(save(tmp_path, subject()).read_text())
    assert card["frequency"] == "sometimes"
    assert card["max_gravity"] == 0.25


@pytest.mark.parametrize(
    "name", ["", "..", ".", "../rex", "a/b", "/etc", "Rex", "-rex", "rex\n", "r" * 41, "réx", "a b"]
)
def test_a_name_cannot_leave_the_folder(tmp_path, name):
    """A name that is not a plain word is refused before any path is made of it."""
    with pytest.raises(SubjectError):
        folder(tmp_path, name)
    with pytest.raises(ValidationError):
        subject(name=name)


def test_mistakes_in_a_card_are_all_named(tmp_path):
    """Two wrong keys give one error that names both."""
    path = save(tmp_path, subject())
    path.write_text(path.read_text().replace("sometimes", "often") + "colour = 'brown'\n")
    with pytest.raises(SubjectError, match=r"(?s)frequency.*colour"):
        load(tmp_path, "rex")


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"", b"name = 'rex'\nname = 'rex'"])
def test_a_broken_card_is_an_error_of_ours(tmp_path, content):
    """Half a file, another encoding, nothing at all: said in one sentence, no traceback."""
    save(tmp_path, subject()).write_bytes(content)
    with pytest.raises(SubjectError, match=CARD):
        load(tmp_path, "rex")


def test_a_subject_that_is_not_there_is_named(tmp_path):
    """Asking for a stranger says who and where."""
    with pytest.raises(SubjectError, match="no subject called 'mia'"):
        load(tmp_path, "mia")


def test_a_card_in_another_subjects_folder_is_refused(tmp_path):
    """A copied folder must not lend one subject's consent to another."""
    path = save(tmp_path, subject())
    path.parent.rename(path.parent.with_name("max"))
    with pytest.raises(SubjectError, match="'rex'"):
        load(tmp_path, "max")


def test_a_save_that_fails_leaves_the_old_card(tmp_path, monkeypatch):
    """A full disk in the middle of writing keeps what was there."""
    path = save(tmp_path, subject())

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SubjectError, match="No space left"):
        save(tmp_path, subject(frequency=Frequency.ALWAYS))
    assert load(tmp_path, "rex").frequency is Frequency.SOMETIMES
    assert path.exists()


def test_only_folders_with_a_card_are_subjects(tmp_path):
    """An empty folder, a stray file and a badly named folder are not listed."""
    assert names(tmp_path) == []
    save(tmp_path, subject(name="rex"))
    save(tmp_path, subject(name="ada"))
    (tmp_path / "subjects" / "empty").mkdir()
    (tmp_path / "subjects" / "notes.txt").write_text("x")
    (tmp_path / "subjects" / "Bad Name").mkdir()
    (tmp_path / "subjects" / "Bad Name" / CARD).write_text("")
    assert names(tmp_path) == ["ada", "rex"]


def test_a_person_needs_consent_and_a_dog_does_not():
    """Without a date of consent a person may neither be learned nor shown."""
    person = subject(kind=Kind.PERSON)
    assert not person.consented
    assert subject(kind=Kind.PERSON, consent_at=AGREED).consented
    assert subject().consented


def test_consent_without_a_time_zone_is_refused():
    """The moment of consent is unambiguous or it is none."""
    with pytest.raises(ValidationError):
        subject(consent_at=datetime(2026, 11, 22))


def test_a_topic_cannot_be_allowed_and_forbidden():
    """Rules that contradict each other are a mistake, not a coin to toss."""
    with pytest.raises(ValidationError, match="both allowed and forbidden: sport"):
        subject(topics_allowed=("sport",), topics_forbidden=("sport",))
