"""What the router has learned, decoded: of questions before they are answered, and of answers after it."""

import msgspec

from guardian_cluster.contract.router_model import RouterModel
from guardian_cluster.request.checks.answer_model import answer_model
from guardian_cluster.statistics.calibration import OutcomeModel
from guardian_cluster.statistics.success_model import SuccessModel


class Learned(msgspec.Struct, frozen=True):
    """Both models; `None` where nothing is learned yet."""

    before: SuccessModel | None = None
    after: OutcomeModel | None = None

    @classmethod
    def of(cls, model: RouterModel) -> "Learned":
        """Return what a file holds, ready to be asked; takes 4 ms for each specialist.

        Raises ValueError where its parts are no models.
        """
        before = SuccessModel.decode(model.before) if model.before else None
        if before is not None:
            before.prepare()
        return cls(before, answer_model(model.after) if model.after else None)
