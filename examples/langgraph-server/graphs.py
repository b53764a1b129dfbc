"""Graphs of the sample server. They need no model and no key, and behave as real ones do.

``agent`` answers, ``steps`` takes its time, ``failing`` raises, ``flaky`` raises a few times and then works,
``approval`` waits for human input, ``spender`` calls models that tell their token usage.
"""

import asyncio
import operator
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.config import get_config, get_store
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict  # typing's own has no published schema before Python 3.12

MODEL = "sample-model-1"


# --- agent: think, look at the clock if asked to, answer ----------------------------------------------------------


class Conversation(TypedDict):
    """State of ``agent``."""

    messages: Annotated[list[AnyMessage], add_messages]


class AgentContext(TypedDict, total=False):
    """What a caller may set in ``context``."""

    signature: str


def question_of(state: Conversation) -> str:
    """Return the text that the person wrote last, or nothing."""
    people = [message for message in state["messages"] if message.type == "human"]
    return str(people[-1].text) if people else ""


def ai_message(text: str, *, question: str, **more: Any) -> AIMessage:
    """Return an answer as a model gives it, with its token usage: a token a word here."""
    asked, answered = len(question.split()), len(text.split())
    usage = UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)
    return AIMessage(text, usage_metadata=usage, response_metadata={"model_name": MODEL}, **more)


async def think(state: Conversation) -> dict[str, Any]:
    """Decide whether the clock is needed."""
    question = question_of(state)
    if "time" not in question.lower():
        return {}
    call = {"name": "clock", "args": {}, "id": str(uuid4())}
    return {"messages": [ai_message("", question=question, tool_calls=[call])]}


def next_after_think(state: Conversation) -> str:
    """Route a tool call to the tool."""
    last = state["messages"][-1] if state["messages"] else None
    return "clock" if isinstance(last, AIMessage) and last.tool_calls else "answer"


async def clock(state: Conversation) -> dict[str, Any]:
    """The tool: the time in UTC."""
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {"messages": [ToolMessage(now, tool_call_id=str(last.tool_calls[0]["id"]))]}


async def answer(state: Conversation, runtime: Runtime[AgentContext]) -> dict[str, Any]:
    """Answer from the clock, or repeat what was asked."""
    question = question_of(state)
    last = state["messages"][-1] if state["messages"] else None
    text = f"It is {last.text}." if isinstance(last, ToolMessage) else f"You said: {question}"
    signature = (runtime.context or {}).get("signature", "")
    return {"messages": [ai_message(f"{text} {signature}".strip(), question=question)]}


def build_agent() -> Any:
    """START → think → (clock) → answer → END."""
    graph = StateGraph(Conversation, context_schema=AgentContext)
    graph.add_node("think", think)
    graph.add_node("clock", clock)
    graph.add_node("answer", answer)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", next_after_think, ["clock", "answer"])
    graph.add_edge("clock", "answer")
    graph.add_edge("answer", END)
    return graph.compile()


# --- steps: slow, and every execution is written down outside of the state ---------------------------------------


class Steps(TypedDict, total=False):
    """State of ``steps``: how many, how long each takes and the way to the next, which are done."""

    steps: int
    seconds: float
    routing: float
    done: Annotated[list[int], operator.add]


async def record(phase: str, step: int) -> None:
    """Note in the server's store that a step has started or finished; a cancelled run keeps the note.

    ``POST /store/items/search {"namespace_prefix": ["steps", THREAD_ID], "limit": 1000}`` tells them all.
    """
    store = get_store()
    thread_id = str(get_config()["configurable"]["thread_id"])
    await store.aput(("steps", thread_id), str(uuid4()), {"step": step, "phase": phase}, index=False)


async def step(state: Steps) -> dict[str, Any]:
    """One slow step."""
    number = len(state.get("done", [])) + 1
    await record("started", number)
    await asyncio.sleep(state.get("seconds", 1))
    await record("finished", number)
    return {"done": [number]}


async def next_step(state: Steps) -> str:
    """Once more until all are done."""
    await asyncio.sleep(state.get("routing", 0))
    return "step" if len(state.get("done", [])) < state.get("steps", 3) else END


def build_steps() -> Any:
    """START → step → step → … → END."""
    graph = StateGraph(Steps)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", next_step, ["step", END])
    return graph.compile()


# --- flaky: three steps, of which the second fails a few times ----------------------------------------------------


class Flaky(TypedDict, total=False):
    """State of ``flaky``: how often the second step raises, how often it then hangs, how long each step takes."""

    fail: int
    hang: int
    seconds: float
    done: Annotated[list[int], operator.add]


def flaky_step(number: int) -> Any:
    """Return the node; the second counts its executions in the store, where a failed run leaves them."""

    async def node(state: Flaky) -> dict[str, Any]:
        await record("started", number)
        if number == 2:
            notes = await get_store().asearch(("steps", str(get_config()["configurable"]["thread_id"])), limit=1000)
            tries = sum(note.value == {"step": 2, "phase": "started"} for note in notes)
            if tries <= state.get("fail", 0):
                raise ValueError("the model is overloaded")
            if tries <= state.get("fail", 0) + state.get("hang", 0):
                await asyncio.sleep(3600)
        await asyncio.sleep(state.get("seconds", 0))
        await record("finished", number)
        return {"done": [number]}

    return node


def build_flaky() -> Any:
    """START → one → two → three → END."""
    graph = StateGraph(Flaky)
    graph.add_sequence([(name, flaky_step(number)) for number, name in enumerate(("one", "two", "three"), start=1)])
    graph.add_edge(START, "one")
    return graph.compile()


# --- failing and approval ------------------------------------------------------------------------------------------


class Anything(TypedDict, total=False):
    """State of the small graphs."""

    request: str
    approved: bool


async def fail(state: Anything) -> dict[str, Any]:
    """Raise an error whose text must not show up anywhere else: it holds secrets, and the input."""
    raise ValueError(f"login with password=hunter2 and key sk-sample-0000 was refused, asked for {state}")


async def ask(state: Anything) -> dict[str, Any]:
    """Stop until a person says yes or no."""
    return {"approved": bool(interrupt({"question": "May I?", "request": state.get("request", "")}))}


def build_single(node: Any) -> Any:
    """START → node → END."""
    graph = StateGraph(Anything)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile()


# --- spender: one hidden call in a subgraph, then as many as asked for, which stream ------------------------------


class PlainModel(BaseChatModel):
    """A model that answers in one piece."""

    name_of_model: str
    usage: UsageMetadata | None
    text: str = "ok"

    @property
    def _llm_type(self) -> str:
        return "sample"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {**super()._get_ls_params(stop, **kwargs), "ls_model_name": self.name_of_model}

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        named = {"model_name": self.name_of_model}
        answer = AIMessage(self.text, usage_metadata=self.usage, response_metadata=named)
        return ChatResult(generations=[ChatGeneration(message=answer)])


class StreamingModel(PlainModel):
    """A model that answers word by word, and tells its usage at the end, as most do."""

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        named = {"model_name": self.name_of_model}
        for word in self.text.split():
            yield ChatGenerationChunk(message=AIMessageChunk(f"{word} "))
        yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata=named))
        yield ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=self.usage, chunk_position="last"))


class Spending(TypedDict, total=False):
    """State of ``spender``."""

    calls: int
    seconds: float
    characters: int
    fails: bool
    silent: bool
    messages: Annotated[list[AnyMessage], add_messages]
    made: Annotated[int, operator.add]


def usage_of(state: Spending, asked: int, answered: int) -> UsageMetadata | None:
    """Return the usage of one call; a model that streams may be set to tell none."""
    if state.get("silent"):
        return None
    return UsageMetadata(input_tokens=asked, output_tokens=answered, total_tokens=asked + answered)


async def plan(state: Spending) -> dict[str, Any]:
    """A call of 30 + 10 tokens that leaves nothing in the state."""
    text = "x" * state.get("characters", 10)
    await PlainModel(name_of_model="sample-model-2", usage=usage_of(state, 30, 10), text=text).ainvoke("plan")
    return {}


async def spend(state: Spending) -> dict[str, Any]:
    """A call of 100 + 20 tokens."""
    if state.get("made", 0):
        await asyncio.sleep(state.get("seconds", 0))
    model = StreamingModel(name_of_model=MODEL, usage=usage_of(state, 100, 20), text="I am done.")
    return {"messages": [await model.ainvoke("work")], "made": 1}


def next_spend(state: Spending) -> str:
    """Once more until all are made; then the end, of one kind or the other."""
    if state.get("made", 0) % max(state.get("calls", 1), 1):
        return "spend"
    return "fail" if state.get("fails") else END


def build_spender() -> Any:
    """START → planning (a subgraph) → spend → spend → … → END or fail."""
    planning = StateGraph(Spending)
    planning.add_node("plan", plan)
    planning.add_edge(START, "plan")
    planning.add_edge("plan", END)
    graph = StateGraph(Spending)
    graph.add_node("planning", planning.compile())
    graph.add_node("spend", spend)
    graph.add_node("fail", fail)
    graph.add_edge(START, "planning")
    graph.add_edge("planning", "spend")
    graph.add_conditional_edges("spend", next_spend, ["spend", "fail", END])
    return graph.compile()


agent = build_agent()
steps = build_steps()
failing = build_single(fail)
flaky = build_flaky()
approval = build_single(ask)
spender = build_spender()
