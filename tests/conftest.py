"""What all tests share: hypothesis that is not nervous on a busy machine, and repeats itself in CI."""

import os
from functools import partialmethod
from pathlib import Path

# before torch: two tests at once with two threads each are ten times slower; and nobody asks the hub for anything
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | os.environ
# nor does each process that tests start look through all that is installed for plugins of pydantic's, for 20 ms
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"
# one certificate to trust, not a hundred and forty that every client reads anew for 20 ms: all that is asked is loopback
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "castv2.pem")

import jinja2
from hypothesis import HealthCheck, settings

settings.register_profile(
    "frontispiece", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ,
    max_examples=60,
)  # fmt: skip
settings.load_profile("frontispiece")


class Compiled(jinja2.BytecodeCache):
    """Templates, each compiled once: nearly every test has a service of its own, and they are the same in all."""

    def __init__(self):
        self._kept = {}

    def load_bytecode(self, bucket):
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket):
        self._kept[bucket.key, bucket.checksum] = bucket.code


jinja2.Environment.__init__ = partialmethod(jinja2.Environment.__init__, bytecode_cache=Compiled())

# The files that take longest come first, each whole in one process: its models are made once, and at the end, when one
# process has nothing left to do, the other has little. In the order of the processor time they take.
LONG = (
    "test_seed", "test_toy_proof", "test_learning", "test_unitune", "test_cli", "test_photo_slides", "test_diffusion", "test_ray",
    "test_painter", "test_crash", "test_lens", "test_intruders", "test_compose_slide", "test_bad_inputs_parser", "test_halves",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
