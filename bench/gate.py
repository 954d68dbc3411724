"""Measure the gate on labelled headlines: bench/gate.py FILE.csv [--model NAME]

The file needs a headline and a valence (-100 … 100) on each row: columns ``headline`` and ``valence``, or the first
two.
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


def share(part, whole):
    return f"{100 * len(part) / max(1, len(whole)):5.1f} %  ({len(part)} of {len(whole)})"


def judged_by(model, titles):
    heard = tones(titles, model) if model else [None] * len(titles)
    return [judge(title, tone=tone) for title, tone in zip(titles, heard, strict=True)]


def report(rows, model):
    verdicts = judged_by(model, [title for title, _ in rows])
    judged = [(valence, verdict) for (_, valence), verdict in zip(rows, verdicts, strict=True)]
    most, least = (8, 76) if model else (12, 78)
    painted = [each for each in judged if decide(each[1], 0) is Decision.PAINT]
    subject = [each for each in judged if each[1].subject_allowed]
    calmest = sorted(judged, key=lambda each: each[1].gravity)[: len(judged) // 5]

    def grim(limit, among=judged):
        return [each for each in among if each[0] <= limit]

    def nice(among=judged):
        return [each for each in among if each[0] >= 20]

    print("painted at dial 0, all                ", share(painted, judged))
    print(f"painted, valence <= -50    (<= {most:2} %)  ", share(grim(-50, painted), grim(-50)))
    print(f"painted, valence >= +20    (>= {least} %)  ", share(nice(painted), nice()))
    print("calmest fifth, <= -25      (<=  8 %)  ", share(grim(-25, calmest), calmest))
    print("subject, valence <= -25    (<=  1 %)  ", share(grim(-25, subject), grim(-25)))
    print("subject, valence <= -50    (none)     ", share(grim(-50, subject), grim(-50)))
    print("subject, valence >= +20    (>= 35 %)  ", share(nice(subject), nice()))


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
    if told.all_grim:
        verdicts = judged_by(model, titles)
        painted = [verdict for verdict in verdicts if decide(verdict, 0) is Decision.PAINT]
        print("painted at dial 0          (<=  5 %)  ", share(painted, rows))
    else:
        report(rows, model)
    speed(titles)


if __name__ == "__main__":
    main()
