"""``intaglio witness``: cosigns the checkpoints of other people's logs, so that no log can have two versions."""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click

from intaglio.errors import ConfigurationError, StoreUnavailable
from intaglio.licensing.transparency.cosignature import CosignatureVerifier, Cosigner, log_verifier
from intaglio.licensing.transparency.key_files import read_key, write_key
from intaglio.licensing.transparency.notes import NoteSigner, NoteVerifier
from intaglio.licensing.transparency.witness import MOST_REQUEST, Response, Witness

_SECONDS = 10  # that one client may take for its request


@click.command()
@click.option("--log", "logs", multiple=True, required=True, help="Public key (vkey) of a log; may be given again.")
@click.option("--name", required=True, help="Name of this witness: a domain of yours and a path, best.")
@click.option(
    "--folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the key and the last checkpoint of each log are kept. Made when it is missing.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8712, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--json", "as_json", is_flag=True, help="Print where it listens as JSON.")
def witness(*, logs: tuple[str, ...], name: str, folder: Path, host: str, port: int, as_json: bool) -> None:
    """Run a witness (https://c2sp.org/tlog-witness) until interrupted. Any rights holder can.

    A log whose checkpoints it cosigns cannot show two versions of itself: the witness has seen only one. Put a
    server that speaks TLS in front of it.
    """
    made = Witness([_cosigner(name, folder)], _trusted(logs), folder / "logs")
    try:
        server = ThreadingHTTPServer((host, port), handler(made))
    except OSError as error:
        raise ConfigurationError(f"{host}:{port} cannot be listened at ({error.strerror}); choose another.") from error
    url, key = f"http://{host}:{server.server_address[1]}", made.cosigners[0].vkey
    click.echo(json.dumps({"url": url, "key": key}) if as_json else f"Witness at {url}\nKey: {key}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def _cosigner(name: str, folder: Path) -> Cosigner:
    path = folder / "witness.key"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_key(NoteSigner.generate(name).key, path)
        return Cosigner(name, read_key(path))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The witness cannot be set up: {error}") from error


def _trusted(logs: tuple[str, ...]) -> dict[str, list[NoteVerifier | CosignatureVerifier]]:
    found: dict[str, list[NoteVerifier | CosignatureVerifier]] = {}
    for vkey in logs:
        try:
            key = log_verifier(vkey)
        except ValueError as error:
            raise ConfigurationError(f"--log is wrong: {error}") from error
        found.setdefault(key.name, []).append(key)
    return found


def handler(made: Witness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._answer(self._response())

        def _response(self) -> Response:
            length = self.headers.get("Content-Length", "")
            if self.path.rpartition("/")[2] != "add-checkpoint":
                return Response(404, b"There is only add-checkpoint here.\n")
            if not re.fullmatch("[0-9]{1,7}", length) or int(length) > MOST_REQUEST:
                return Response(400, b"The request needs a Content-Length within the limits.\n")
            try:
                return made.add_checkpoint(self.rfile.read(int(length)))
            except StoreUnavailable as error:
                return Response(500, f"{error}\n".encode())

        def _answer(self, response: Response) -> None:
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
            # What was not read of a refused request must not be taken for the next one.
            self.send_header("Connection", "close")
            self.close_connection = True
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
            """Nothing: who asks is nobody's business."""

    return Handler
