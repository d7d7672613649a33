"""Where, among a backup's words, the end of what was said stands, sign by sign."""

from guardian_cluster.request.continuation.signs import Signs, places_of, signs_of, unique_end, weight_of
from guardian_cluster.request.continuation.units import Unit

SURE_WEIGHT = 14
"""Of signs that repeat the end of what was said by no chance, about three words."""
NEAR_END = 320
"""Characters, and signs, of as many units as are compared together."""
_LEAST_SIGNS = 3
"""Of an answer that has just begun, all of which are repeated."""


class Repetition:
    """Compares the units of a backup, one after another, with what was `said`."""

    def __init__(self, said: Signs, last_signs: int) -> None:
        """Begin with the signs of what was said, and how many of them its last two units have."""
        self._said = said.text
        self._last_signs = last_signs
        self._key = unique_end(said.text)
        self._heard = 0
        self._recent = ""  # the last signs of the units before, among which the key may begin
        self._run = ""  # signs of all units so far, as long as they repeat what was said
        self._places: list[int] = []  # where in what was said they may stand

    @property
    def is_under_way(self) -> bool:
        """Whether all units so far repeat, from their first sign on, what was said somewhere."""
        return bool(self._run)

    def is_sure(self) -> bool:
        """Whether they do so by no chance."""
        return weight_of(self._run) >= SURE_WEIGHT

    @property
    def reached(self) -> int:
        """The number of the sign, of what was said, that they have come to."""
        return self._places[0] + len(self._run) - 1

    def is_short(self, unit: Unit) -> bool:
        """Whether a first unit is too short to be compared alone, and stands somewhere in what was said."""
        if weight_of(unit.signs) >= SURE_WEIGHT or unit.end - unit.begin > NEAR_END:
            return False
        return unit.signs in self._said

    def end_in(self, unit: Unit) -> int | None:
        """Return the place in a unit's text after the sign that the said words end with; `None` where they do not."""
        if self._key is None:
            return None
        place = (self._recent + unit.signs).find(self._key)
        last = place + len(self._key) - len(self._recent) - 1
        if place < 0 or last < 0 or not self._goes_back(self._recent + unit.signs[: last + 1]):
            return None
        return _after(unit, last)

    def take(self, unit: Unit, *, begins: bool) -> int | None:
        """Note a unit in which `end_in` found nothing, the one that `begins` or a later one; return as it does.

        What all units so far repeat may be shorter than the key, and stand at more than one place until it diverges.
        """
        said, run = self._said, self._run
        if not run:
            self._places = places_of(unit.signs, said) if begins else []
        ended = [at for at in self._places if unit.signs.startswith(said[at + len(run) :])]
        length = len(run) + len(unit.signs)
        self._places = [
            at
            for at in self._places
            if at + length < len(said) and said.startswith(unit.signs, at + len(run))
        ]
        self._run = run + unit.signs if self._places else ""
        self._recent = (self._recent + unit.signs)[-NEAR_END:]
        self._heard += len(unit.signs)
        if len(ended) != 1 or self._places or weight_of(said[ended[0] :]) < SURE_WEIGHT:
            return None
        return _after(unit, len(said) - ended[0] - len(run) - 1)

    def whole_in(self, unit: Unit) -> int | None:
        """Do as `end_in` for all that was said, at the beginning of a first unit, where it is too little for a key."""
        is_whole = self._key is None and len(self._said) >= _LEAST_SIGNS and unit.signs.startswith(self._said)
        return _after(unit, len(self._said) - 1) if is_whole else None

    def _goes_back(self, signs: str) -> bool:
        """Whether signs that end with the key repeat what was said from their first on, or its last two units.

        Who starts again in other words may say of another thing, earlier, what was last said of this one.
        """
        said = self._said[-len(signs) :]
        pairs = zip(reversed(signs), reversed(said), strict=False)
        same = next((number for number, (mine, theirs) in enumerate(pairs) if mine != theirs), len(said))
        heard = self._heard + len(signs) - len(self._recent)
        return same >= min(heard, len(self._said), self._last_signs)


def _after(unit: Unit, sign: int) -> int:
    return signs_of(unit.text).start(sign) + 1
