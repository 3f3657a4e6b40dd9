"""How often one of many that wait may search, so that they share the quota; knows nothing of orders."""


class Crowd:
    """All that wait for an outcome by searches of one client: the more, the more seldom each may search."""

    def __init__(self, quota: tuple[int, float] | None) -> None:
        """Set up; *quota* is how many searches are allowed in how many seconds, `None` for any number."""
        self._for_one = 0.0 if quota is None else 2 * quota[1] / quota[0]
        self._count = 0

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1

    @property
    def share(self) -> float:
        """Seconds between two searches of each, with which all of them take half of the quota."""
        return self._count * self._for_one
