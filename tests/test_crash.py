"""kill -9 at any moment loses nothing."""

import subprocess
import sys
from pathlib import Path


def test_ten_killed_rounds_lose_nothing():
    """Ten rounds killed at random moments, then whole ones: every story is on the wall, no file is half-written."""
    bench = Path(__file__).parent.parent / "bench" / "crash.py"
    done = subprocess.run([sys.executable, str(bench), "--kills", "10"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost" in done.stdout
