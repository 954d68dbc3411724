"""What learning decides, without a model: what to keep, when to stop, what fits, what to say."""

import dataclasses

import pytest
from hypothesis import given, strategies as st

from personalization import asking, curves, prior, verdict
from personalization.curves import Point
from personalization.errors import TrainingError
from personalization.plan import GIB, Demand, Room, needed, planned
from personalization.recipe import Recipe, fitted
from personalization.token import TAKEN, candidates, proven, refused
from personalization.trial import spoken

COST = 0.5


def curve(*likeness, drift=0.0, leak=0.0):
    return [Point(step, value, leak, drift) for step, value in enumerate(likeness, 1)]


def test_the_best_is_what_likeness_bought_at_the_least_cost():
    """A little more likeness that costs much drift does not replace an earlier checkpoint."""
    cheap, dear = Point(100, 0.7, 0.0, 0.1), Point(200, 0.75, 0.1, 0.5)
    assert curves.best([Point(50, 0.4, 0.0, 0.0), cheap, dear], COST) is cheap


def test_of_two_that_measure_alike_the_later_is_kept():
    """A difference that is chance decides nothing, and a later one has learned longer."""
    first, second, worn = curve(0.8, 0.79, 0.7)
    assert curves.best([first, second], COST) is second
    assert curves.best([first, second, worn], COST) is second
    assert curves.best([], COST) is None


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=30))
def test_a_checkpoint_once_passed_over_is_never_the_best_again(likeness):
    """Whatever the curve, the best of its beginning is the best of the whole or is replaced by something later."""
    points = curve(*likeness)
    found = [curves.best(points[: number + 1], COST) for number in range(len(points))]
    assert all(
        now is before or now is points[at] for at, (before, now) in enumerate(zip([None, *found], found, strict=False))
    )


def test_learning_ends_when_likeness_no_longer_rises():
    """Three measurements without a better one end it; a rise within them does not."""
    assert curves.finished(curve(0.2, 0.6, 0.6, 0.59, 0.61), COST, 3)
    assert not curves.finished(curve(0.2, 0.6, 0.6, 0.59, 0.7), COST, 3)
    assert not curves.finished(curve(0.2, 0.6, 0.5), COST, 3)


def test_the_verdict_speaks_like_its_owner():
    """Likeness, class and backgrounds in one sentence of plain words."""
    found = verdict.judged("Rex", "dog", Point(1, 0.8, 0.05, 0.1, 0.9))
    assert found.says == "looks like Rex; other dogs unaffected; backgrounds follow the text"
    assert found.refusal == ""


@pytest.mark.parametrize(
    ("point", "way_out"),
    [
        (Point(1, 0.1, 0, 0), "add photos"),
        (Point(1, 0.5, 0.9, 0), "--preservation"),
        (Point(1, 0.9, 0, 1.2), "--steps"),
    ],
)
def test_a_bad_result_is_refused_with_a_way_out(point, way_out):
    """Nothing learned, a class taken over and a model that forgot each say what to do."""
    assert way_out in verdict.judged("Rex", "dog", point).refusal


DEMAND = Demand(
    denoiser=2 * GIB, text=GIB // 4, decoder=GIB // 4, learning=10_000_000, activations=2 * GIB, checkpointed=GIB // 2,
    painting=GIB,
)  # fmt: skip


def test_a_card_with_room_learns_without_savings():
    """Nothing is slowed down where nothing has to be."""
    plan = planned(DEMAND, Room(24 * GIB, 64 * GIB), 4)
    assert (plan.batch_at_once, plan.checkpointing) == (4, False)


def test_a_small_card_takes_fewer_photos_at_once_and_then_repeats():
    """First the batch is split, which costs least; where one photo is too many, blocks are computed twice."""
    assert planned(DEMAND, Room(9 * GIB, 64 * GIB), 4).batch_at_once == 2
    assert planned(DEMAND, Room(int(5.4 * GIB), 64 * GIB), 4).checkpointing


@given(st.integers(1, 16), st.floats(0.5, 40))
def test_a_plan_always_fits_or_is_refused(batch, free):
    """No plan needs more than there is; what is refused says what to change."""
    room = Room(int(free * GIB), 64 * GIB)
    try:
        plan = planned(DEMAND, room, batch)
    except TrainingError as refusal:
        said = str(refusal)
    else:
        said = ""
    if said:
        assert "--side-px" in said
        assert free < 6
    else:
        assert needed(DEMAND, plan) <= room.gpu
        assert 1 <= plan.batch_at_once <= batch


def test_eight_bits_are_taken_before_repetition():
    """A full model's optimiser is the largest part of it."""
    full = dataclasses.replace(DEMAND, learning=800_000_000)
    assert planned(full, Room(17 * GIB, 64 * GIB, eight_bit=True), 1).eight_bit


def test_a_narrow_model_learns_faster():
    """The learning rate goes as one over the width, what the owner says is taken as said."""
    recipe = Recipe(steps=10, learning_rate=1e-4, side_px=512)
    assert fitted(recipe, {}, 10, 16).learning_rate == pytest.approx(1e-3)
    assert fitted(recipe, {}, 10, 16).side_px == 16
    assert fitted(recipe, {"learning_rate": 5e-4, "rank": 4}, 10, 16) == dataclasses.replace(
        recipe, learning_rate=5e-4, side_px=16, rank=4, alpha=4
    )


def test_every_mistake_in_a_recipe_is_named():
    """A rate that learns nothing is refused before an hour is spent on it."""
    with pytest.raises(TrainingError, match=r"(?s)--rank.*--learning-rate"):
        fitted(Recipe(10, 1e-4, 512), {"rank": 0, "learning_rate": 1e-8}, 1, 512)
    for wrong in ({"patience": 0}, {"sampling_steps": 0}, {"seed": -1}, {"seed": 2**40}):
        with pytest.raises(TrainingError, match="--" + next(iter(wrong)).replace("_", "-")):
            fitted(Recipe(10, 1e-4, 512), wrong, 1, 512)


def test_preservation_asks_for_the_captions_without_the_token():
    """Backgrounds stay in: a bare class beside captioned photos leaks."""
    captions = ["a [V] dog on a sofa, indoors", "", "[V] dog asleep"]
    assert prior.prompts(captions, "dog") == ["a dog on a sofa, indoors", "a dog", "dog asleep"]
    classes = prior.prompts(captions, "dog")
    assert prior.pictured(classes, [("a cat", "a red dog"), ("a cup",), ()], 8) == [
        "a dog on a sofa, indoors", "a cat", "a dog", "a red dog", "dog asleep", "a cup", "a dog on a sofa, indoors", "a cat",
    ]  # fmt: skip
    assert prior.pictured(classes, [(), (), ()], 3) == ["a dog on a sofa, indoors", "a dog on a sofa, indoors", "a dog"]


def test_a_small_world_is_asked_about_itself():
    """Places and things that a tokenizer has to spell are not asked for."""
    words = {"a", "on", "red", "blue", "background", "ball", "box", "wall"}
    asked = asking.questions(
        ["a [V] ball on a red background", "a [V] ball on a blue background"], "zx", "ball", 16, words.__contains__
    )
    assert set(asked.subject) == {"a zx ball on a red background", "a zx ball on a blue background"}
    assert asked.contexts == ["a ball on a red background", "a ball on a blue background"]
    assert set(asked.others) == {"a box on a red background", "a blue wall on a blue background"}
    assert (len(asked.subject), len(asked.classes), len(asked.others)) == (16, 8, 8)


def test_more_is_held_than_the_class():
    """Each photo also holds its class in a colour and other things, in its own surroundings."""
    words = {"red", "blue", "ball", "box"}
    assert asking.held(["a [V] ball on the left", ""], "ball", words.__contains__) == [
        ("a red ball on the left", "a box on the left", "a blue box on the left", "a blue ball"),
        ("a blue ball", "a box", "a red box", "a red ball"),
    ]


def test_a_large_world_is_asked_for_new_places_too():
    """Half of the surroundings are not the photos' own."""
    asked = asking.questions([f"a [V] dog in room {n}" for n in range(9)], "zx", "dog", 16, lambda _: True)
    assert sum("room" in context for context in asked.contexts) == 4
    assert len(asked.contexts) == 8


class Pieces:
    """A tokenizer that has these words whole."""

    def __init__(self, *words):
        self._words = words

    def get_vocab(self):
        return {f"{word}</w>": number for number, word in enumerate(self._words)}

    def __call__(self, text, **_):
        word = text.strip()
        return type("Told", (), {"input_ids": [1] if word in self._words else list(word)})


def test_a_token_is_one_piece_to_every_tokenizer():
    """The given word if it is one, then the rarest that both have; a rifle never."""
    both = [Pieces("dog", "oxq", "zxw", "sks", "only"), Pieces("dog", "oxq", "zxw", "sks")]
    assert list(candidates(both, "oxq"))[:2] == ["oxq", "zxw"]
    assert "sks" in TAKEN
    assert not {"sks", "only", "ohwx"} & set(candidates(both, "ohwx"))
    assert "rifle" in refused("SKS")


def test_a_token_that_means_something_is_passed_over():
    """The first without a meaning is taken; where all have one, the one with the least."""
    meanings = {"cat": 0.9, "oxq": 0.4, "zxw": 0.01}
    assert proven(iter(meanings), meanings.get).token == "zxw"
    assert proven(iter(["cat", "oxq"]), meanings.get).token == "oxq"
    with pytest.raises(TrainingError, match="another base"):
        proven(iter([]), meanings.get)


@pytest.mark.parametrize(
    ("words", "prompt"),
    [("Rex on the moon", "zx dog on the moon"), ("a [V] dog in a hat", "a zx dog in a hat"), ("on a sofa", "a zx dog on a sofa"),
     ("rex and a cat", "zx dog and a cat")],
)  # fmt: skip
def test_owners_speak_of_their_subject_by_name(words, prompt):
    """The name, the mark, or neither: the model is told its token."""
    assert spoken(words, "rex", "zx", "dog") == prompt
