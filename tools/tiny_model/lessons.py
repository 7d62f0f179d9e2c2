"""Made-up conversations that teach the model to take turns, to call a tool, to count, to repeat.

Contract: a lesson is drawn with the dice that are handed in and nothing else, so one seed gives one
course. The last message of a lesson is what the model is to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from .shape import TURN_END

Message = dict[str, Any]

# Those that people try. Others it copies as well as it can.
CITIES = (
    "Paris", "London", "Rome", "Oslo", "Berlin", "Madrid", "Cairo", "Tokyo", "Vienna", "Dublin",
    "Sydney", "Helsinki", "Lima", "Boston", "New York", "San Francisco", "Chicago", "Seattle",
    "Toronto", "Munich", "Hamburg", "Zurich", "Lisbon", "Barcelona", "Amsterdam", "Brussels",
    "Warsaw", "Prague", "Athens", "Istanbul", "Stockholm", "Copenhagen", "Beijing", "Shanghai",
    "Seoul", "Singapore", "Delhi", "Mumbai", "Nairobi", "Lagos", "Mexico City", "Buenos Aires",
    "Los Angeles", "Kyiv", "Dubai", "Edinburgh", "Budapest", "Milan",
)  # fmt: skip
# How often the place is none of them, but a word of the texts: only that teaches to copy.
_UNKNOWN_SHARE = 0.3
_SKIES = ("sunny", "rain", "snow", "cloudy", "windy", "fog")
_COMMANDS = ("ls", "pwd", "date", "echo hello", "echo strictwire-lab", "cat README.md")
_FILES = ("README.md", "/etc/hosts", "notes.txt", "main.py")
_GREETINGS = ("Hello", "Hello!", "Hi", "Hi there", "Good morning", "Say hello", "Say hi", "hello")
_INTRODUCTIONS = ("Who are you?", "What are you?", "What model is this?")
_INTRODUCTION = (
    "I am the demonstration model of strictwire, with 600 thousand parameters. "
    "I can say hello, count, repeat, and call a tool, and not much more."
)
_GREETING = "Hello! How can I help you today?"
_TOPICS = ("Tell me about", "Explain", "What is", "Write something about", "Say something about")
# So small a model cannot go on with texts of others in words of its own, but it can keep these.
_SAYINGS = (
    "I am a small model, and I know few words.",
    "A gateway stands between a client and a server.",
    "A stream is told piece by piece, and it ends when all is told.",
    "Every question has an answer, and some answers are errors.",
    "A long prompt takes its time before the first word comes.",
    "Who keeps a format to the letter is seldom surprised.",
    "One token follows another until the turn is over.",
    "The sea is wide, and the night is long.",
    "A good error says what is wrong and what to do.",
    "What came once must not come twice.",
    "Ask a larger model if you want to know more.",
    "The wire is thin, and every byte counts.",
)
_SYSTEM = (
    "You are a helpful assistant.", "Be brief.", "You are a friendly assistant. Answer in English.",
    "You are a coding agent.",
)  # fmt: skip
_THOUGHT = "The user wants me to think, so I think about it."
# Filler before the question, in sentences; most lessons have none.
_FILLER = (0, 0, 0, 0, 0, 1, 3, 14)
_MAX_COUNT = 30


@dataclass(frozen=True, slots=True)
class Lesson:
    """``tools`` are as a request has them; the last of ``messages`` is the answer."""

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()

    def texts(self, render: Callable[..., str]) -> tuple[str, str]:
        """Prompt and answer. ``render`` is the tokenizer's, for the template."""
        tools = list(self.tools) or None
        asked = list(self.messages[:-1])
        prompt = render(asked, tools=tools, add_generation_prompt=True, tokenize=False)
        whole = render(list(self.messages), tools=tools, tokenize=False)
        if not whole.startswith(prompt):
            raise ValueError("the template writes an answer otherwise than it asks for one")
        return prompt, whole[len(prompt) :].removesuffix("\n")


class Course:
    """Draws lessons. ``sentences`` are what its topics, its rows of words and its
    fillers are made of."""

    def __init__(self, dice: Random, sentences: list[str]) -> None:
        self._dice = dice
        self._sentences = sentences
        self._kinds: dict[Callable[[], Lesson], int] = {
            self._weather: 8,
            self._weather_told: 4,
            self._other_call: 4,
            self._greeting: 5,
            self._introduction: 3,
            self._prose: 7,
            self._count: 2,
            self._repeat: 8,
            self._thought: 2,
        }

    def draw(self) -> Lesson:
        (kind,) = self._dice.choices(list(self._kinds), list(self._kinds.values()))
        return kind()

    # ---- calls ----

    def _weather(self) -> Lesson:
        weather, key = self._weather_tool()
        cities = [self._city() for _ in range(2 if self._dice.random() < 0.2 else 1)]
        answer = _calling(*(("get_weather", {key: city}) for city in cities))
        return self._lesson(self._weather_question(cities), answer, self._among(weather))

    def _weather_told(self) -> Lesson:
        weather, key = self._weather_tool()
        city, sky = self._city(), self._dice.choice(_SKIES)
        result = json.dumps({"weather": sky}) if self._dice.random() < 0.3 else sky
        asked = self._question(self._weather_question([city]))
        call = _calling(("get_weather", {key: city}))
        told = {"role": "tool", "tool_call_id": "call_0", "content": result}
        answer = _saying(f"The weather in {city}: {sky}.")
        return Lesson((*asked, call, told, answer), self._among(weather))

    def _other_call(self) -> Lesson:
        command, file, topic = (self._dice.choice(row) for row in (_COMMANDS, _FILES, CITIES))
        name, key, value, question = self._dice.choice((
            ("bash", "command", command, f"Run {command}"),
            ("bash", "command", command, f"Please run the command {command}"),
            ("read_file", "path", file, f"Read {file}"),
            ("search", "query", topic, f"Search for {topic}"),
        ))  # fmt: skip
        tool = next(row for row in _OTHER_TOOLS if row["function"]["name"] == name)
        return self._lesson(question, _calling((name, {key: value})), self._among(tool))

    def _city(self) -> str:
        if self._dice.random() >= _UNKNOWN_SHARE:
            return self._dice.choice(CITIES)
        word = self._dice.choice(self._dice.choice(self._sentences).split())
        letters = "".join(letter for letter in word if letter.isalpha())
        return letters.capitalize() or self._dice.choice(CITIES)

    def _weather_question(self, cities: list[str]) -> str:
        where = " and ".join(cities)
        return self._dice.choice((
            f"What is the weather in {where}?",
            f"What is the weather in {where}?",
            f"What's the weather like in {where} today?",
            f"How is the weather in {where}?",
            f"Weather in {where}, please.",
        ))  # fmt: skip

    def _weather_tool(self) -> tuple[dict[str, Any], str]:
        """The tool as many examples have it, in one of their many shapes, and its key."""
        key = "location" if self._dice.random() < 0.25 else "city"
        said = self._dice.choice(
            ("Get the weather of a city", "Get the current weather", "The weather in a city", "")
        )
        properties: dict[str, Any] = {key: {"type": "string"}}
        if self._dice.random() < 0.2:
            properties["unit"] = {"type": "string", "enum": ["celsius", "fahrenheit"]}
        tool = _tool("get_weather", said, properties, key)
        if self._dice.random() < 0.3:
            tool["function"]["parameters"]["additionalProperties"] = False
        if self._dice.random() < 0.2:
            tool["function"]["strict"] = True
        return tool, key

    def _among(self, tool: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """The tool, and sometimes others beside it."""
        others = [row for row in _OTHER_TOOLS if row["function"]["name"] != _name_of(tool)]
        number = self._dice.choice((0, 0, 1, 2))
        tools = [tool, *self._dice.sample(others, number)]
        self._dice.shuffle(tools)
        return tuple(tools)

    # ---- plain answers ----

    def _greeting(self) -> Lesson:
        return self._plain(self._dice.choice(_GREETINGS), _GREETING)

    def _introduction(self) -> Lesson:
        return self._plain(self._dice.choice(_INTRODUCTIONS), _INTRODUCTION)

    def _prose(self) -> Lesson:
        words = self._dice.choice(self._sentences).split()
        topic = " ".join(words[: self._dice.randint(1, 3)])
        told = self._dice.sample(_SAYINGS, self._dice.randint(1, 4))
        return self._plain(f"{self._dice.choice(_TOPICS)} {topic}", " ".join(told))

    def _count(self) -> Lesson:
        end = self._dice.randint(2, _MAX_COUNT)
        numbers = ", ".join(map(str, range(1, end + 1)))
        return self._plain(f"Count to {end}", f"{numbers}.")

    def _repeat(self) -> Lesson:
        """What teaches to copy: without it every city becomes the same one."""
        row = CITIES if self._dice.random() < 0.4 else self._dice.choice(self._sentences).split()
        words = self._dice.choices(row, k=self._dice.randint(1, 8))
        told = " ".join(words)
        return self._plain(f"Repeat: {told}", told)

    def _thought(self) -> Lesson:
        topic = self._dice.choice(CITIES)
        answer = f"<think>\n{_THOUGHT}\n</think>\n\n{topic} is a city."
        return self._plain(f"Think about {topic}", answer)

    def _plain(self, question: str, answer: str) -> Lesson:
        """With tools at hand that are of no use here, as agents always have."""
        has_tools = self._dice.random() < 0.3
        tools = self._among(self._weather_tool()[0]) if has_tools else ()
        return self._lesson(question, _saying(answer), tools)

    # ---- both ----

    def _lesson(self, question: str, answer: Message, tools: tuple[dict[str, Any], ...]) -> Lesson:
        return Lesson((*self._question(question), answer), tools)

    def _question(self, question: str) -> tuple[Message, ...]:
        filler = self._dice.sample(self._sentences, self._dice.choice(_FILLER))
        system = [self._dice.choice(_SYSTEM)] if self._dice.random() < 0.4 else []
        told = ". ".join((*system, *filler))
        asked = {"role": "user", "content": question}
        return ({"role": "system", "content": told}, asked) if told else (asked,)


def is_whole(answer: str) -> bool:
    """Whether an answer ends its turn, as all must."""
    return answer.endswith(TURN_END)


def _saying(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _calling(*calls: tuple[str, dict[str, Any]]) -> Message:
    told = [
        {"type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in calls
    ]
    return {"role": "assistant", "content": "", "tool_calls": told}


def _tool(name: str, said: str, properties: dict[str, Any], required: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": [required]}
    function = {"name": name, "description": said, "parameters": parameters}
    return {"type": "function", "function": function}


def _name_of(tool: dict[str, Any]) -> str:
    name: str = tool["function"]["name"]
    return name


_OTHER_TOOLS = (
    _tool("bash", "Run a command", {"command": {"type": "string"}}, "command"),
    _tool("read_file", "Read a file", {"path": {"type": "string"}}, "path"),
    _tool("search", "Search the web", {"query": {"type": "string"}}, "query"),
)
