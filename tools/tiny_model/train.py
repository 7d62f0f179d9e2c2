"""Trains the demonstration model and writes it as a Hugging Face style folder.

    python -m tools.tiny_model.train FOLDER

Needs torch (the CPU's build is enough), transformers and tokenizers: requirements.txt. Some minutes
of one core. The seed, the number of steps and the one thread are fixed, so that the same machine
with the same versions makes the same bytes; another kind of processor rounds otherwise.

First the model learns to copy, from rows of random tokens that come twice: without that it never
learns to call a tool for the city that was asked for. Then it learns to go on with any of its
texts, and last from the answers of its lessons alone, which is what makes it call a tool and not
only write like one that does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from . import shape
from .lessons import Course, is_whole
from .texts import sentences, training_texts

COPYING_STEPS, COPYING_TOKENS = 600, 1600
# How long a row is that comes twice.
COPIED = (4, 40)
READING_STEPS, READING_BATCH, READING_LENGTH = 350, 16, 256
LESSON_STEPS, LESSON_BATCH = 2800, 8
# So many batches are drawn at once and put together by length: else most of each is padding.
BATCHES_AT_ONCE = 8
# A lesson with more filler than this is drawn anew: one of them would set the length of its batch.
MAX_LESSON_TOKENS = 800
COPYING_RATE, READING_RATE, LESSON_RATE = 3e-3, 2e-3, 2e-3
# Somewhere in a prompt positions jump, by up to so many, as if there were more of it. So the model
# learns to look far back without a batch that is so long.
MAX_JUMP = 8000
JUMPS_SHARE = 0.2
WARM_UP_STEPS = 40
LEAST_SHARE = 0.03
# Of what is read, the rest being prose.
LESSONS_SHARE = 0.7
# Enough of them that the words of the template and of the tools become tokens of their own.
LESSONS_IN_VOCABULARY = 1500
TOLD_EVERY = 100
# What counts for no loss, by the word of torch.
_UNTOLD = -100


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tools.tiny_model.train FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(shape.SEED)
    dice = Random(shape.SEED)
    texts = training_texts()
    course = Course(dice, sentences(texts))
    tokenizer = make_tokenizer(texts, course)
    model = make_model(tokenizer)
    copy(model, dice)
    read(model, reading(tokenizer, texts, course, dice))
    learn(model, tokenizer, course, dice)
    save(model, tokenizer, folder)
    return 0


def make_tokenizer(texts: list[str], course: Course) -> PreTrainedTokenizerFast:
    """Byte-level BPE with GPT-2's way of cutting words, which every engine knows."""
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    marks = [
        *(AddedToken(token, special=True) for token in shape.CONTROL_TOKENS),
        *(AddedToken(token, special=False) for token in shape.MARK_TOKENS),
    ]
    # Without its own tokens the template writes lessons that nothing was cut from yet.
    blank = PreTrainedTokenizerFast(tokenizer_object=found, chat_template=shape.TEMPLATE)
    lessons = [
        "".join(course.draw().texts(blank.apply_chat_template))
        for _ in range(LESSONS_IN_VOCABULARY)
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=shape.VOCABULARY,
        special_tokens=marks,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found.train_from_iterator([*texts, *lessons], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=found,
        bos_token=shape.END_OF_TEXT,
        eos_token=shape.TURN_END,
        pad_token=shape.END_OF_TEXT,
        chat_template=shape.TEMPLATE,
        model_max_length=shape.CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    end_of_text, turn_end = tokenizer.convert_tokens_to_ids([shape.END_OF_TEXT, shape.TURN_END])
    if len(tokenizer) != shape.VOCABULARY:
        raise ValueError(f"the texts make {len(tokenizer)} tokens")
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.VOCABULARY,
            hidden_size=shape.WIDTH,
            intermediate_size=shape.FEED_FORWARD,
            num_hidden_layers=shape.LAYERS,
            num_attention_heads=shape.HEADS,
            num_key_value_heads=shape.KEY_VALUE_HEADS,
            max_position_embeddings=shape.CONTEXT,
            rope_parameters={"rope_type": "default", "rope_theta": shape.ROPE_THETA},
            rms_norm_eps=shape.NORM_EPSILON,
            tie_word_embeddings=True,
            bos_token_id=end_of_text,
            eos_token_id=turn_end,
            pad_token_id=end_of_text,
        )
    )


# ---- learning ----


def copy(model: LlamaForCausalLM, dice: Random) -> None:
    """Rows of random tokens that come twice; the second time counts."""
    steps = _Steps(model, "copy", COPYING_STEPS, COPYING_RATE)
    for _ in range(COPYING_STEPS):
        length = dice.randint(*COPIED)
        row = torch.randint(shape.VOCABULARY, (COPYING_TOKENS // (2 * length), length))
        tokens = torch.cat([row, row], 1)
        labels = tokens.clone()
        labels[:, : length + 1] = _UNTOLD
        steps.take(model(input_ids=tokens, labels=labels).loss)


def reading(
    tokenizer: PreTrainedTokenizerFast, texts: list[str], course: Course, dice: Random
) -> Iterator[torch.Tensor]:
    """Endless batches of tokens in a row, texts and lessons one after the other."""
    size = READING_BATCH * READING_LENGTH
    stream: list[int] = []
    while True:
        while len(stream) < size:
            if dice.random() < LESSONS_SHARE:
                text = "".join(course.draw().texts(tokenizer.apply_chat_template)) + "\n"
            else:
                text = dice.choice(texts)[:1200] + shape.END_OF_TEXT
            stream += tokenizer(text)["input_ids"]
        yield torch.tensor(stream[:size]).view(READING_BATCH, READING_LENGTH)
        stream = stream[size:]


def read(model: LlamaForCausalLM, batches: Iterator[torch.Tensor]) -> None:
    steps = _Steps(model, "read", READING_STEPS, READING_RATE)
    for _ in range(READING_STEPS):
        tokens = next(batches)
        steps.take(model(input_ids=tokens, labels=tokens).loss)


def learn(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, course: Course, dice: Random
) -> None:
    """Lessons, of which only the answers count."""
    steps = _Steps(model, "learn", LESSON_STEPS, LESSON_RATE)
    for _ in range(LESSON_STEPS // BATCHES_AT_ONCE):
        number = LESSON_BATCH * BATCHES_AT_ONCE
        rows = sorted((_row(tokenizer, course, dice) for _ in range(number)), key=len)
        batches = [rows[at : at + LESSON_BATCH] for at in range(0, number, LESSON_BATCH)]
        dice.shuffle(batches)
        for batch in batches:
            steps.take(_loss(model, batch))


@dataclass(frozen=True)
class _Row:
    """One lesson as tokens: ``asked`` of them are the prompt. From ``jump_at`` on they stand
    ``jump`` positions further back."""

    tokens: list[int]
    asked: int
    jump_at: int
    jump: int

    def __len__(self) -> int:
        return len(self.tokens)


def _row(tokenizer: PreTrainedTokenizerFast, course: Course, dice: Random) -> _Row:
    while True:
        prompt, answer = course.draw().texts(tokenizer.apply_chat_template)
        if not is_whole(answer):
            raise ValueError(f"an answer without an end: {answer!r}")
        asked, told = tokenizer(prompt)["input_ids"], tokenizer(answer)["input_ids"]
        if len(asked) + len(told) <= MAX_LESSON_TOKENS:
            jump = dice.randint(0, MAX_JUMP) if dice.random() < JUMPS_SHARE else 0
            return _Row(asked + told, len(asked), dice.randrange(len(asked)), jump)


def _loss(model: LlamaForCausalLM, rows: list[_Row]) -> torch.Tensor:
    shape_of_all = (len(rows), max(map(len, rows)))
    tokens = torch.full(shape_of_all, model.config.pad_token_id)
    labels = torch.full(shape_of_all, _UNTOLD)
    positions = torch.arange(shape_of_all[1]).repeat(len(rows), 1)
    for at, row in enumerate(rows):
        told = torch.tensor(row.tokens)
        tokens[at, : len(row)] = told
        labels[at, row.asked : len(row)] = told[row.asked :]
        positions[at, row.jump_at :] += row.jump
    loss: torch.Tensor = model(
        input_ids=tokens,
        # Without a mask transformers may take a jump for the start of another text.
        attention_mask=torch.ones_like(tokens),
        position_ids=positions,
        labels=labels,
    ).loss
    return loss


class _Steps:
    """One run of the optimizer: a rate that warms up, falls to nearly nothing, and is told of."""

    def __init__(self, model: LlamaForCausalLM, name: str, number: int, rate: float) -> None:
        self._model, self._name, self._number, self._rate = model, name, number, rate
        self._optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
        self._taken = 0
        self._begun_s = time.monotonic()

    def take(self, loss: torch.Tensor) -> None:
        share = max(LEAST_SHARE, 1 - self._taken / self._number)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * min(1.0, (self._taken + 1) / WARM_UP_STEPS) * share
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._taken += 1
        if self._taken % TOLD_EVERY == 0:
            at = f"{self._name} {self._taken}/{self._number}"
            taken_s = time.monotonic() - self._begun_s
            print(f"{at}: loss {loss.item():.3f}, {taken_s:.0f} s", flush=True)


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    model.generation_config.eos_token_id = model.config.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # mlx-lm reads the base of the rotation at the top level alone, where it once was.
    _change(folder / "config.json", lambda config: config.update(rope_theta=shape.ROPE_THETA))
    _change(folder / "tokenizer.json", _tell_marks)
    print(f"{sum(each.numel() for each in model.parameters())} parameters in {folder}")


def _change(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _tell_marks(tokenizer: dict[str, Any]) -> None:
    """The trainer makes every token that it was given a special one, which no text shows."""
    for added in tokenizer["added_tokens"]:
        added["special"] = added["content"] in shape.CONTROL_TOKENS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
