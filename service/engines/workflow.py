"""A ComfyUI workflow as it was exported for the API, and where in it the wishes of a picture are written.

A graph is a table of nodes by their ids, ``{"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "…", "clip":
["4", 1]}, "_meta": {"title": "prompt"}}}``. An input is a value, or a link to another node's output: a list.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EngineError

Graph = Mapping[str, Mapping[str, Any]]
_MOST_BYTES = 5_000_000
_TEXT = ("text", "prompt", "string", "value", "text_g", "text_l", "clip_l", "t5xxl")
#: what can be wished for, and the keys that a node titled so may have for it
WISHES: Mapping[str, tuple[str, ...]] = {
    "prompt": _TEXT,
    "avoid": _TEXT,
    "seed": ("seed", "noise_seed", "value"),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "steps": ("steps", "value"),
    "guidance": ("cfg", "guidance", "value"),
    "lora": ("lora_name",),
    "photo": ("image",),
    "photo2": ("image",),
    "photo3": ("image",),
    "photo4": ("image",),
}
PHOTOS = ("photo", "photo2", "photo3", "photo4")
_STRENGTHS = ("strength_model", "strength_clip", "strength")


@dataclass(frozen=True, slots=True)
class Place:
    """An input of a node."""

    node: str
    key: str


Places = Mapping[str, tuple[Place, ...]]


def read(path: Path) -> Graph:
    """The graph in a file. Raises EngineError that says how to export one."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise EngineError(f"{path} is too large for a workflow")
        graph = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise EngineError(f"there is no workflow {path}: export one from ComfyUI (Workflow, Export (API))") from error
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise EngineError(f"{path} is not JSON: export the workflow again (Workflow, Export (API))") from error
    if isinstance(graph, dict) and isinstance(graph.get("nodes"), list):
        raise EngineError(f"{path} is a workflow as ComfyUI saves it for itself: use Workflow, Export (API)")
    if not isinstance(graph, dict) or not graph or not all(_is_node(node) for node in graph.values()):
        raise EngineError(f"{path} is no workflow: export one from ComfyUI (Workflow, Export (API))")
    return graph


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def title(graph: Graph, node: str) -> str:
    """What a node is called in ComfyUI; its class where nobody gave it a title."""
    meta = graph[node].get("_meta")
    name = meta.get("title") if isinstance(meta, dict) else None
    return str(name or graph[node]["class_type"])


def named(graph: Graph, name: str) -> list[str]:
    """The nodes with an id or a title, whatever its case."""
    if name in graph:
        return [name]
    return [node for node in graph if title(graph, node).strip().lower() == name.strip().lower()]


def places(graph: Graph, told: Mapping[str, str]) -> Places:
    """Where each wish is written: as the table tells ("6.text"), else in nodes with that title. Raises EngineError.

    A node titled "size" has both width and height; "photo 2" is the same as "photo2".
    """
    found = {wish: _told(graph, wish, where) for wish, where in told.items()}
    for wish, keys in WISHES.items():
        if wish not in found and (titled := tuple(_titled(graph, wish, keys))):
            found[wish] = titled
    for wish in ("prompt", "seed"):
        if wish not in found:
            raise EngineError(_missing(graph, wish))
    return found


def _told(graph: Graph, wish: str, where: str) -> tuple[Place, ...]:
    name, _, key = where.rpartition(".")
    nodes = named(graph, name)
    if not nodes:
        titles = [*graph, *(title(graph, node) for node in graph)]
        near = difflib.get_close_matches(name, titles, 1)
        raise EngineError(
            f'inputs.{wish} = "{where}": the workflow has no node {name!r}'
            + (f", did you mean {near[0]}?" if near else "")
        )
    for node in nodes:
        _settable(graph, Place(node, key), f'inputs.{wish} = "{where}"')
    return tuple(Place(node, key) for node in nodes)


def _settable(graph: Graph, place: Place, what: str) -> None:
    inputs = graph[place.node]["inputs"]
    if place.key not in inputs:
        raise EngineError(f"{what}: that node has no {place.key!r}; it has {', '.join(inputs) or 'no inputs'}")
    if isinstance(inputs[place.key], list):
        fed = inputs[place.key][0] if inputs[place.key] else "another"
        raise EngineError(f"{what}: it is fed by node {fed}; name that one's input instead")


def _titled(graph: Graph, wish: str, keys: tuple[str, ...]) -> Iterator[Place]:
    titles = {wish, f"{wish[:-1]} {wish[-1]}"} | ({"size"} if wish in ("width", "height") else set())
    for node in graph:
        if title(graph, node).strip().lower() in titles:
            inputs = graph[node]["inputs"]
            yield from (Place(node, key) for key in keys if key in inputs and not isinstance(inputs[key], list))


def _missing(graph: Graph, wish: str) -> str:
    could = [
        f"{node}.{key} ({title(graph, node)})"
        for node in graph
        for key in WISHES[wish]
        if key != "value" and key in graph[node]["inputs"] and not isinstance(graph[node]["inputs"][key], list)
    ]
    where = f"; it could be {', '.join(could[:4])}" if could else ""
    return (
        f'the workflow has no place for the {wish}: give its node the title "{wish}" in ComfyUI and export it again, '
        f'or say where it is, inputs = {{{wish} = "NODE.INPUT"}}{where}'
    )


def filled(graph: Graph, where: Places, wishes: Mapping[str, Any]) -> dict[str, Any]:
    """The graph with the wishes written in; what is None stays as it was exported."""
    out: dict[str, Any] = copy.deepcopy(dict(graph))
    for wish, value in wishes.items():
        for place in where.get(wish, ()) if value is not None else ():
            out[place.node]["inputs"][place.key] = value
    return out


def weighted(graph: dict[str, Any], where: Places, weight: float) -> dict[str, Any]:
    """The graph with its LoRA at a weight; 0 where the picture has nobody in it."""
    for place in where.get("lora", ()):
        inputs = graph[place.node]["inputs"]
        inputs |= {key: weight for key in _STRENGTHS if key in inputs and not isinstance(inputs[key], list)}
    return graph


def models(graph: Graph) -> list[str]:
    """The names of the models that the graph loads."""
    keys = ("ckpt_name", "unet_name", "model_name")
    return [str(node["inputs"][key]) for node in graph.values() for key in keys if key in node["inputs"]]
