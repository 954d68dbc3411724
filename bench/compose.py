"""How long a slide takes, beside headless Chromium drawing the same page in the same run.

    python bench/compose.py [--runs 15]

CPU is that of this process (ours) or of the browser's processes (theirs); wall time is what a visitor waits for.
"""

import argparse
import io
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from PIL import Image, ImageFilter

from bench.machine import machine
from service.compose import fonts
from service.compose.slide import Composer
from service.model import Mood, Plate, Step, Story, Verdict
from service.profiles import PROFILES

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
TITLE = (
    "Scientists map the deepest coral reef ever found, a thousand-mile forest of cold-water life off the Atlantic coast"
)
CHROMIUM = Path("/usr/bin/chromium")


def sample():
    told = Story("0" * 64, "", "The Daily Example", TITLE, "", "https://news.example/reef", "en", NOW.replace(hour=12))
    return Plate(1, "home", told, Step.RENDERED, Verdict(0.1, Mood.CALM, (), ""))


def picture(width=1280, height=725):
    """Soft hills of noise: as hard to encode as a painting."""
    rough = np.random.default_rng(3).integers(0, 256, (height // 40, width // 40, 3), dtype="uint8")
    return Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))


def timed(work, runs, cpu):
    walls, cpus = [], []
    for _ in range(runs):
        before, start = cpu(), time.perf_counter()
        work()
        walls.append(1e3 * (time.perf_counter() - start))
        cpus.append(1e3 * (cpu() - before))
    return statistics.median(cpus), statistics.median(walls)


def browser_cpu(pid):
    """CPU seconds of a process and its descendants."""
    import psutil

    total = 0.0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.Error:
            continue
    return total


def chromium_rows(composer, runs):
    """The same pages as JPEG screenshots by a warm headless Chromium; None where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if not CHROMIUM.exists():
        return None
    import psutil

    rows = {}
    with sync_playwright() as play:
        args = ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=args)
        pid = next(p.pid for p in psutil.Process().children(recursive=True) if "chrom" in p.name())
        for profile in PROFILES.values():
            page = browser.new_page(viewport={"width": profile.width_px, "height": profile.height_px})
            rows[profile.name] = timed(loaded(composer, page, profile), runs, lambda: browser_cpu(pid))
            page.close()
        browser.close()
    return rows


def loaded(composer, page, profile):
    """Give a page what it will ask for; returns the work to be timed: load, draw, encode."""
    out = io.BytesIO()
    picture().save(out, "JPEG", quality=95)
    fragment = composer.fragment(sample(), picture(), profile, now=NOW, picture_src="/picture.jpg")
    html = f"<!doctype html><style>body{{margin:0}}{fonts.web_css()}{composer.css}</style>{fragment.html}"

    def serve(route):
        path = route.request.url.removeprefix("http://slides.test")
        if path.startswith("/static/fonts/"):
            route.fulfill(body=(fonts.folder() / path.split("/")[-1]).read_bytes(), content_type="font/woff2")
        elif path == "/picture.jpg":
            route.fulfill(body=out.getvalue(), content_type="image/jpeg")
        else:
            route.fulfill(body=html, content_type="text/html; charset=utf-8")

    def work():
        page.goto("http://slides.test/")
        page.evaluate("document.fonts.ready")
        page.screenshot(type="jpeg", quality=90)

    page.route("**/*", serve)
    return work


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=15)
    runs = asked.parse_args().runs
    composer, plate, image = Composer(ROOT / "templates"), sample(), picture()
    start = time.process_time()
    composer.compose(plate, image, PROFILES["nest-hub"], now=NOW)
    print(f"{machine()}; median of {runs}")
    print(f"first slide, fonts and engine read: {1e3 * (time.process_time() - start):.0f} ms CPU\n")
    theirs = chromium_rows(composer, runs)
    print(
        f"{'profile':10} {'size':>10} {'template':>9} {'ours CPU':>9} {'wall':>7} {'Chromium CPU':>13} {'wall':>7}   ms"
    )
    for profile in PROFILES.values():
        for template in ("headline", "split", "poster"):
            told = iter(range(10**6))

            def work(profile=profile, template=template, told=told):
                fresh = replace(plate, story=replace(plate.story, title=f"{TITLE} {next(told)}"))
                composer.compose(fresh, image, profile, template=template, now=NOW)

            work()
            ours = timed(work, runs, time.process_time)
            there = theirs[profile.name] if theirs and template == "headline" else None
            other = f"{there[0]:13.0f} {there[1]:7.0f}" if there else f"{'':21}"
            size = f"{profile.width_px}x{profile.height_px}"
            print(f"{profile.name:10} {size:>10} {template:>9} {ours[0]:9.0f} {ours[1]:7.0f} {other}")
    if theirs is None:
        print("\nno Chromium: install chromium and playwright to see it beside ours")


if __name__ == "__main__":
    main()
