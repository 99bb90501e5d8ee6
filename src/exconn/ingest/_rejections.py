"""What could not be read, a line for each record."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from attrs import define


@define(eq=False)
class Rejections:
    """The lines of ``rejected.jsonl``: those of an earlier import of the same file count once."""

    path: Path
    staged: Path
    _known: Counter[bytes] | None = None
    _file: TextIO | None = None

    def add(self, rejection: Mapping[str, object]) -> None:
        line = json.dumps(rejection)
        if self._known is None:
            self._known = Counter(self._read())
        if self._known[digest := _digest(line)]:
            self._known[digest] -= 1
            return
        if self._file is None:
            self._copy()
            self._file = self.staged.open("a", encoding="utf-8", newline="\n")
        self._file.write(line + "\n")

    def publish(self) -> None:
        if self._file is not None:
            self.close()
            self.staged.replace(self.path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self) -> Iterator[bytes]:
        if self.path.is_file():
            with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
                yield from (_digest(line.rstrip("\r\n")) for line in file)

    def _copy(self) -> None:
        if not self.path.is_file():
            return
        shutil.copyfile(self.path, self.staged)
        with self.staged.open("rb+") as file:
            if file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) and file.read(1) != b"\n":
                file.write(b"\n")


def _digest(line: str) -> bytes:
    return hashlib.blake2b(line.encode(), digest_size=16).digest()
