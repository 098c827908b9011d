"""A LangGraph graph as an agent, in every protocol. `sluice agent examples/langgraph_agent/agent.py:agent`

Needs `pip install 'sluice-ai[langgraph]'`. Its model is one of LangChain's test models, so that it runs offline: put
any chat model of LangChain in its place. Sluice's own gateway is one: base URL http://localhost:8080/v1.
"""

from itertools import count

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from sluice import Agent

model = GenericFakeChatModel(messages=(AIMessage("Once upon a time a graph was told.") for _ in count()))


async def draft(state: MessagesState):
    get_stream_writer()({"stage": "drafting"})  # an event of one's own: `data`
    return {"messages": [await model.ainvoke(state["messages"])]}  # streams, token by token


async def publish(state: MessagesState):
    if interrupt("Shall I publish it?") != "yes":  # a person is asked: the run ends, and goes on with the answer
        return {"messages": [AIMessage("It stays a draft.")]}
    return {"messages": [AIMessage("It is published.")]}


builder = StateGraph(MessagesState)
builder.add_node("draft", draft)
builder.add_node("publish", publish)
builder.add_edge(START, "draft")
builder.add_edge("draft", "publish")
builder.add_edge("publish", END)

agent = Agent.from_langgraph(builder.compile(checkpointer=InMemorySaver(), name="author"))
