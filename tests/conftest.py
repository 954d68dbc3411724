"""What all tests share: hypothesis that is not nervous on a busy machine, and repeats itself in CI."""

import os
from pathlib import Path

# before torch: two tests at once with two threads each are ten times slower; and nobody asks the hub for anything
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | os.environ
# one certificate to trust, not a hundred and forty that every client reads anew for 20 ms: all that is asked is loopback
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "castv2.pem")

from hypothesis import HealthCheck, settings

settings.register_profile(
    "frontispiece", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ,
    max_examples=60,
)  # fmt: skip
settings.load_profile("frontispiece")
