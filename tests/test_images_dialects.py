"""Each kind of images server is asked in its own words: fields, a LoRA, photos."""

import base64
import json
import typing

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from service.engines.images.dialect import SERVERS, Wish, body, dialect
from service.engines.images_api import Settings
from service.engines.learned import Lora
from service.errors import EngineError

from .painters import Answer, Images, painting, send
from .test_learned import REX, subject
from .test_painters import EXTENDED, built
from .values import prompt

WISH = Wish(
    "a red tram", "m", (1024, 640), 7, avoid="fog", quality="low", steps=4, guidance=1.5, lora=Lora("/l/rex.st", 0.8)
)


def test_every_server_of_the_table_has_its_file():
    """And every file its name in the table; "auto" chooses between two of them."""
    named = set(typing.get_args(Settings.model_fields["server"].annotation)) - {"auto"}
    assert {path.stem for path in SERVERS.glob("*.toml")} == named | {"other"}
    for name in named:
        assert body(dialect(name), WISH)["prompt"].startswith("a red tram")


def test_vllm_omni_names_a_lora_by_name_and_path():
    """As its documents have it, beside steps, guidance and a negative prompt."""
    assert body(dialect("vllm-omni"), WISH) == {
        "prompt": "a red tram", "size": "1024x640", "model": "m", "response_format": "b64_json", "seed": 7,
        "num_inference_steps": 4, "guidance_scale": 1.5, "negative_prompt": "fog",
        "lora": {"name": "rex", "local_path": "/l/rex.st", "scale": 0.8},
    }  # fmt: skip


def test_sd_cpp_reads_its_arguments_in_the_prompt():
    """As JSON between two tags; a headline's own tags are not taken for them."""
    said = body(dialect("sd-cpp"), Wish("<sd_cpp_extra_args>{}</sd_cpp_extra_args> tram", "m", (64, 64), 7, avoid="</x>", steps=4,
                                       lora=Lora("rex", 0.5)))["prompt"]  # fmt: skip
    words, _, rest = said.partition("<sd_cpp_extra_args>")
    assert "<" not in words
    assert rest.count("<") == 1
    assert json.loads(rest.removesuffix("</sd_cpp_extra_args>")) == {
        "seed": 7, "sample_params": {"sample_steps": 4}, "negative_prompt": "</x>",
        "lora": [{"path": "rex", "multiplier": 0.5}],
    }  # fmt: skip


def test_localai_reads_what_to_leave_out_after_a_bar():
    """So no other bar may stand in the prompt."""
    said = body(dialect("localai"), Wish("left|right", "m", (64, 64), 7, avoid="fog", steps=9))
    assert (said["prompt"], said["step"], "seed" in said) == ("left right|fog", 9, False)


@given(
    words=st.text(max_size=200), avoid=st.text(max_size=40), server=st.sampled_from(["sd-cpp", "localai", "vllm-omni"])
)
def test_no_words_become_arguments(words, avoid, server):
    """Whatever stands in a scene, the server's arguments are ours alone."""
    said = body(dialect(server), Wish(words, "m", (64, 64), 7, avoid=avoid))
    json.dumps(said)
    if server == "sd-cpp":
        assert said["prompt"].count("<sd_cpp_extra_args>") == said["prompt"].count("</sd_cpp_extra_args>") == 1
    if server == "localai":
        assert said["prompt"].count("|") == bool(avoid) + avoid.count("|")


@pytest.mark.parametrize(
    "table",
    [{"server": "auto", "steps": 4}, {"server": "openai", "guidance": 2}, {"server": "sglang", "loras": {"rex": "rex"}},
     {"server": "localai", "loras": {"rex": "rex"}}, {"server": "sd.cpp"}, {"server": "vllm-omni", "steps": 0}],
)  # fmt: skip
def test_a_table_that_wants_what_a_server_does_not_take_is_a_mistake(table):
    """Told when the config is read, with what to do."""
    with pytest.raises(ValidationError):
        Settings(base_url="http://x/v1", model="m", **table)


def paint(name, wire, folder, a_prompt=REX, **table):
    with painting(wire) as server:
        ours = built(name, server, folder, **table)
        picture = ours.render(a_prompt, 1024, 600)
        ours.render(a_prompt, 1024, 600)
        ours.close()
    return picture.recipe, server.asked


@pytest.mark.parametrize(
    "name", ["some server", "OpenAI", "vLLM-Omni", "SGLang", "stable-diffusion.cpp", "Frontispiece"]
)
def test_photos_are_sent_as_an_edit(name, tmp_path):
    """Several files under "image[]", the fields beside them, and words that speak of the pictures."""
    subject(tmp_path, pictures=2)
    takes = (*EXTENDED, "output_format")
    recipe, (asked, _) = paint(name, Images(takes=takes), tmp_path, references=True)
    assert asked.path == "/v1/images/edits"
    assert [field for field, _, _ in asked.files] == ["image[]", "image[]"]
    assert not any("rex" in filename for _, filename, _ in asked.files)
    assert "the corgi in the reference pictures rides a red tram" in asked.fields["prompt"]
    assert recipe["photos"] == 2


def test_localai_is_sent_photos_in_the_request(tmp_path):
    """It has no route for edits; base64 in ref_images is its form."""
    subject(tmp_path, pictures=1)
    wire = Images(takes=("model", "response_format", "ref_images"), edits=False)
    recipe, (asked, _) = paint("LocalAI", wire, tmp_path, references=True)
    assert base64.b64decode(asked.fields["ref_images"][0])[:2] == b"\xff\xd8"
    assert "ref_images" not in recipe
    assert recipe["photos"] == 1


def test_photos_stay_here_unless_the_table_says_so(tmp_path):
    """The default sends words only, with the noun."""
    subject(tmp_path, pictures=2)
    recipe, (asked, _) = paint("vLLM-Omni", Images(takes=EXTENDED), tmp_path)
    assert (asked.path, asked.files) == ("/v1/images/generations", [])
    assert "a corgi rides" in asked.fields["prompt"]
    assert recipe["photos"] == 0


def test_a_server_without_edits_paints_from_words_from_then_on(tmp_path):
    """One request more, once; the next picture is not asked for in vain."""
    subject(tmp_path, pictures=1)
    recipe, asked = paint("some server", Images(takes=EXTENDED, edits=False), tmp_path, references=True)
    assert [request.path.rpartition("/")[2] for request in asked] == ["edits", "generations", "generations"]
    assert "a corgi rides" in asked[-1].fields["prompt"]
    assert recipe["photos"] == 0


class Late(Images):
    """Its model is not there yet for the first two requests."""

    asked = 0

    def answer(self, request, painted):
        self.asked += 1
        return Answer({"detail": "Not Found"}, 404) if self.asked < 3 else super().answer(request, painted)


def test_a_server_that_has_no_model_yet_is_sent_photos_later(tmp_path):
    """Nothing was painted from words either, so that it was not the photos."""
    subject(tmp_path, pictures=1)
    with painting(Late(takes=EXTENDED)) as server:
        ours = built("some server", server, tmp_path, references=True)
        with pytest.raises(EngineError, match="see base_url"):
            ours.render(REX, 1024, 600)
        assert ours.render(REX, 1024, 600).recipe["photos"] == 1
        ours.close()


def test_a_lora_by_name_goes_before_photos(tmp_path):
    """Where a server has learned the subject, its token is said and no photo leaves."""
    subject(tmp_path, pictures=2)
    wire = Images(takes=(*EXTENDED, "lora"))
    _, (asked, _) = paint("vLLM-Omni", wire, tmp_path, references=True, loras={"rex": "/loras/rex"})
    assert asked.path.endswith("generations")
    assert asked.fields["lora"]["local_path"] == "/loras/rex"
    assert "sks corgi rides" in asked.fields["prompt"]


def test_check_says_what_leaves_the_machine(tmp_path):
    """A sentence where photos are sent, with where to; nothing where they are not."""
    with painting(Images()) as server:
        assert built("some server", server, tmp_path).sends() == ""
        assert (
            "photos of subjects are sent to 127.0.0.1"
            in built("some server", server, tmp_path, references=True).sends()
        )


def test_a_server_that_cannot_edit_is_explained(tmp_path):
    """An error of another kind with photos is told, not hidden by a picture without them."""
    subject(tmp_path, pictures=1)

    def objects(handler, server, good):
        send(handler, Answer({"detail": "this model takes no images"}, 400))

    with painting(Images(), fault=objects) as server, pytest.raises(EngineError, match="takes no images"):
        built("some server", server, tmp_path, references=True).render(REX, 1024, 600)
    assert prompt().subject is None
