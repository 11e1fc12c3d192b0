"""Make chunks: in memory, in files where the input's storage says so, and again from the files of an earlier run."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.service import Service
from lab_helpers.router.engine.instances import InputInstance
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk, chunk_from_file
from lab_helpers.router.records.storage import ChunkFile, left_over


class ChunkMaker:
    """Where chunks come from; a file that cannot be written costs the chunk its file, not its records."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._log = ComponentLog(service.sink)

    def new(self, tag: str, instance: InputInstance) -> Chunk:
        """Return an empty chunk for records of this tag."""
        chunk = Chunk(tag, instance.name, self._service.escape_unicode)
        if instance.in_files:
            path = os.path.join(self._service.storage_path, instance.name, chunk.name)
            chunk.file = ChunkFile(path, sync=self._service.storage_sync.lower() == "full")
            try:
                chunk.file.begin(tag)
            except OSError as exc:
                self._log.error(f"[input chunk] could not create chunk file: {instance.name}:{chunk.name}: {exc}")
                chunk.file = None
        return chunk

    def add(self, chunk: Chunk, batch: Batch) -> int:
        """Add a batch to the chunk; return the bytes it takes."""
        try:
            return chunk.add(batch)
        except OSError as exc:  # the disk is full: memory is better than nothing
            self._log.error(f"[input chunk] error writing data from {chunk.input_name} instance: {exc}")
            chunk.file = None
            return chunk.add(batch)

    def left_over(self, input_name: str, log: ComponentLog) -> Iterator[Chunk]:
        """Yield the chunks of an earlier run, oldest first; empty ones are deleted, odd ones told and left alone."""
        for path in left_over(self._service.storage_path):
            shown = os.path.join(os.path.basename(os.path.dirname(path)), os.path.basename(path))
            try:
                if not os.path.getsize(path):
                    self._log.error(
                        f"[storage backlog] could not retrieve chunk tag from {shown}, removing it from the queue"
                    )
                    ChunkFile(path).delete()
                    continue
                chunk = chunk_from_file(ChunkFile(path), input_name, self._service.escape_unicode)
            except (OSError, ValueError):
                self._discard(path, shown)
                continue
            if chunk.count:
                log.info(f"register {shown}")
                log.info(f"queueing {shown.replace('/', ':')}")
                yield chunk
            else:
                ChunkFile(path).delete()

    def _discard(self, path: str, shown: str) -> None:
        """Tell of a file that is no chunk; delete it where storage.delete_irrecoverable_chunks says so."""
        self._log.error(f"[storage] format check failed: {shown}")
        if self._service.storage_delete_irrecoverable:
            self._log.error("[storage] [cio scan] discarding irrecoverable chunk")
            ChunkFile(path).delete()
