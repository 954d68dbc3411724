"""Ask until the answer has the form and passes the checks, or say why not.

Servers differ in how an answer's form is asked for: a schema (OpenAI, llama.cpp, Ollama, vLLM, LM Studio), "an object"
with a schema beside it (llama-cpp-python), or words in the prompt alone. We begin at the top, step down where a form is
not spoken, and remember the one that worked. The schema always stands in the prompt as well: some servers enforce it
without showing it to the model, others take it and ignore it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from ...errors import EditorError
from ...protocols import Note, unnoted
from . import transcript
from .access import Access
from .budget import Usage, estimated
from .duty import Duty
from .reading import found
from .refusal import MAX_PAUSE, failed, spent, verdict
from .rest import Failing
from .schema import strict_schema
from .sight import blind

if TYPE_CHECKING:
    from .wire import Reply, Wire

A = TypeVar("A", bound=BaseModel)
_BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_QUOTED_BACK = 4_000  #: characters of a bad answer shown to the model again


class Rung(IntEnum):
    """Ways to ask for a form, the strictest first."""

    SCHEMA = 0
    OBJECT = 1
    PROMPT = 2


@dataclass(frozen=True, slots=True)
class Question(Generic[A]):
    """What is asked, the answer's form, and what makes an answer of that form a bad one (nothing: it is good)."""

    system: str
    user: str
    answer: type[A]
    faults: Callable[[A], Sequence[str]]
    repair: Callable[[Sequence[str]], str]  #: faults as words to the model
    temperature: float
    further: Callable[[A], str] = lambda _: ""  #: a good answer to what is said to the model before it answers anew
    name: str = "question"  #: of the standing instructions, for the transcript
    note: Callable[[Note], None] = unnoted
    picture: str = ""  #: a data: URL of what the model is to look at
    asking: Callable[[], None] = lambda: None  #: called before every request; what it raises ends the question


@dataclass(slots=True)
class _Talk:
    """One question's course."""

    messages: list[dict[str, Any]]
    until: float
    rung: Rung
    note: Callable[[Note], None]
    heard: bool = False  #: the server has answered, well or badly
    retried: bool = False
    repaired: bool = False
    left_out: set[str] = field(default_factory=set)


class Ladder:
    """Asks one model at one server; remembers which form and parameters it takes."""

    def __init__(self, access: Access, duty: Duty, pause: Callable[[float], None] = time.sleep) -> None:
        self.access, self._duty, self._pause = access, duty, pause
        self.rung = Rung.SCHEMA
        self._unwanted: set[str] = set()  #: optional parameters this model rejects
        self._wire: Wire | None = None

    def ask(self, question: Question[A]) -> A:
        """A valid answer. At most eight requests, and one more after each further message, within ``timeout_seconds``.

        Raises EditorError; OffDuty, without a request, where it may not be asked now.
        """
        self._duty.admit()
        until = time.monotonic() + self.access.timeout_seconds
        talk = _Talk(_messages(question), until, self.rung, question.note)
        question.note(transcript.asked(self.access.model, question.user, question.name, talk.messages[0]["content"]))
        try:
            return self._climbed(talk, question)
        except Failing as failing:
            self._duty.failed(failing, heard=talk.heard)
            raise

    def _climbed(self, talk: _Talk, question: Question[A]) -> A:
        while True:
            reply = self._heard(talk, question)
            if reply is None:
                continue  # a step further down
            answer, faults = _read(reply, question)
            if answer is not None:
                self.rung = talk.rung
            if answer is not None and not faults:
                if not (more := question.further(answer)):
                    return answer
                talk.messages += _turn(reply, more)
                continue
            talk.note(transcript.found_wrong(faults))
            if answer is None and not reply.cut and not _has_form(reply) and talk.rung < Rung.PROMPT:
                self._step_down(talk, "nothing like an answer")  # this form of asking may be what broke it
                continue
            if talk.repaired:
                raise EditorError(f"{self.access.model} gave no usable answer: {'; '.join(faults)[:300]}")
            talk.repaired = True
            talk.messages += _turn(reply, question.repair(faults))
            talk.note(transcript.asked_again(talk.messages[-1]["content"]))

    def _step_down(self, talk: _Talk, why: str) -> None:
        talk.rung = Rung(talk.rung + 1)
        talk.note(transcript.stepped_down(talk.rung.name.lower(), why))

    def _heard(self, talk: _Talk, question: Question[A]) -> Reply | None:
        """The server's reply, or None where the next rung must be tried. Raises EditorError."""
        from .wire import Refused

        try:
            reply = self._posted(talk, question)
        except Refused as refused:
            if refused.status in (400, 415, 422) and self._drop_parameter(refused.said):
                return None
            final = verdict(refused, self.access, shown=bool(question.picture))
            if final or talk.rung is Rung.PROMPT:
                self.rung = Rung.SCHEMA
                raise final or Failing(failed(refused, self.access)) from refused
            self._step_down(talk, failed(refused, self.access))
            return None
        if reply.refusal:
            raise EditorError(f"{self.access.model} would not answer: {reply.refusal[:160]}")
        return reply

    def _posted(self, talk: _Talk, question: Question[A]) -> Reply:
        """One request, and once a question a second one where the server is busy or stumbles."""
        from .wire import Refused

        body = self._body(talk, question)
        try:
            return self._sent(talk, question, body)
        except Refused as refused:
            wait = min(1.0 if refused.retry_after is None else refused.retry_after, MAX_PAUSE)
            hopeless = spent(refused) or (question.picture and blind(refused, self.access.model))
            if talk.retried or refused.status not in _BUSY or hopeless or self._left(talk) < wait + 1:
                raise
            talk.retried = True
            talk.note(transcript.waited(wait, failed(refused, self.access)))
            self._pause(wait)
        return self._sent(talk, question, body)

    def _sent(self, talk: _Talk, question: Question[A], body: Mapping[str, Any]) -> Reply:
        """One request, counted."""
        from .wire import Refused, Wire

        question.asking()
        self._wire = self._wire or Wire(self.access.base_url, self.access.key)
        seconds = self._left(talk)
        aside = self._duty.begin(body, self.access.max_tokens)
        began = time.monotonic()
        try:
            reply = self._wire.post(body, seconds)
        except (Refused, Failing) as failure:
            if not failure.reached:
                self._duty.settle(aside, Usage())
            raise
        talk.heard = True
        self._duty.answered()
        said = reply.text or reply.thought or reply.refusal
        usage = reply.usage or estimated(talk.messages, said)
        self._duty.settle(aside, usage)
        form, usd = talk.rung.name.lower(), usage.cost(self._duty.budget.price)
        talk.note(transcript.answered(said, form, usage, seconds=time.monotonic() - began, usd=usd))
        return reply

    def _left(self, talk: _Talk) -> float:
        left = talk.until - time.monotonic()
        if left <= 0:
            raise Failing(
                f"{self.access.model} gave no usable answer within {self.access.timeout_seconds:g} s: "
                "a smaller model or a larger timeout_seconds may help", patience=1,
            )  # fmt: skip
        return left

    def _body(self, talk: _Talk, question: Question[A]) -> Mapping[str, Any]:
        optional: dict[str, Any] = {"temperature": question.temperature, "max_tokens": self.access.max_tokens}
        if self.access.reasoning_effort:
            optional["reasoning_effort"] = self.access.reasoning_effort
        if "max_tokens" in self._unwanted:  # newer OpenAI models know it by another name only
            optional["max_completion_tokens"] = self.access.max_tokens
        body = {name: value for name, value in optional.items() if name not in self._unwanted}
        return {"model": self.access.model, "messages": talk.messages} | body | _form(talk.rung, question.answer)

    def _drop_parameter(self, said: str) -> bool:
        """Leave out from now on what the server says it does not take. Whether there was such a thing."""
        for name in ("max_tokens", "temperature", "reasoning_effort", "max_completion_tokens"):
            if name in said and name not in self._unwanted:
                self._unwanted.add(name)
                return True
        return False


def _messages(question: Question[A]) -> list[dict[str, Any]]:
    schema = json.dumps(strict_schema(question.answer), separators=(",", ":"))
    system = f"{question.system}\n\nReply with one JSON object of this schema and nothing else:\n{schema}"
    user: str | list[dict[str, Any]] = question.user
    if question.picture:
        user = [{"type": "image_url", "image_url": {"url": question.picture}}, {"type": "text", "text": question.user}]
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def _turn(reply: Reply, words: str) -> list[dict[str, str]]:
    """What the model said, and what is said to it then."""
    said = (reply.text or reply.thought)[:_QUOTED_BACK] or "…"
    return [{"role": "assistant", "content": said}, {"role": "user", "content": words}]


def _form(rung: Rung, answer: type[BaseModel]) -> dict[str, Any]:
    schema = strict_schema(answer)
    if rung is Rung.SCHEMA:
        named = {"name": answer.__name__.lower(), "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if rung is Rung.OBJECT:
        return {"response_format": {"type": "json_object", "schema": schema}}
    return {}


def _read(reply: Reply, question: Question[A]) -> tuple[A | None, Sequence[str]]:
    """The first thing in the reply that has the answer's form, and its faults; None and what was wrong without one."""
    wrong: Sequence[str] = ("the answer was cut off: be shorter",) if reply.cut else ("there was no JSON object in it",)
    for text in (reply.text, reply.thought):
        for value in found(text):
            try:
                answer = question.answer.model_validate(value)
            except ValidationError as error:
                wrong = wrong if reply.cut else _explained(error)
                continue
            return answer, question.faults(answer)
        if text.strip():
            break  # thoughts count only where nothing was said
    return None, wrong


def _has_form(reply: Reply) -> bool:
    """Whether it holds JSON at all."""
    return any(True for text in (reply.text, reply.thought) for _ in found(text))


def _explained(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, fault['loc'])) or 'answer'}: {fault['msg']}" for fault in error.errors()[:5]]
