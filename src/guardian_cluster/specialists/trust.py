"""By which authorities a server's certificate is accepted: the system's, or the one of a file."""

import asyncio
import os
import ssl


class Trust:
    """The TLS contexts of a transport, each made once, and in a thread: reading authorities takes milliseconds."""

    def __init__(self, given: ssl.SSLContext | None = None) -> None:
        """Take the context that holds where a call names no file; `None` is one of the system's authorities."""
        self._given = given
        self._by_file: dict[str, tuple[int, ssl.SSLContext]] = {}
        self._making = asyncio.Lock()

    async def context(self, ca_file: str | None) -> ssl.SSLContext:
        """Return the context to verify a server with; one of a file is made anew when the file has changed.

        Raises:
            OSError, ssl.SSLError: the file cannot be read, or holds no authority.
        """
        if ca_file is None:
            return self._given or await self._of_system()
        changed_ns = os.stat(ca_file).st_mtime_ns
        known = self._by_file.get(ca_file)
        if known is None or known[0] != changed_ns:
            # With a file named, the system's own authorities are not loaded.
            made = await asyncio.to_thread(ssl.create_default_context, cafile=ca_file)
            known = self._by_file[ca_file] = changed_ns, made
        return known[1]

    async def _of_system(self) -> ssl.SSLContext:
        async with self._making:
            if self._given is None:
                self._given = await asyncio.to_thread(ssl.create_default_context)
        return self._given
