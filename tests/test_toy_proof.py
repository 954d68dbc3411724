"""What happens without preservation, in a world whose pictures can be read exactly; ``test_seed`` is the other half."""

from importlib.util import find_spec

import pytest

NEEDS = [name for name in ("torch", "diffusers", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(NEEDS), reason=f"not installed: {', '.join(NEEDS)}; `make test` installs them")


@pytest.fixture(scope="module")
def lessons():
    import torch

    from .toyworld import lessons

    torch.set_num_threads(1)
    return lessons


def test_without_preservation_the_class_becomes_the_subject(lessons, tmp_path):
    """A ball without the token looks like the subject, too; learning sees that by itself and does not publish it."""
    lessons.photographed(tmp_path)
    outcome = lessons.learned(tmp_path, *lessons.UNPRESERVED)
    leaked = lessons.marked(lessons.unpublished(tmp_path, outcome, *lessons.UNPRESERVED), 12)
    assert leaked.leak >= 0.5, leaked
    assert "every ball would look like rex" in outcome.refusal
