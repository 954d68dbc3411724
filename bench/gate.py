"""Measure the gate on labelled headlines: bench/gate.py FILE.csv [--model NAME]

The file needs a headline and a valence (-100 … 100) on each row: columns ``headline`` and ``valence``, or the first
two.
The bars are printed for all rows and for the two halves that every other row makes.
With ``--all-grim`` every headline counts as one that must not be painted (headlines of gun violence, say) and the
first column, or ``headline``, is enough.
With a model of sentences ("minilm", or a folder) the tone of each headline counts too.
"""

import argparse
import csv
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.machine import machine
from service.embedding import load
from service.gate.tone import tones
from service.gate.verdict import decide, judge
from service.model import Decision


def read(path, *, labelled):
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    head = [name.strip().lower() for name in rows[0]]
    title = next((head.index(name) for name in ("headline", "title") if name in head), None)
    if title is None:
        title, body, valence = 0, rows, 1
    else:
        body, valence = rows[1:], head.index("valence") if "valence" in head else 1
    return [(row[title], float(row[valence]) if labelled else -100.0) for row in body if row]


#: what is counted: name, bars without and with a model, which way, of which rows, which of them count.
#: A row is (valence, verdict)
BARS = (
    ("painted, valence <= -50", (12, 8), "<=", lambda row: row[0] <= -50, lambda row: painted(row[1])),
    ("painted, valence >= +20", (78, 76), ">=", lambda row: row[0] >= 20, lambda row: painted(row[1])),
    ("subject, valence <= -25", (1, 1), "<=", lambda row: row[0] <= -25, lambda row: row[1].subject_allowed),
    ("subject, valence <= -50", (0, 0), "<=", lambda row: row[0] <= -50, lambda row: row[1].subject_allowed),
    ("subject, valence >= +20", (35, 35), ">=", lambda row: row[0] >= 20, lambda row: row[1].subject_allowed),
)


def painted(verdict, dial=0):
    return decide(verdict, dial) is Decision.PAINT


def judged_by(model, titles):
    heard = tones(titles, model) if model else [None] * len(titles)
    return [judge(title, tone=tone) for title, tone in zip(titles, heard, strict=True)]


def line(name, bar, way, part, whole):
    percent = 100 * len(part) / max(1, len(whole))
    met = percent <= bar if way == "<=" else percent >= bar
    bound = f"({way} {bar:2d} %)"
    print(f"  {name:26} {bound:11} {percent:5.1f} %  {'met' if met else 'MISSED':7} {len(part)} of {len(whole)}")


def report(rows, judged, *, model):
    """Print every bar for rows of (headline, valence) and their verdicts, in the same order."""
    both = [(valence, verdict) for (_, valence), verdict in zip(rows, judged, strict=True)]
    for name, bars, way, among, counts in BARS:
        whole = [row for row in both if among(row)]
        line(name, bars[model], way, [row for row in whole if counts(row)], whole)
    calmest = sorted(both, key=lambda row: row[1].gravity)[: len(both) // 5]
    line("calmest fifth, <= -25", 8, "<=", [row for row in calmest if row[0] <= -25], calmest)
    print(f"  painted, all: {sum(painted(verdict) for verdict in judged)} of {len(rows)}")


def report_grim(rows, judged):
    """Print how many of headlines that must not be painted are, and which."""
    through = [title for (title, _), verdict in zip(rows, judged, strict=True) if painted(verdict)]
    line("painted", 5, "<=", through, rows)
    for title in through:
        print("   ", title)


def speed(titles):
    judge("warm up")
    began = time.process_time()
    for title in titles:
        judge(title)
    took = time.process_time() - began
    print(f"{len(titles) / took:,.0f} headlines a CPU second   (>= 2,000)")


def asked():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--all-grim", action="store_true")
    parser.add_argument("--model")
    return parser.parse_args()


def main():
    told = asked()
    if not told.file:
        print("nothing measured: give a file of labelled headlines, bench/gate.py FILE.csv (--help says which columns)")
        return
    print(machine())
    model = told.model and load(told.model)
    rows = read(told.file, labelled=not told.all_grim)
    titles = [title for title, _ in rows]
    judged = judged_by(model, titles)
    if told.all_grim:
        report_grim(rows, judged)
    else:
        for name, part in (
            ("all", slice(None)),
            ("every other row", slice(0, None, 2)),
            ("the rest", slice(1, None, 2)),
        ):
            print(f"{name}, dial 0")
            report(rows[part], judged[part], model=bool(model))
    speed(titles)


if __name__ == "__main__":
    main()
