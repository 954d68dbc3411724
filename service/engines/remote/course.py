"""What a ComfyUI server tells while it works, and in the end: how far it is, and what went wrong. Pure.

After its ``execution.py`` and ``comfy_execution/progress.py``: "executing", "progress", "progress_state",
"execution_success", "execution_error" and "execution_interrupted", each with the id of the prompt it speaks of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..workflow import Graph, title

_FAILED = ("execution_error", "execution_interrupted")


class Course:
    """How far one prompt is, from the messages of a socket."""

    def __init__(self, graph: Graph, prompt_id: str) -> None:
        self._graph, self._prompt_id = graph, prompt_id
        self._samplers = {node for node in graph if "sampler" in str(graph[node]["class_type"]).lower()}
        self._done: dict[str, float] = {}  #: the share done of each sampler
        self._node = ""  #: the one at work
        self.ended = False

    @property
    def share(self) -> float:
        """The share done, 0 … 1, by the steps of the samplers: all else is quick."""
        return sum(self._done.values()) / max(len(self._samplers), len(self._done), 1)

    def heard(self, text: str) -> None:
        """Take a message in; what is not understood, or of another prompt, is left."""
        try:
            message = json.loads(text)
            kind, data = message["type"], message["data"]
            if data.get("prompt_id", self._prompt_id) == self._prompt_id:
                self._take(str(kind), data)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return

    def _take(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "executing":
            self._node = str(data.get("node") or "")
            self.ended = self.ended or (data.get("node", "") is None and "prompt_id" in data)
        elif kind == "progress":
            self._step(str(data.get("node") or self._node), float(data["value"]), float(data["max"]))
        elif kind == "progress_state":
            for node, state in dict(data["nodes"]).items():
                self._step(str(node), float(state["value"]), float(state["max"]))
        elif kind in ("execution_success", *_FAILED) and "prompt_id" in data:
            self.ended = True

    def _step(self, node: str, value: float, most: float) -> None:
        if most > 0 and (node in self._samplers or not self._samplers):
            self._done[node] = max(self._done.get(node, 0.0), min(max(value / most, 0.0), 1.0))


def failure(graph: Graph, entry: Mapping[str, Any]) -> str | None:
    """What a finished prompt's entry in the history says went wrong, completing "HOST …"; None: nothing did."""
    status = entry.get("status")
    if not isinstance(status, dict) or status.get("status_str") in (None, "success"):
        return None
    messages = status.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, list) and len(message) == 2 and message[0] in _FAILED and isinstance(message[1], dict):
            return _failed(graph, str(message[0]), message[1])
    return "could not finish the workflow: see its log"


def _failed(graph: Graph, kind: str, data: Mapping[str, Any]) -> str:
    if kind == "execution_interrupted":
        return "was interrupted by somebody"
    what = _plain(data.get("exception_message")) or _plain(data.get("exception_type")) or "no reason given"
    where = _node(graph, str(data.get("node_id", "")))
    text = f"{data.get('exception_type', '')} {what}".lower()
    if "outofmemory" in text or "out of memory" in text:
        return f"ran out of memory in {where}: lower side_px, or free_after = true gives the memory back in between"
    return f"failed in {where}: {what}"


def objections(graph: Graph, body: Mapping[str, Any]) -> str:
    """What a server found wrong with the workflow before it began, node by node; "" where it does not say."""
    found, nodes = [], body.get("node_errors")
    for node, told in nodes.items() if isinstance(nodes, dict) else ():
        errors = told.get("errors") if isinstance(told, dict) else None
        for error in errors if isinstance(errors, list) else []:
            if isinstance(error, dict):
                words = [_plain(error.get("message")), _plain(error.get("details"))]
                found.append(f"{_node(graph, str(node))}: {', '.join(word for word in words if word)}")
    general = body.get("error")
    if not found and isinstance(general, dict):
        found = [_plain(general.get("message")) + " " + _plain(general.get("details"))]
    return "; ".join(found[:3]).strip()


def _node(graph: Graph, node: str) -> str:
    return f"node {node} ({_plain(title(graph, node))})" if node in graph else "a node"


def _plain(text: Any) -> str:
    words = text if isinstance(text, str) else ""
    return " ".join("".join(char if char.isprintable() else " " for char in words).split())[:160]


def ahead(queue: Mapping[str, Any], prompt_id: str) -> int | None:
    """How many prompts are before ours, 0 where it is at work; None where the server does not have it."""
    running, pending = (_ids(queue.get(name)) for name in ("queue_running", "queue_pending"))
    if any(found == prompt_id for _, found in running):
        return 0
    ours = [number for number, found in pending if found == prompt_id]
    return len(running) + sum(number < ours[0] for number, _ in pending) if ours else None


def _ids(entries: Any) -> list[tuple[float, str]]:
    found = entries if isinstance(entries, list) else []
    whole = [entry for entry in found if isinstance(entry, list) and len(entry) > 1]
    return [(float(entry[0]) if isinstance(entry[0], int | float) else 0.0, str(entry[1])) for entry in whole]


def pictures(entry: Mapping[str, Any], output: list[str]) -> list[dict[str, str]]:
    """The files that a finished prompt made, saved ones before previews; of ``output``'s nodes, where there are any."""
    made, outputs = [], entry.get("outputs")
    for node, told in outputs.items() if isinstance(outputs, dict) else ():
        images = told.get("images") if isinstance(told, dict) and (not output or node in output) else None
        for image in images if isinstance(images, list) else []:
            if isinstance(image, dict) and isinstance(image.get("filename"), str):
                made += [{key: str(image.get(key) or "") for key in ("filename", "subfolder", "type")}]
    return sorted(made, key=lambda image: image["type"] != "output")
