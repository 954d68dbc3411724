"""What all tests share: hypothesis that is not nervous on a busy machine, and repeats itself in CI."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "frontispiece", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ,
    max_examples=60,
)  # fmt: skip
settings.load_profile("frontispiece")
