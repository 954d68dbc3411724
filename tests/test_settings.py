"""config.toml: sound defaults, and every mistake told at once."""

import tomllib

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel, ConfigDict

from service import reading, settings as config
from service.errors import ConfigError
from service.reading import Known


class House(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str = "house"


class Remote(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str = "remote"
    base_url: str


class Screen(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str = "screen"
    address: str
    resume_after_seconds: float = 30


KINDS = {
    "sources": {"reader": Remote},
    "editors": {"house": House, "remote": Remote},
    "engines": {"papercut": House, "remote": Remote},
    "displays": {"screen": Screen},
}
KNOWN = Known(KINDS, ["headline", "split", "poster"], ["science", "animals"], critics=["remote"])

TWO = 'displays = [{{name = "a", kind = "screen", address = "{}"}}, {{name = "b", kind = "screen", address = "{}"}}]'


def mistakes(text):
    with pytest.raises(ConfigError) as caught:
        reading.build(tomllib.loads(text), KNOWN)
    return caught.value.mistakes


def test_an_empty_file_is_a_whole_service():
    """Nothing must be set: one channel, one display, the house editor and the papercut engine."""
    settings = reading.build({}, KNOWN)
    assert list(settings.channels) == ["home"]
    assert settings.displays[0].name == "hall"
    assert settings.channels["home"].engines == ("papercut",)


def test_five_mistakes_are_five_lines():
    """A config with five mistakes reports all five, each with its key's path and a suggestion where there is one."""
    found = mistakes("""
        [web]
        prot = 8080
        [channels.home]
        fedes = []
        mood = 11
        engines = ["papercutt"]
        [[displays]]
        name = "hall"
        profile = "nesthub"
    """)
    assert len(found) == 5
    assert "unknown key web.prot, did you mean port?" in found
    assert "unknown key channels.home.fedes, did you mean feeds?" in found
    assert any(line.startswith("channels.home.mood: ") for line in found)
    assert "channels.home.engines[0]: unknown 'papercutt', did you mean papercut?" in found
    assert "displays[0].profile: unknown 'nesthub', did you mean nest-hub?" in found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('timezone = "Europe/Berlinn"', "timezone: unknown 'Europe/Berlinn', did you mean Europe/Berlin?"),
        ('[channels.home]\nfeeds = ["ftp://x.example/feed"]', "http:// or https://"),
        ('[channels.home]\nfeeds = "http://one.example/"', "channels.home.feeds: "),
        ('[[displays]]\nname = "a"\n[[displays]]\nname = "a"', "displays[1].name: 'a' is taken"),
        (
            TWO.format("A0:B1:C2:00:11:22", "a0b1c2001122"),
            "displays[1].address: 'a0b1c2001122' is the device of display 'a'",
        ),
        ('[[displays]]\nprofile = "tv"', "missing key displays[0].name"),
        ('[[displays]]\nname = "a"\nchannel = "hom"', "displays[0].channel: unknown 'hom', did you mean home?"),
        ('[[displays]]\nname = "../x"', "displays[0].name: '../x' should be"),
        ('[[displays]]\nname = "a"\nporfile = "tv"', "unknown key displays[0].porfile, did you mean profile?"),
        ('[[displays]]\nname = "a"\nresume_after_seconds = 9', "unknown key displays[0].resume_after_seconds"),
        ('[[displays]]\nname = "a"\nkind = "screen"', "missing key displays[0].address"),
        (
            '[[displays]]\nname = "a"\nkind = "screen"\naddress = "x"\nresume_after_secnds = 9',
            "unknown key displays[0].resume_after_secnds, did you mean resume_after_seconds?",
        ),
        (
            '[[displays]]\nname = "a"\nkind = "screen"\naddress = "x"\nchanel = "home"',
            "unknown key displays[0].chanel, did you mean channel?",
        ),
        (
            '[[displays]]\nname = "a"\nkind = "screen"\naddress = "x"\nresume_after_seconds = "soon"',
            "displays[0].resume_after_seconds: should be",
        ),
        ('[channels."Our House"]', "channels.Our House: "),
        ('[channels.home]\ntemplate = "headlin"', "did you mean headline?"),
        ("[engines.gpu]\nx = 1", "missing key engines.gpu.kind; known kinds are papercut, remote"),
        ('[engines.gpu]\nkind = "remote"\nbase_ulr = "x"', "unknown key engines.gpu.base_ulr"),
        ('[channels.home]\nengines = ["remote"]', "channels.home.engines[0]: unknown 'remote'"),
        ('[channels.home]\ncritic = "eye"', "channels.home.critic: unknown 'eye'"),
        (
            '[channels.home]\ncritic = "house"',
            "channels.home.critic: an editor of kind 'house' cannot look at pictures",
        ),
        ("[critic]\nmax_pictures = 0", "critic.max_pictures: "),
        ("[critic]\nmax_picture = 2", "unknown key critic.max_picture, did you mean max_pictures?"),
        ("channels = 3", "channels: should be a table, not 3"),
        ("[store]\nkeep_gb = -1", "store.keep_gb: "),
    ],
)
def test_a_mistake_names_its_key(text, line):
    """Every kind of mistake is told with the path of its key."""
    assert any(line in found for found in mistakes(text)), mistakes(text)


def test_a_display_keeps_its_adapters_keys():
    """They stand in its own table beside the shared ones, and only the adapter is told."""
    text = '[[displays]]\nname = "a"\nkind = "screen"\naddress = "x"\nprofile = "tv"\nresume_after_seconds = 9'
    (display,) = reading.build(tomllib.loads(text), KNOWN).displays
    assert display.own == {"kind": "screen", "address": "x", "resume_after_seconds": 9}


def test_a_critic_is_an_editor_that_can_look():
    """The name of a table whose kind has eyes is taken."""
    text = '[channels.home]\ncritic = "eye"\n[editors.eye]\nkind = "remote"\nbase_url = "http://x/v1"'
    assert reading.build(tomllib.loads(text), KNOWN).channels["home"].critic == "eye"


def test_a_file_that_is_no_toml_says_where(tmp_path):
    """A syntax error names the file and the line."""
    path = tmp_path / "config.toml"
    path.write_text("[web\nport = 1")
    with pytest.raises(ConfigError, match=r"config.toml is not valid TOML: .*line 1"):
        reading.load(path, KNOWN)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["critic", "web", "channels", "displays", "engines", "editors", "store", "net", "timezone", "zzz"]
)


@given(st.dictionaries(keys, json, max_size=5))
def test_nothing_but_a_config_error_escapes(table):
    """Whatever the file holds, the answer is settings or a ConfigError."""
    try:
        reading.build(table, KNOWN)
    except ConfigError as error:
        assert error.mistakes  # noqa: PT017


def test_a_secret_is_read_from_the_environment_or_a_file(monkeypatch, tmp_path):
    """NAME wins; NAME_FILE is read where NAME is not set."""
    (tmp_path / "key").write_text("from-file\n")
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "key"))
    assert config.secret("A_KEY") == "from-file"
    monkeypatch.setenv("A_KEY", "from-env")
    assert config.secret("A_KEY") == "from-env"
    assert config.secret("NO_SUCH_KEY") is None
