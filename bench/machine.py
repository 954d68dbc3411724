"""The machine that numbers were measured on, and how a service is started, asked and watched for a trial."""

from __future__ import annotations

import http.client
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent


def machine() -> str:
    """Processor, cores, memory, system, Python; and how busy it was when asked."""
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = next(
        (line.split("=", 1)[1].strip('"') for line in _lines("/etc/os-release") if line.startswith("PRETTY_NAME")),
        platform.platform(),
    )
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}, "
        f"Python {platform.python_version()}; load {os.getloadavg()[0]:.1f}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median of some numbers, and their extremes."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f}  ({least:.{digits}f} … {most:.{digits}f})"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def command(*words: str | Path) -> list[str]:
    """``frontispiece WORDS`` with this interpreter and this checkout."""
    return [sys.executable, "-m", "service.cli", *map(str, words)]


@contextmanager
def running(config: Path, data: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """``frontispiece run`` on a free port; yields the process, started this moment, and its port."""
    port = free_port()
    words = ("run", "--config", config, "--data", data, "--host", "127.0.0.1", "--port", str(port))
    with (data.parent / "service.log").open("ab") as log:
        process = subprocess.Popen(
            command(*words), stdout=log, stderr=log, cwd=ROOT, env=os.environ | environment
        )  # fmt: skip
    try:
        yield process, port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(port: int, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    """One GET with a connection of its own. Raises OSError while nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        return ask(connection, path, **headers)
    finally:
        connection.close()


def ask(
    connection: http.client.HTTPConnection, path: str, **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """One GET over an open connection."""
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.msg


def first_answer(port: int, path: str, within_s: float = 60) -> bytes:
    """The body of the first 200, asked for again and again from now on."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            status, body, _ = get(port, urlsplit(path).path)
        except OSError:
            time.sleep(0.01)
            continue
        if status == 200:
            return body
        time.sleep(0.05)
    raise SystemExit(f"no answer to {path} within {within_s:g} s")


if __name__ == "__main__":
    print(machine())
