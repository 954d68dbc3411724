"""Measure grouping: bench/cluster.py FILE.csv [DRAWS] [--model NAME]

The file has a headline and its story's name on each row, with or without a row of column names. Draws of about 200
headlines with 1 to 5 of each story; pair precision, recall and F1, the mean of the draws. With a model ("minilm", or a
folder) its vectors have a say.
"""

import argparse
import csv
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.machine import machine
from service import choice
from service.embedding import load


def read(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) > 1]
    stories = {}
    for title, story in (row[:2] for row in rows[rows[0][0].lower() in {"title", "headline"} :]):
        stories.setdefault(story, []).append(title)
    return stories


def draw(stories, seed, size=200):
    dice = random.Random(seed)
    names = sorted(stories)
    dice.shuffle(names)
    drawn = []
    for name in names:
        titles = stories[name]
        drawn += [(title, name) for title in dice.sample(titles, min(dice.randint(1, 5), len(titles)))]
        if len(drawn) >= size:
            break
    return drawn


def pairs(labels):
    return {(i, j) for i, one in enumerate(labels) for j in range(i) if labels[j] == one}


def grouped(titles, model, cut=None):
    return choice.cluster(titles, [None] * len(titles), cut=cut, vectors=model and model.vectors(titles))


def measure(drawn, model):
    ours = pairs(grouped([title for title, _ in drawn], model))
    truth = pairs([story for _, story in drawn])
    hit = len(ours & truth)
    precision, recall = hit / max(1, len(ours)), hit / max(1, len(truth))
    return precision, recall, 2 * hit / max(1, len(ours) + len(truth))


def hidden(drawn, model):
    """At the stricter cut: the share of events hidden behind another, and of second tellings that are not hidden."""
    labels = grouped([title for title, _ in drawn], model, choice.MEANT_SAME if model else choice.SAME)
    events = {story for _, story in drawn}
    groups, tellings = {}, {}
    for label, (_, story) in zip(labels, drawn, strict=True):
        groups.setdefault(label, set()).add(story)
        tellings.setdefault(story, set()).add(label)
    lost = sum(len(stories) - 1 for stories in groups.values())
    left = sum(len(found) - 1 for found in tellings.values())
    return lost / len(events), left / max(1, len(drawn) - len(events))


def asked():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?")
    parser.add_argument("draws", nargs="?", type=int, default=40)
    parser.add_argument("--model")
    return parser.parse_args()


def main():
    told = asked()
    if not told.file:
        print("nothing measured: give a file of headlines and their stories, bench/cluster.py FILE.csv [DRAWS]")
        return
    print(machine())
    model = told.model and load(told.model)
    stories = read(told.file)
    draws = [draw(stories, seed) for seed in range(told.draws)]
    found = [measure(each, model) for each in draws]
    precision, recall, f1 = (statistics.mean(values) for values in zip(*found, strict=True))
    print(f"{len(stories)} stories, {len(draws)} draws of {statistics.mean(map(len, draws)):.0f} headlines")
    error = statistics.stdev(each[2] for each in found) / len(found) ** 0.5 if len(found) > 1 else 0.0
    bar = 0.78 if model else 0.72
    print(f"precision {precision:.4f}   recall {recall:.4f}   F1 {f1:.4f} +- {error:.4f}   (>= {bar})")
    lost, left = (statistics.mean(values) for values in zip(*(hidden(each, model) for each in draws), strict=True))
    cut = choice.MEANT_SAME if model else choice.SAME
    print(f"when choosing ({cut}): {lost:.2f} of events hidden behind another, {left:.2f} of repeats not hidden")
    speed([title for group in stories.values() for title in group][:2000], model)


def speed(titles, model):
    began = time.process_time()
    vectors = model and model.vectors(titles)
    if model:
        print(f"{len(titles)} headlines embedded, those not met before: {time.process_time() - began:.2f} CPU s")
    began = time.process_time()
    choice.cluster(titles, [None] * len(titles), vectors=vectors)
    print(f"{len(titles)} headlines grouped in {time.process_time() - began:.2f} CPU s")


if __name__ == "__main__":
    main()
