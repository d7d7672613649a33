"""What goes wrong with answers that come: their form, refusals, quality, documents, a new variant, cost.

In a record these are verdicts, scores, tokens and, minutes later, what callers say; many say nothing.
"""

from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.observation import Slice
from guardian_cluster.simulation.traffic.draft import Draft
from guardian_cluster.simulation.traffic.faults.fault import Case, Fault
from guardian_cluster.simulation.traffic.question import Question
from guardian_cluster.simulation.traffic.truth import SHARES


class WrongForm(Fault):
    """JSON that is asked for comes with words around it, or breaks its schema; whole answers are asked for again."""

    cause = "wrong_format"
    manner = "not-the-form"

    def draw(self, case: Case) -> None:
        """No JSON, or not of the schema; where many do not want JSON, nearly all that do are struck."""
        self.rule = case.rng.choice(("format-json", "format-schema"))
        self.share = min(1.0, self.share * 1.25)

    def shows(self, question: Question) -> bool:
        """Return whether JSON is wanted."""
        return question.wants_json

    def bend(self, draft: Draft, question: Question) -> None:
        """Break the form; it shows where JSON is wanted."""
        draft.malformed = self.rule
        draft.kind = self.kind if question.wants_json else draft.kind


class NoAnswer(Fault):
    """Answers without a word, which are asked for again while that is possible."""

    cause = "wrong_format"
    manner = "empty"

    def bend(self, draft: Draft, question: Question) -> None:
        """Say nothing."""
        draft.output_tokens = 0


class Refuses(Fault):
    """The model declines: short answers that begin like a refusal, and callers who are not pleased."""

    cause = "refusal_spike"
    manner = "declines"

    def bend(self, draft: Draft, question: Question) -> None:
        """Decline in a sentence."""
        draft.refuses = True
        draft.output_tokens = self.rng.randint(12, 60)
        draft.kind = self.kind


class Filtered(Fault):
    """The provider's own filter ends answers: finish reason `content_filter`, and most begin like a refusal."""

    cause = "refusal_spike"
    manner = "provider-filter"

    def bend(self, draft: Draft, question: Question) -> None:
        """End it at once."""
        draft.refuses = self.rng.random() < 0.8
        draft.disliked = True
        draft.finish_reason = "content_filter"
        draft.output_tokens = self.rng.randint(1, 30)
        draft.kind = self.kind


class WorseAnswers(Fault):
    """Answers are plainly worse, and nothing shows it but what callers say."""

    cause = "quality_drop"
    manner = "silently"

    def bend(self, draft: Draft, question: Question) -> None:
        """Displease."""
        draft.disliked = True


class Degenerates(Fault):
    """The model falls into repetition in half of its bad answers, as a badly quantised one does."""

    cause = "quality_drop"
    manner = "repeats-itself"

    def bend(self, draft: Draft, question: Question) -> None:
        """Displease, in half of the cases by repeating itself."""
        draft.disliked = True
        if self.rng.random() < 0.5:
            draft.loops = True
            draft.output_tokens = int(draft.output_tokens * self.rng.uniform(1.2, 2.0))
            draft.kind = self.kind


class _Documents(Fault):
    cause = "stale_context"
    grounds = 0.0
    """By which the score of answers without ground rises, of the way to 1."""
    change_share = 0.5

    def shows(self, question: Question) -> bool:
        """Return whether the answer is made from documents."""
        return question.retrieves

    def bend(self, draft: Draft, question: Question) -> None:
        """Lead astray an answer that is made from documents; others are as usual."""
        if not question.retrieves:
            return
        score = draft.scores["ungrounded"]
        draft.scores["ungrounded"] = score + (1.0 - score) * self.rng.uniform(0.6, 1.4) * self.grounds
        draft.disliked |= self.rng.random() < 0.8

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Documents were changed, in as many cases as are known of."""
        if self.rng.random() > self.change_share:
            return ()
        return (self.change("documents", "documents.handbook", after_s=-self.rng.uniform(5.0, 120.0)),)


class WrongDocuments(_Documents):
    """The search brings documents of something else: answers have no ground in them."""

    manner = "beside-the-point"
    grounds = 0.65


class StaleDocuments(_Documents):
    """The documents are of last year: callers say so, and answers stray from them somewhat."""

    manner = "out-of-date"
    grounds = 0.35


class PoisonedDocuments(_Documents):
    """Somebody has put instructions into documents: they speak to the model, which follows them."""

    manner = "poisoned"
    grounds = 0.5
    change_share = 0.8

    def bend(self, draft: Draft, question: Question) -> None:
        """Lead astray, and be noticed by the detector of such documents in most cases."""
        super().bend(draft, question)
        if question.retrieves:
            draft.scores["injection"] = self.rng.betavariate(6.0, 2.0)
            draft.kind = self.kind


class _Regression(Fault):
    cause = "variant_regression"

    def draw(self, case: Case) -> None:
        """Draw the new one, and in which respects it does worse."""
        rng = case.rng
        self.new = f"{rng.getrandbits(48):012x}"
        self.old = next(iter(case.staff.variants))
        self.respects = rng.choice(
            (("dislike",), ("dislike", "form"), ("dislike", "refusal"), ("dislike", "long"))
        )

    @property
    def fixed(self) -> Slice:
        """The new variant."""
        return (("variant", self.new),)

    def bend(self, draft: Draft, question: Question) -> None:
        """Displease, and show it in the other respect in half of the cases."""
        draft.disliked = True
        if self.rng.random() < 0.5:
            if "form" in self.respects:
                draft.malformed = "format-json"
            if "refusal" in self.respects:
                draft.refuses = True
            if "long" in self.respects:
                draft.output_tokens *= 2
            draft.kind = self.kind

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Its deployment, which is recorded with the words that differ."""
        subject = f"specialists.{self.staff.name}.instructions"
        before, after = '"Answer in the style of the house."', '"Answer briefly. Do not explain."'
        return (self.change("variant", subject, before=before, after=after),)


class Deployed(_Regression):
    """New instructions for all requests; they do worse with all of them, or with those of one kind."""

    manner = "deployed"

    @property
    def roster(self) -> dict[str, float]:
        """All requests go to the new one."""
        return {self.new: 1.0}


class Trial(_Regression):
    """New instructions for half of the requests."""

    manner = "trial"
    scopes = ("one", "two", "three")

    @property
    def roster(self) -> dict[str, float]:
        """Half of the requests go to the new one."""
        return {self.old: 0.5, self.new: 0.5}


class CallersPrompt(_Regression):
    """A caller has changed the instructions that it sends; no change of ours goes with it, but a new template."""

    manner = "callers-prompt"
    scopes = ("one", "two", "three")

    def draw(self, case: Case) -> None:
        """One of the templates that are used most is replaced for all who use it."""
        super().draw(case)
        used: dict[str, float] = {}
        for tenant in case.people.tenants:
            for template in tenant.templates:
                used[template] = used.get(template, 0.0) + tenant.weight / len(tenant.templates)
        self.old = case.rng.choice(sorted(used, key=used.__getitem__)[-6:])

    @property
    def fixed(self) -> Slice:
        """The new template."""
        return (("template", self.new),)

    def ask(self, question: Question) -> None:
        """Send the new instructions in the old ones' place."""
        if question.values["template"] == self.old:
            question.values["template"] = self.new

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Nothing that a gateway knows of."""
        return ()


class _Cost(Fault):
    cause = "cost_blowup"

    def draw(self, case: Case) -> None:
        """Strike most of the slice, by a factor."""
        self.share = 0.5 + 0.5 * SHARES[case.magnitude]
        self.factor = 1.0 + 0.8 * (self.factor - 1.0)


class Verbose(_Cost):
    """Answers become several times as long, and take as much longer."""

    manner = "long-answers"

    def bend(self, draft: Draft, question: Question) -> None:
        """Go on and on."""
        draft.output_tokens = int(draft.output_tokens * self.factor)


class Reasons(_Cost):
    """The model thinks before it answers: tokens that are paid for and not seen, and a later beginning."""

    manner = "hidden-reasoning"

    def bend(self, draft: Draft, question: Question) -> None:
        """Think first; hidden tokens come three times as fast as those that are sent."""
        more = int(draft.output_tokens * (self.factor - 1.0))
        draft.output_tokens += more
        draft.first_ms += more * draft.token_ms / 3.0
        draft.token_ms *= (draft.output_tokens - more) / draft.output_tokens


class GrownContext(_Cost):
    """What is sent along grows: histories or documents that nobody shortens any more."""

    manner = "long-questions"

    def bend(self, draft: Draft, question: Question) -> None:
        """Read much more: by so much that it costs as if the answer had grown."""
        paid = draft.input_tokens * self.staff.input_usd + draft.output_tokens * self.staff.output_usd
        draft.input_tokens += int((self.factor - 1.0) * paid / self.staff.input_usd)


ANSWERS: tuple[type[Fault], ...] = (
    WrongForm,
    NoAnswer,
    Refuses,
    Filtered,
    WorseAnswers,
    Degenerates,
    WrongDocuments,
    StaleDocuments,
    PoisonedDocuments,
    Deployed,
    Trial,
    CallersPrompt,
    Verbose,
    Reasons,
    GrownContext,
)
