"""A request of any dialect, for a provider of chat completions: OpenAI, Azure, vLLM and every compatible vendor."""

import hashlib
from collections.abc import Mapping

from sluice.chat import carry
from sluice.chat.conversation import Conversation, OutputFormat, Thinking, Tool, ToolChoice, effort_of
from sluice.dialects.openai_chat.facts import FACTS
from sluice.dialects.openai_chat.messages_write import Writer, cache_control
from sluice.dialects.openai_chat.models import bounds_completion, is_openai, least_effort, takes_cache_marks
from sluice.dialects.writing import to_json
from sluice.errors import BadRequest

MAX_STOPS = 4
"""Stop sequences that OpenAI takes; other vendors of the API take more."""
_MAX_USER = 64
"""Characters of `user` that OpenAI accepts; Claude Code's ids are longer."""

_Json = dict[str, object]


def write(conversation: Conversation, *, model: str, stream: bool, ask_usage: bool) -> bytes:
    """Write the request. What was not asked is not said.

    Raises:
        BadRequest: something of it cannot be said in this dialect.
    """
    asked = carry.fit(conversation, FACTS.carries, FACTS.title)
    if len(asked.stop) > MAX_STOPS and is_openai(model):
        word = asked.words.get("stop", "stop")
        raise BadRequest(f"'{word}' holds more than {MAX_STOPS} sequences, which OpenAI does not take.", param=word)
    body: _Json = {"model": model, "messages": Writer(model).write(asked.messages)}
    body |= _tools(asked, model) | _sampling(asked, model) | _thinking(asked.thinking, model)
    if asked.output is not None:
        body["response_format"] = _output(asked.output)
    if asked.verbosity:
        body["verbosity"] = asked.verbosity
    if asked.user:
        body["user"] = _short_user(asked.user)
    if asked.cache is not None and takes_cache_marks(model):
        body["cache_control"] = cache_control(asked.cache)
    if stream:
        body["stream"] = True
        if ask_usage:
            body["stream_options"] = {"include_usage": True}
    return to_json(body)


def _sampling(asked: Conversation, model: str) -> _Json:
    """The numbers. 0 is sent, unset is not."""
    numbers: Mapping[str, object] = {
        "max_completion_tokens" if bounds_completion(model) else "max_tokens": asked.max_tokens,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": None if is_openai(model) else asked.top_k,
        "stop": list(asked.stop) or None,
        "seed": asked.seed,
        "frequency_penalty": asked.frequency_penalty,
        "presence_penalty": asked.presence_penalty,
        "logit_bias": {token: _whole(bias) for token, bias in asked.logit_bias.items()} or None,
        "logprobs": asked.logprobs or None,
        "top_logprobs": asked.top_logprobs,
        "n": asked.choices if asked.choices != 1 else None,
    }
    return {name: value for name, value in numbers.items() if value is not None}


def _whole(bias: float) -> float:
    """OpenAI takes integers only."""
    return int(bias) if bias.is_integer() else bias


def _thinking(thinking: Thinking | None, model: str) -> _Json:
    """The word for how much to reason. A wish for none becomes the least that the model is known to take: the others
    refuse `none`, and clients of other APIs say it to models that cannot reason, too."""
    effort: str | None = None if thinking is None else effort_of(thinking)
    if effort == "none":
        effort = least_effort(model)
    return {"reasoning_effort": effort} if effort else {}


def _tools(asked: Conversation, model: str) -> _Json:
    """The tools, and what only makes sense beside them: without tools OpenAI refuses a choice of them."""
    if not asked.tools:
        return {}
    body: _Json = {"tools": [_tool(tool, model) for tool in asked.tools]}
    if asked.tool_choice is not None:
        body["tool_choice"] = _choice(asked.tool_choice)
    if asked.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = asked.parallel_tool_calls
    return body


def _tool(tool: Tool, model: str) -> _Json:
    function: _Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    marked = tool.cache is not None and takes_cache_marks(model)
    mark = {"cache_control": cache_control(tool.cache)} if marked and tool.cache is not None else {}
    return {"type": "function", "function": function, **mark}


def _choice(choice: ToolChoice) -> object:
    return {"type": "function", "function": {"name": choice.name}} if choice.mode == "named" else choice.mode


def _output(output: OutputFormat) -> _Json:
    if output.schema is None:
        return {"type": "json_object"}
    schema: _Json = {"name": output.name or "answer", "schema": output.schema}
    if output.description:
        schema["description"] = output.description
    if output.strict is not None:
        schema["strict"] = output.strict
    return {"type": "json_schema", "json_schema": schema}


def _short_user(user: str) -> str:
    return user if len(user) <= _MAX_USER else hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
