"""What the tests of sampling share."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


class SamplingServer:
    """A sampling endpoint that answers with what it is told to."""

    def __init__(self):
        self.answer, self.status, self.asked, self.location = b"", 200, [], ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("Authorization")))
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/sampling"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def sampling_server():
    made = SamplingServer()
    yield made
    made.close()
