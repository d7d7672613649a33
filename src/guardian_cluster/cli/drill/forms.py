"""The forms in which a drill asks: whole, streamed, with a tool, for JSON; and what each is to get."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.simulation.observation import Expected

QUESTION = "How do I descale a kettle?"

TEXT = (
    "Fill the kettle halfway with equal parts of water and white vinegar. Bring it to the boil, wait for twenty "
    "minutes, then pour everything out and rinse it twice with fresh water before you use it again."
)

_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look something up.",
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
    },
}


@dataclass(frozen=True, slots=True)
class Form:
    """One way to ask."""

    name: str
    streamed: bool
    fields: Mapping[str, Any]
    expected: Expected

    def body(self, model: str, number: int) -> dict[str, Any]:
        """Return the body of a request; each begins differently, as those of different users do."""
        streaming = {"stream": True, "stream_options": {"include_usage": True}} if self.streamed else {}
        messages = [{"role": "user", "content": f"Case {number}: {QUESTION}"}]
        return {"model": model, "messages": messages, **streaming, **self.fields}

    @property
    def needs_tools(self) -> bool:
        """Whether only a model with tools can answer."""
        return "tools" in self.fields

    @property
    def needs_json(self) -> bool:
        """Whether only a model with a JSON mode can answer."""
        return "response_format" in self.fields


_PLAIN = Expected(texts=(TEXT,))

FORMS = (
    Form("stream", True, {}, _PLAIN),
    Form("whole", False, {}, _PLAIN),
    Form("tool", True, {"tools": [_TOOL]}, Expected(tool="look_up")),
    Form("json", False, {"response_format": {"type": "json_object"}}, Expected(texts=('{"answer": "yes"}',))),
)


def forms_for(specialist: Specialist) -> list[Form]:
    """Return the forms that the specialist can answer."""
    able = specialist.capabilities
    return [
        form for form in FORMS if (able.tools or not form.needs_tools) and (able.json or not form.needs_json)
    ]
