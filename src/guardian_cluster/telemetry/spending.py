"""Keeps what each key has cost, as far as the control process has told."""

from collections.abc import Callable, Sequence

from guardian_cluster.contract.records import Spend


class Spending:
    """The spending of each key in its latest month."""

    def __init__(self, on_earlier: Callable[[Sequence[Spend]], None] | None) -> None:
        self.by_key: dict[str, Spend] = {}
        self._on_earlier = on_earlier

    def note(self, news: Sequence[Spend], *, earlier: bool) -> None:
        """Take in what was told; `earlier` says that it was spent before this boot, and is passed on."""
        for spend in news:
            known = self.by_key.get(spend.key)
            if known is None or known.month <= spend.month:  # Reports from a spool may be of last month.
                self.by_key[spend.key] = spend
        if earlier and self._on_earlier is not None:
            self._on_earlier(news)
