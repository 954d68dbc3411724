"""Real servers on loopback that speak the wires of image servers, as strictly as their documents say, faults included.

Each is told what it may be asked; a field that it does not know is refused, so that a test sees what is sent too much.
"""

import base64
import contextlib
import hashlib
import io
import json
import struct
import sys
import threading
import zlib
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from .pictures import dusk


def file(image, kind="PNG"):
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def png(width, height, *, rows=0):
    """A PNG that promises a size and holds ``rows`` rows of it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(rows * (width + 1)))), chunk(b"IEND", b"")]
    )


#: what a server may paint instead of a picture, and what is said of it
NO_PICTURES = {
    "20,000 x 20,000 px": (png(20_000, 20_000), "far too large"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG or HTML"),
    "HTML": (b"<!doctype html><p>Sign in</p>", "SVG or HTML"),
    "a black picture": (file(Image.new("RGB", (512, 300))), "is black"),
    "nothing": (b"", "no picture|not a PNG"),
}


class Answer:
    """What a server says: a status, a body, headers."""

    def __init__(self, body, status=200, **headers):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}


class Request:
    """What a server was asked: its path, its query, its fields and its files."""

    def __init__(self, method, target, headers, body):
        self.method, self.headers, self.fields, self.files = method, headers, {}, []
        parts = urlsplit(target)
        self.path, self.query = parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
        kind = headers.get("Content-Type", "")
        if kind.startswith("multipart/"):
            self._form(kind, body)
        elif body:
            self.fields = json.loads(body)

    def _form(self, kind, body):
        whole = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        for part in whole.get_payload():
            name = part.get_param("name", header="content-disposition")
            data = part.get_payload(decode=True)
            if part.get_filename():
                self.files.append((name, part.get_filename(), data))
            else:
                self.fields[name] = data.decode()


class Images:
    """A server of OpenAI's Images protocol, in one of its dialects."""

    main, root = "/v1/images/", "/v1"

    def __init__(self, *, takes=(), edits=True, edit_takes=None, needs=()):
        self.takes, self.edits, self.needs = {"prompt", "size", *takes}, edits, set(needs)
        self.edit_takes = self.takes if edit_takes is None else {"prompt", "size", *edit_takes}

    def answer(self, request, painted):
        route = request.path.removeprefix(self.main)
        if request.method != "POST" or route not in ("generations", "edits") or (route == "edits" and not self.edits):
            return Answer({"detail": "Not Found"}, 404)
        known = self.edit_takes if route == "edits" else self.takes
        if unknown := sorted(set(request.fields) - known):
            return Answer({"error": {"message": f"Unknown parameter: '{unknown[0]}'.", "code": "unknown"}}, 400)
        if missing := sorted(self.needs - set(request.fields)):
            return Answer({"error": {"message": f"Missing required parameter: '{missing[0]}'."}}, 400)
        if route == "edits" and not request.files:
            return Answer({"detail": "Field 'image' or 'url' is required"}, 422)
        size = tuple(map(int, request.fields["size"].split("x")))
        return Answer({"created": 1, "data": [{"b64_json": base64.b64encode(painted(size)).decode()}]})


class WebUi:
    """A server of the web UI's API: AUTOMATIC1111 and those that answer like it."""

    main, root = "/sdapi/v1/txt2img", ""

    def __init__(self, *, takes=(), reports=True, controlnet=None):
        """``controlnet``: the models and the modules of that extension; None: it is not installed."""
        self.takes, self.reports, self.interrupted, self.steps = set(takes), reports, threading.Event(), iter(())
        self.controlnet = controlnet

    def answer(self, request, painted):
        if self.controlnet and request.path.startswith("/controlnet/"):
            models, modules = self.controlnet
            lists = {
                "/controlnet/model_list": {"model_list": models},
                "/controlnet/module_list": {"module_list": modules},
            }
            return Answer(lists[request.path])
        if why := self._unit(request.fields.get("alwayson_scripts")):
            return Answer({"detail": why}, 422)
        if request.path == "/sdapi/v1/progress" and self.reports:
            return Answer({"progress": next(self.steps, 0.0), "eta_relative": 0, "state": {}, "current_image": None})
        if request.path == "/sdapi/v1/interrupt" and self.reports:
            self.interrupted.set()
            return Answer({})
        if request.path != self.main:
            return Answer({"detail": "Not Found"}, 404)
        if self.takes and (unknown := sorted(set(request.fields) - self.takes)):
            return Answer({"error": f"unknown field {unknown[0]}"}, 422)
        picture = painted((request.fields["width"], request.fields["height"]))
        info = json.dumps({"seed": request.fields["seed"], "sd_model_name": "dreamshaper_8"})
        return Answer({"images": [base64.b64encode(picture).decode()], "parameters": {}, "info": info})

    def _unit(self, scripts):
        """What is wrong with a request's units, as the extension finds it; "" where nothing is."""
        if scripts is None:
            return ""
        if not self.controlnet:
            return "always on script controlnet not found"
        (unit,) = scripts["controlnet"]["args"]
        models, modules = self.controlnet
        if not unit["enabled"] or unit["model"] not in models or unit["module"] not in modules:
            return f"model({unit['model']}) not found in supported models."
        Image.open(io.BytesIO(base64.b64decode(unit["image"], validate=True))).verify()
        known = {"enabled", "module", "model", "weight", "image", "resize_mode", "guidance_start", "guidance_end"}
        return f"unknown {sorted(unit)}" if set(unit) - known - {"save_detected_map"} else ""


class ComfyUi:
    """A ComfyUI server: a queue, a socket that tells how far it is, a history, files."""

    main, root = "/view", ""

    def __init__(self, *, course=None, dies_after=None, polls=2):
        self.course = course or DEFAULT_COURSE
        self.dies_after = dies_after  #: messages, then the socket breaks
        self.polls = polls  #: how often the history is asked before the picture is there
        self.graph, self.uploads, self.told = None, [], []
        self.queued, self.waiting, self.objection, self.status = threading.Event(), [], None, None
        self.freed = False

    def answer(self, request, painted):
        name = request.path.strip("/").split("/")[0]
        return getattr(self, f"_{name}", lambda *_: Answer({}, 404))(request, painted)

    def _upload(self, request, _):
        ((field, name, data),) = request.files
        assert field == "image"
        self.uploads.append((name, data))
        return Answer({"name": name, "subfolder": "", "type": "input"})

    def _prompt(self, request, _):
        if self.objection:
            return Answer(self.objection, 400)
        self.graph = request.fields["prompt"]
        self.queued.set()
        return Answer({"prompt_id": "11-22", "number": 3, "node_errors": {}})

    def _queue(self, request, _):
        if request.method == "POST":
            self.told.append(("delete", request.fields["delete"]))
            return Answer(b"")
        before = self.waiting.pop(0) if len(self.waiting) > 1 else (self.waiting or [0])[0]
        if before is None:
            return Answer({"queue_running": [], "queue_pending": []})
        ours, others = [3, "11-22", {}, {}, []], [[n, f"other-{n}", {}, {}, []] for n in range(before)]
        return Answer({"queue_running": [*others, ours][:1], "queue_pending": [*others, ours][1:][::-1]})

    def _interrupt(self, request, _):
        self.told.append(("interrupt", request.fields.get("prompt_id")))
        return Answer(b"")

    def _history(self, _request, _painted):
        self.polls -= 1
        if self.polls > 0:
            return Answer({})
        image = {"filename": "a_00001_.png", "subfolder": "", "type": "output"}
        preview = {"filename": "b.png", "subfolder": "", "type": "temp"}
        status = self.status or {"status_str": "success", "completed": True, "messages": []}
        outputs = {} if status["status_str"] == "error" else {"8": {"images": [preview]}, "9": {"images": [image]}}
        return Answer({"11-22": {"prompt": [], "outputs": outputs, "status": status, "meta": {}}})

    def _view(self, request, painted):
        assert request.query["filename"] == "a_00001_.png"
        inputs = next(node["inputs"] for node in self.graph.values() if "width" in node["inputs"])
        return Answer(painted((inputs["width"], inputs["height"])), Content_Type="image/png")

    def _free(self, request, _):
        self.freed = request.fields == {"unload_models": True, "free_memory": True}
        return Answer(b"")

    def socket(self, handler):
        """Tell the course once something is queued (RFC 6455: a server's frames are not masked)."""
        key = handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        handler.send_response(101)
        for name, value in {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": base64.b64encode(hashlib.sha1(key.encode()).digest()).decode(),
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.flush()
        self.queued.wait(10)
        for number, message in enumerate(self.course):
            if number == self.dies_after:
                return
            data = message if isinstance(message, bytes) else json.dumps(message).encode()
            kind = 0x82 if isinstance(message, bytes) else 0x81
            size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
            handler.wfile.write(bytes([kind]) + size + data)
            handler.wfile.flush()
        handler.rfile.read(2)  # until it hangs up
        handler.wfile.write(b"\x88\x00")


def _about(kind, **data):
    return {"type": kind, "data": {**data, "prompt_id": "11-22"}}


DEFAULT_COURSE = [
    {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1}}, "sid": "x"}},
    _about("execution_start"),
    _about("executing", node="3"),
    *[_about("progress", value=value, max=4, node="3") for value in (1, 2, 3, 4)],
    b"\x00\x00\x00\x01\x00\x00\x00\x01a preview",
    _about("executing", node="8"),
    _about("executing", node=None),
    _about("execution_success"),
]


class Running:
    """A server that runs: ``url`` for the settings, ``asked`` what it heard, ``host`` its name in messages."""

    def __init__(self, wire, fault, picture):
        self.wire, self.fault, self.picture, self.asked, self.release = wire, fault, picture, [], threading.Event()

    def painted(self, size):
        return file(dusk(*size)) if self.picture is None else self.picture

    @property
    def pictures(self):
        """The requests that were for a picture."""
        return [request for request in self.asked if request.path.startswith(self.wire.main)]


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self):
            if self.headers.get("Upgrade") == "websocket" and hasattr(server.wire, "socket"):
                with contextlib.suppress(OSError):
                    server.wire.socket(self)
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, self.headers, body)
            server.asked.append(request)
            with contextlib.suppress(OSError):
                if server.fault and request.path.startswith(server.wire.main):
                    server.fault(self, server, lambda: server.wire.answer(request, server.painted))
                else:
                    send(self, server.wire.answer(request, server.painted))
            self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_):
            pass

    return Handler


def send(handler, answer, *, length=None, cut=None):
    handler.send_response(answer.status)
    size = len(answer.body) if length is None else length
    for name, value in {"Content-Length": size, "Content-Type": "application/json", **answer.headers}.items():
        handler.send_header(name, str(value))
    handler.end_headers()
    handler.wfile.write(answer.body[:cut])
    handler.wfile.flush()


class _Http(ThreadingHTTPServer):
    daemon_threads, block_on_close = False, True  #: no thread outlives its test

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.wrong = []  #: what this server did not expect, as an assertion in it that failed

    def handle_error(self, request, client_address):
        error = sys.exception()
        if not isinstance(error, OSError | ValueError):  # the other side hung up
            self.wrong.append(error)


@contextmanager
def painting(wire, *, fault=None, picture=None):
    server = Running(wire, fault, picture)
    with _Http(_handler(server)) as http:
        server.host = f"127.0.0.1:{http.server_port}"
        server.url = f"http://{server.host}{wire.root}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            getattr(wire, "queued", server.release).set()
            http.shutdown()
            thread.join(5)
    assert http.wrong == []


# -- faults of the answer that should hold the picture -----------------------------------------------------------------


def refuses(handler, server, good):
    handler.close_connection = True
    handler.connection.close()


def trouble(handler, server, good):
    send(handler, Answer(b"<html><h1>Internal Server Error</h1></html>", 500))


def half(handler, server, good):
    answer = good()
    send(handler, answer, cut=len(answer.body) // 2)


def silence(handler, server, good):
    server.release.wait(20)


def nonsense(handler, server, good):
    send(handler, Answer(b'{"data": [{"b64_json": '))


def another_shape(handler, server, good):
    send(handler, Answer([1, 2, 3]))


def elsewhere(handler, server, good):
    send(handler, Answer(b"", 307, Location=f"http://{server.trap}/admin.png"))


def address(handler, server, good):
    """An address at home in the place of a picture."""
    there = f"http://{server.trap}/admin.png"
    send(handler, Answer({"created": 1, "data": [{"url": there}], "images": [there], "info": ""}))


def drip(handler, server, good):
    """Headers at once, then a byte now and then for ever."""
    send(handler, Answer(b""), length=1_000_000)
    while not server.release.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def flood(handler, server, good):
    """A body without an end."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while not server.release.is_set():
        handler.wfile.write(b" " * 65_536)
