"""The projections by name: what `?protocol=` takes. A new protocol is one file here and one row."""

from collections.abc import Callable, Mapping

from sluice.errors import BadRequest
from sluice.runs.projection import Projection
from sluice.runs.projections.a2a import A2a
from sluice.runs.projections.a2a_03 import A2a03
from sluice.runs.projections.a2a_sage import A2aSage
from sluice.runs.projections.ag_ui import AgUi
from sluice.runs.projections.ai_sdk import AiSdk
from sluice.runs.projections.flutch import Flutch, FlutchSdk
from sluice.runs.projections.flutch_widget import FlutchWidget
from sluice.runs.projections.langgraph import LangGraph
from sluice.runs.projections.native import Native
from sluice.runs.projections.openai_chat import OpenAiChat
from sluice.runs.projections.responses import Responses
from sluice.runs.projections.text import PlainText

PROJECTIONS: Mapping[str, Callable[[], Projection]] = {
    Native.name: Native,
    A2a.name: A2a,
    A2a03.name: A2a03,
    A2aSage.name: A2aSage,
    OpenAiChat.name: OpenAiChat,
    Responses.name: Responses,
    AiSdk.name: AiSdk,
    AgUi.name: AgUi,
    PlainText.name: PlainText,
    Flutch.name: Flutch,
    FlutchSdk.name: FlutchSdk,
    FlutchWidget.name: FlutchWidget,
    LangGraph.name: LangGraph,
}


def projection(name: str) -> Projection:
    """Return a new projection.

    Raises:
        BadRequest: there is no such protocol.
    """
    made = PROJECTIONS.get(name)
    if made is None:
        raise BadRequest(f"{name!r} is no protocol; there are {', '.join(PROJECTIONS)}", param="protocol")
    return made()
