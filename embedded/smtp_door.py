"""The SMTP port while nothing takes mail there: it says so, in the words of RFC 5321."""

import socket
import socketserver
import threading

_IDLE_SECONDS = 30
_LINE_BYTES = 1000  # RFC 5321, 4.5.3.1.6


class _RefusingSession(socketserver.StreamRequestHandler):
    """A server that opens with 554 must wait for QUIT and answer 503 to all else (RFC 5321, 3.1)."""

    timeout = _IDLE_SECONDS

    def handle(self) -> None:
        try:
            self._reply(f"554 5.3.2 {socket.gethostname()} does not take mail yet")
            while line := self.rfile.readline(_LINE_BYTES):
                if line.strip().upper() == b"QUIT":
                    self._reply("221 2.0.0 Bye")
                    return
                self._reply("503 5.5.1 No mail is taken here; QUIT is all there is to say")
        except (TimeoutError, ConnectionError):
            return  # the peer left or fell silent; there is nothing to answer

    def _reply(self, text: str) -> None:
        self.wfile.write(text.encode("ascii", "replace") + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class SmtpDoor:
    """Answers on a bound socket until it is stopped."""

    def __init__(self, listener: socket.socket) -> None:
        self._server = _Server(listener.getsockname(), _RefusingSession, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listener
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="smtp", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
