"""A web server on this machine that answers as Zenodo does, and fails as networks do."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RECORD = "13984226"


class Zenodo:
    """What the server has and how it behaves; `faults` are used up one by one, by requests for files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.faults: list[object] = []
        """("drop", n): send n bytes and hang up; ("status", code); "no range"; "wrong range"."""
        self.checksums: dict[str, str] = {}
        """Told in place of the right ones."""
        self.requests: list[tuple[str, str | None, int]] = []
        """Path, Range header and status of each."""
        self.served = 0
        """Bytes of files sent."""
        self.entries = False
        """List files in the newer of Zenodo's ways."""
        self.record_status = 200
        self.url = ""

    def record(self) -> dict:
        files = []
        for name, content in self.files.items():
            md5 = self.checksums.get(name) or hashlib.md5(content).hexdigest()
            files.append({"key": name, "size": len(content), "checksum": f"md5:{md5}"})
        listed = {"entries": {f["key"]: f for f in files}} if self.entries else files
        return {"id": int(RECORD), "metadata": {"license": {"id": "cc-by-4.0"}}, "files": listed}

    @contextmanager
    def running(self):
        zenodo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", headers=(), send=None):
                zenodo.requests.append((self.path, self.headers.get("Range"), status))
                self.send_response(status)
                for key, value in headers:
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if send is None else body[:send])
                if send is not None:
                    self.wfile.flush()
                    self.close_connection = True
                    self.connection.close()
                return len(body) if send is None else send

            def do_GET(self):
                base = f"/api/records/{RECORD}"
                if self.path == base:
                    body = json.dumps(zenodo.record()).encode()
                    self.answer(zenodo.record_status, body if zenodo.record_status == 200 else b"<html>")
                    return
                name = self.path.removeprefix(f"{base}/files/").removesuffix("/content")
                if name not in zenodo.files:
                    self.answer(404)
                    return
                body, status, headers = zenodo.files[name], 200, []
                fault = zenodo.faults.pop(0) if zenodo.faults else None
                if isinstance(fault, tuple) and fault[0] == "status":
                    self.answer(fault[1], b"", fault[2:])
                    return
                asked = self.headers.get("Range")
                if asked and fault != "no range":
                    first = int(asked.removeprefix("bytes=").rstrip("-"))
                    if first >= len(body):
                        self.answer(416)
                        return
                    told = first + 1 if fault == "wrong range" else first
                    headers = [("Content-Range", f"bytes {told}-{len(body) - 1}/{len(body)}")]
                    body, status = body[first:], 206
                send = fault[1] if isinstance(fault, tuple) else None
                try:
                    zenodo.served += self.answer(status, body, headers, send)
                except OSError:  # the client is gone
                    self.close_connection = True

        server = ThreadingHTTPServer(("localhost", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        self.url = f"http://localhost:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
