"""A bucket on the loopback interface that speaks what Polars asks of S3: lists and ranges."""

import io
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import polars as pl
from attrs import define, field

SECRET = "s3cr3t/Key+of=nobody"  # noqa: S105 # nobody's
_PAGE = 5


@define
class Bucket:
    """Objects by key, and what was asked for: method, key, and range or prefix."""

    url: str
    endpoint: str
    objects: dict[str, bytes] = field(factory=dict)
    asked: list[tuple[str, str, str]] = field(factory=list)

    @property
    def options(self) -> dict[str, str | int]:
        return {
            "aws_endpoint_url": self.endpoint,
            "aws_allow_http": "true",
            "aws_region": "eu-central-1",
            "aws_access_key_id": "AKIA0000NOBODY",
            "aws_secret_access_key": SECRET,
            "max_retries": 0,
        }

    def put(self, key: str, frame: pl.DataFrame) -> None:
        written = io.BytesIO()
        frame.write_parquet(written)
        self.objects[key] = written.getvalue()


@contextmanager
def bucket() -> Iterator[Bucket]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body would wait for the receipt of its headers

        def do_GET(self) -> None:
            where = urllib.parse.urlsplit(self.path)
            asked = dict(urllib.parse.parse_qsl(where.query, keep_blank_values=True))
            key = urllib.parse.unquote(where.path).removeprefix("/bucket").lstrip("/")
            if "list-type" in asked:
                made.asked.append(("LIST", asked["prefix"], asked.get("continuation-token", "")))
                self.answer(200, _listing(made.objects, asked))
            elif key not in made.objects:
                made.asked.append((self.command, key, ""))
                self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            else:
                made.asked.append((self.command, key, self.headers.get("Range", "")))
                self.part(made.objects[key])

        def part(self, content: bytes) -> None:
            spoken = self.headers.get("Range")
            if spoken is None:
                self.answer(200, content)
                return
            first, _, last = spoken.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, len(content) - int(last))
            end = min(int(last) + 1, len(content)) if first and last else len(content)
            told = f"bytes {start}-{end - 1}/{len(content)}"
            self.answer(206, content[start:end], told)

        def answer(self, status: int, body: bytes, content_range: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Mon, 02 Mar 2026 00:00:00 GMT")
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 # named by http.server

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    made = Bucket("s3://bucket/evidence", endpoint)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _listing(objects: dict[str, bytes], asked: dict[str, str]) -> bytes:
    """A page of what lies below a prefix: a short one, so that the next is asked for."""
    keys = sorted(key for key in objects if key.startswith(asked["prefix"]))
    start = int(asked.get("continuation-token", "0"))
    page, rest = keys[start : start + _PAGE], keys[start + _PAGE :]
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size><ETag>1</ETag>"
        "<LastModified>2026-03-02T00:00:00.000Z</LastModified></Contents>"
        for key in page
    )
    more = f"<NextContinuationToken>{start + _PAGE}</NextContinuationToken>" if rest else ""
    return (
        "<ListBucketResult><Name>bucket</Name>"
        f"<Prefix>{escape(asked['prefix'])}</Prefix><KeyCount>{len(page)}</KeyCount>"
        f"<MaxKeys>{_PAGE}</MaxKeys><IsTruncated>{str(bool(rest)).lower()}</IsTruncated>"
        f"{contents}{more}</ListBucketResult>"
    ).encode()
