"""Where the parser stands, and what it has to remember about the current pair of parentheses."""

from collections.abc import Sequence

from guardian_cluster.specialists.builtin.solver.reading.pieces import Piece
from guardian_cluster.specialists.builtin.solver.refusal import Refusal

MAX_DEPTH = 30
"""Of parentheses, signs and powers inside one another; also bounds the recursion of the parser."""


class Cursor:
    """A position in the pieces and what is known about the current pair of parentheses."""

    __slots__ = ("depth", "exponent_end", "has_open_division", "has_open_share", "pieces", "position")

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.position = 0
        self.depth = 0
        self.exponent_end = -1
        self.has_open_division = False
        self.has_open_share = False

    def next_text(self) -> str:
        """Return the next operator, or nothing where an operand or the end comes next."""
        if self.position < len(self.pieces):
            piece = self.pieces[self.position]
            if piece.role == "O" or piece.role == "K":
                return piece.text
        return ""

    def next_role(self) -> str:
        """Return the role of the next piece, or nothing at the end."""
        return self.pieces[self.position].role if self.position < len(self.pieces) else ""

    def accept(self, text: str) -> bool:
        """Step over an operator if it comes next."""
        if self.next_text() == text:
            self.position += 1
            return True
        return False

    def touches_previous(self) -> bool:
        """Tell whether the next piece follows the last one without a space."""
        return self.pieces[self.position - 1].end == self.pieces[self.position].start

    def deeper(self) -> None:
        """Count one more level; raise `Refusal` when there are too many."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Refusal(f"the expression is nested more than {MAX_DEPTH} deep")

    def is_frame_end(self) -> bool:
        """Tell whether the innermost parentheses, or the expression, end here."""
        return self.position == len(self.pieces) or self.next_text() in (")", ",", "|")

    def check_scope(self, operator: str) -> None:
        """Refuse an operator (none for an implicit product) that leaves the reach of "/" or "of" open."""
        if not operator or operator in ("of", "% of"):
            if self.has_open_division:
                raise Refusal(
                    "after a division, such as in 1/2x, it is unclear what is divided; use parentheses"
                )
            self.has_open_share = self.has_open_share or bool(operator)
        elif operator in "+-":
            if self.has_open_share:
                raise Refusal(
                    f"it is unclear whether what follows '{operator}' belongs to 'of'; use parentheses"
                )
            self.has_open_division = False
        else:
            self.has_open_division = operator == "/"
            if operator == "/" and self.position - 1 == self.exponent_end:
                self._check_exponent(self.pieces[self.position - 2].text)

    def _check_exponent(self, text: str) -> None:
        # Nobody raises to the power one: 9^1/2 means the square root at least as often as 9/2.
        if text == "1":
            raise Refusal("an exponent such as in 9^1/2 needs parentheses: 9^(1/2)")
