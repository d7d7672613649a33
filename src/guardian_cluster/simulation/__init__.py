"""A world to rehearse in: scripted OpenAI-compatible model servers with faults, on real sockets."""

from guardian_cluster.simulation.answer import Answer, ToolCall, Usage
from guardian_cluster.simulation.answer_faults import Empty, FalseUsage, Giant, Repeats
from guardian_cluster.simulation.catalogue import NAMED_FAULTS, UNRESOLVED_URL
from guardian_cluster.simulation.connection_faults import (
    BreakOff,
    Drip,
    GarbleHandshake,
    Hang,
    Raw,
    Refuse,
    Reset,
    Slow,
    StaleConnection,
    Stall,
)
from guardian_cluster.simulation.continuing import Continues, drawn_manner
from guardian_cluster.simulation.fault import BodyPlace, Fault, Place
from guardian_cluster.simulation.legal_oddities import Comments, EventForm, Interim
from guardian_cluster.simulation.long_answers import LongAnswer, long_answers, verdict_of
from guardian_cluster.simulation.model import embedding_of
from guardian_cluster.simulation.pace import Pace
from guardian_cluster.simulation.reply_faults import (
    CleanCut,
    Malformed,
    NoDone,
    NoFinish,
    SoftError,
    Status,
    StreamError,
    TruncatedText,
    WrongContentType,
)
from guardian_cluster.simulation.request import ModelRequest
from guardian_cluster.simulation.schedule import Schedule, after, always, first, flapping, in_turn, sometimes
from guardian_cluster.simulation.script import Echoes, InTurn, Obliges, Recites, Says, Script
from guardian_cluster.simulation.server import ModelServer
from guardian_cluster.simulation.world import Change, Inhabitant, World

__all__ = [
    "NAMED_FAULTS",
    "UNRESOLVED_URL",
    "Answer",
    "BodyPlace",
    "BreakOff",
    "Change",
    "CleanCut",
    "Comments",
    "Continues",
    "Drip",
    "Echoes",
    "Empty",
    "EventForm",
    "FalseUsage",
    "Fault",
    "GarbleHandshake",
    "Giant",
    "Hang",
    "InTurn",
    "Inhabitant",
    "Interim",
    "LongAnswer",
    "Malformed",
    "ModelRequest",
    "ModelServer",
    "NoDone",
    "NoFinish",
    "Obliges",
    "Pace",
    "Place",
    "Raw",
    "Recites",
    "Refuse",
    "Repeats",
    "Reset",
    "Says",
    "Schedule",
    "Script",
    "Slow",
    "SoftError",
    "StaleConnection",
    "Stall",
    "Status",
    "StreamError",
    "ToolCall",
    "TruncatedText",
    "Usage",
    "World",
    "WrongContentType",
    "after",
    "always",
    "drawn_manner",
    "embedding_of",
    "first",
    "flapping",
    "in_turn",
    "long_answers",
    "sometimes",
    "verdict_of",
]
