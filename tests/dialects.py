"""A chat server on loopback that speaks as told: the dialects of real servers, and their faults."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCENE = (
    "A giant brass alarm clock ferries sleeping passengers across a moonlit mountain lake, small lamps glowing along its "
    "rim, pine forest behind, thin mist on the water, seen from the near shore"
)
SUBJECT_SCENE = (
    "SUBJECT, a ferryman, rows a giant brass alarm clock across a moonlit mountain lake, small lamps glowing along its "
    "rim, pine forest behind, thin mist on the water, seen from the near shore"
)


def direction(**other):
    """A sound answer to "describe"."""
    return {
        "essence": "Sleeper services come back to the mountains", "kind": "news", "keep": True, "mood": "hopeful",
        "idea": "sleep that travels", "role": "", "scene": SCENE, "alt": "A giant clock carries sleepers over a lake.",
        "avoid": ["cars"],
    } | other  # fmt: skip


def rulings(user, **other):
    """A sound answer to "decide": every item kept."""
    ids = re.findall(r'<item id="(\w+)">', user)
    return {"rulings": [{"id": i, "essence": "Something good", "kind": "news", "keep": True} | other for i in ids]}


POINTS = ("subject_present", "one_person", "idea_visible", "tone_fits", "no_lettering", "no_logo_or_flag",
          "no_lookalike", "anatomy_ok", "no_gore")  # fmt: skip


def looks(*failing, **other):
    """An answer to "critique": all is well but the points named."""
    points = {name: {"seen": f"what there is of {name}", "ok": name not in failing} for name in POINTS}
    return points | {"worst_defect": "letters at the top left" if failing else "", "fix": ""} | other


class Heard:
    """One request as a server sees it."""

    def __init__(self, body, headers, number):
        self.body, self.headers, self.number = body, headers, number
        self.system, self.user = body["messages"][0]["content"], body["messages"][1]["content"]
        self.picture = ""
        if isinstance(self.user, list):  # parts: a picture and the words to it
            self.picture = next(part["image_url"]["url"] for part in self.user if part["type"] == "image_url")
            self.user = next(part["text"] for part in self.user if part["type"] == "text")
        self.last = body["messages"][-1]["content"]
        self.form = (body.get("response_format") or {}).get("type")
        self.repair = len(body["messages"]) > 2

    def sound(self, **other):
        """What a good model says to it, as text."""
        if "Rule on these" in self.user:
            return json.dumps(rulings(self.user, **other))
        if self.picture:
            return json.dumps(looks(**other))
        scene = SUBJECT_SCENE if "SUBJECT appears" in self.user else SCENE
        return json.dumps(direction(**{"scene": scene} | other))


def said(content, finish="stop", **message):
    """A completion as servers send it."""
    return {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish,
                     "message": {"role": "assistant", "content": content} | message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip


def wrong(message, **more):
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


class Server:
    """Answers with what ``reply(heard)`` gives: a text, a completion, (status, body), (status, body, headers)."""

    def __init__(self, reply):
        self.reply, self.heard, self.release = reply, [], threading.Event()
        self.url = ""

    def answer(self, handler):
        length = int(handler.headers["Content-Length"])
        heard = Heard(json.loads(handler.rfile.read(length)), handler.headers, len(self.heard) + 1)
        self.heard.append(heard)
        if not handler.path.endswith("/v1/chat/completions"):
            return self.send(handler, 404, "no such page", {})
        told = self.reply(heard)
        if callable(told):
            return told(handler, self)
        status, body, *headers = told if isinstance(told, tuple) else (200, told)
        if isinstance(body, str) and status == 200 and not headers:
            body = said(body)
        return self.send(handler, status, body, headers[0] if headers else {})

    def send(self, handler, status, body, headers):
        data = (
            body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)


@contextmanager
def speaking(reply):
    """A running server; its ``url`` goes into the settings, ``heard`` is what it was asked."""
    server = Server(reply)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet, else Nagle's algorithm costs 40 ms a call

        def do_POST(self):
            try:
                server.answer(self)
            except (TimeoutError, ConnectionError):
                self.close_connection = True

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    threading.Thread(target=lambda: http.serve_forever(0.02), daemon=True).start()
    try:
        yield server
    finally:
        server.release.set()
        http.shutdown()
        http.server_close()


def silent(handler, server):
    """Say nothing until the test is over."""
    server.release.wait(20)


def dripping(handler, server):
    """A header at once, then a byte now and then for ever."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not server.release.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def flooding(status):
    """An endless body."""

    def flood(handler, server):
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Connection", "close")
        handler.end_headers()
        while not server.release.is_set():
            handler.wfile.write(b" " * 65536)

    return flood


# -- dialects ----------------------------------------------------------------------------------------------------------


def openai(heard):
    return heard.sound()


def openai_reasoning(heard):
    """A model that takes neither a temperature nor max_tokens by its old name."""
    if "max_tokens" in heard.body:
        return 400, wrong(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    if "temperature" in heard.body:
        return 400, wrong("Unsupported value: 'temperature' does not support 0.7 with this model.")
    return heard.sound()


def llama_cpp(heard):
    """Some builds answer 200 and constrain nothing."""
    return f"Here is my direction:\n\n{heard.sound()}\n\nLet me know if you like it!"


def llama_cpp_python(heard):
    return (500, wrong("internal error: json_schema")) if heard.form == "json_schema" else heard.sound()


def ollama(heard):
    """The cloud takes the schema and ignores it."""
    return f"```json\n{heard.sound()}\n```"


def lm_studio(heard):
    """Takes a schema or plain text only; here its grammar breaks the model, which says nothing."""
    if heard.form == "json_object":
        return 400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}
    return "" if heard.form == "json_schema" else heard.sound()


def vllm(heard):
    """A reasoning parser that takes the answer for thought."""
    return said(None, reasoning_content=heard.sound())


def vllm_thinking(heard):
    return f"<think>First I thought of {{'scene': 'a cat'}}, then of a clock.</think>{heard.sound()}"


DIALECTS = {
    f.__name__: f
    for f in (openai, openai_reasoning, llama_cpp, llama_cpp_python, ollama, lm_studio, vllm, vllm_thinking)
}
