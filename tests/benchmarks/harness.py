"""Measure ratios: alternating runs, medians, one machine, and made-up posts that weigh what real ones do."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

RUNS = 3


@dataclass(frozen=True)
class Row:
    """One line of the table: a measured value, and the bound that it must not exceed (None: shown for comparison)."""

    name: str
    value: float
    bound: float | None
    unit: str
    detail: str

    @property
    def ok(self) -> bool:
        """Tell whether the bound holds."""
        return self.bound is None or self.value <= self.bound


class Rounds:
    """What cases measured (seconds, or bytes) in rounds, in each of which every case had its turn."""

    def __init__(self, values: Mapping[str, list[float]]) -> None:
        self._values = values

    def median(self, name: str) -> float:
        """Return the median of a case."""
        return statistics.median(self._values[name])

    def ratio(self, name: str, other: str) -> float:
        """Return the median, over the rounds, of one case divided by another.

        What is slow for a moment, on a shared machine, slows both in that round.
        """
        pairs = zip(self._values[name], self._values[other], strict=True)
        return statistics.median(one / another for one, another in pairs)


def in_rounds(cases: Mapping[str, Callable[[], float]], runs: int = RUNS) -> Rounds:
    """Run the cases in turn, `runs` times; each returns what it measured."""
    values: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            values[name].append(case())
    return Rounds(values)


def alternate(cases: Mapping[str, Callable[[], float]], runs: int = RUNS) -> dict[str, float]:
    """Run the cases in turn, `runs` times, and return the median of what each measured."""
    rounds = in_rounds(cases, runs)
    return {name: rounds.median(name) for name in cases}


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """Make a temporary folder and remove it afterwards, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-twitter-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def in_child(module: str, *arguments: str) -> dict[str, float]:
    """Run `python <module> <arguments>` and return the JSON object that it prints: a process of its own."""
    done = subprocess.run([sys.executable, module, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def peak_memory() -> int:
    """Return the largest resident size of this process so far, in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell the peak of a process's memory")


def machine() -> str:
    """Describe the machine in one line."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {model}, {memory:.0f} GiB of memory, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


# --- Posts. No real ones: words are drawn from short lists by a seed.

_WORDS = {
    "en": [
        "invoice",
        "ledger",
        "tax",
        "payment",
        "upload",
        "receipt",
        "deadline",
        "report",
        "customer",
        "cloud",
        "team",
        "update",
        "launch",
        "thanks",
    ],
    "de": [
        "Rechnung",
        "Buchhaltung",
        "Umsatzsteuer",
        "Zahlung",
        "Beleg",
        "Büro",
        "Frist",
        "Bericht",
        "Kundschaft",
        "Lösung",
        "für",
        "über",
    ],
    "ja": ["請求書", "会計", "税金", "支払い", "領収書", "締め切り", "報告", "顧客", "更新", "ありがとう"],
    "tr": [
        "fatura",
        "muhasebe",
        "vergi",
        "ödeme",
        "belge",
        "müşteri",
        "güncelleme",
        "teşekkürler",
        "şirket",
        "günü",
    ],
}
_MIX = ["en"] * 6 + ["de"] * 2 + ["ja", "tr"]
_EMOJI = ["", "", "", " 🎉", " 🧾📈"]
VARIETY = 500


class PostMaker:
    """Make posts of about 2.1 kB as X sends them, deterministic by seed, a different one for every id.

    `escaped` writes all that is not ASCII as \\uXXXX.
    """

    def __init__(self, seed: int = 7, *, escaped: bool = False) -> None:
        self.escaped = escaped
        self._parts = [self._template(random.Random(f"{seed}/{number}")) for number in range(VARIETY)]

    def post(self, number: int) -> bytes:
        """Return the JSON of the post with this id."""
        head, tail = self._parts[number % VARIETY]
        digits = b"%d" % number
        return (
            b'{"id":"'
            + digits
            + b'","edit_history_tweet_ids":["'
            + digits
            + b'"],'
            + head
            + self._time(number)
            + tail
        )

    def line(self, number: int, fetched_at: str, page: int = 1) -> bytes:
        """Return the post as it is stored."""
        own = b',"_fetched_at":"%s","_run_id":"scheduled__2026","_page":%d}\n' % (fetched_at.encode(), page)
        return self.post(number)[:-1] + own

    def page(self, numbers: list[int]) -> bytes:
        """Return the body of a search answer with these posts."""
        posts = b",".join(map(self.post, numbers))
        meta = f'{{"newest_id":"{numbers[0]}","oldest_id":"{numbers[-1]}","result_count":{len(numbers)}}}'
        return b'{"data":[' + posts + b'],"meta":' + meta.encode() + b"}"

    @staticmethod
    def _time(number: int) -> bytes:
        days, rest = divmod((number >> 22) + 1288834974657, 86_400_000)
        minutes, seconds = divmod(rest // 1000, 60)
        clock = b"%02d:%02d:%02d" % (minutes // 60, minutes % 60, seconds)
        return b'"created_at":"' + _day(days) + b"T" + clock + b'.000Z",'

    def _template(self, rng: random.Random) -> tuple[bytes, bytes]:
        language = rng.choice(_MIX)
        text = " ".join(rng.choices(_WORDS[language], k=rng.randint(12, 30))) + rng.choice(_EMOJI)
        head = {"text": text, "lang": language, "author_id": str(rng.randrange(10**17, 10**18))}
        link = f"https://t.co/{rng.randrange(10**9, 10**10)}"
        tail = {
            "conversation_id": str(rng.randrange(10**18, 10**19)),
            "reply_settings": "everyone",
            "possibly_sensitive": False,
            "public_metrics": {
                f"{name}_count": rng.randrange(10 ** rng.randint(1, 5))
                for name in ("retweet", "reply", "like", "quote", "bookmark", "impression")
            },
            "entities": {
                "urls": [
                    {
                        "start": 40,
                        "end": 63,
                        "url": link,
                        "expanded_url": f"https://example.com/{'-'.join(rng.choices(_WORDS['en'], k=6))}",
                        "display_url": "example.com/…",
                        "status": 200,
                        "title": " ".join(rng.choices(_WORDS[language], k=8)),
                        "unwound_url": f"https://example.com/{'-'.join(rng.choices(_WORDS['en'], k=6))}",
                    }
                ],
                "hashtags": [
                    {"start": 5, "end": 12, "tag": word} for word in rng.choices(_WORDS[language], k=2)
                ],
                "annotations": [
                    {
                        "start": 1,
                        "end": 9,
                        "probability": round(rng.random(), 4),
                        "type": "Other",
                        "normalized_text": w,
                    }
                    for w in rng.choices(_WORDS[language], k=2)
                ],
            },
            "context_annotations": [
                {
                    "domain": {
                        "id": str(rng.randrange(200)),
                        "name": "Business Taxonomy",
                        "description": "Categories that narrow down what a post is about",
                    },
                    "entity": {
                        "id": str(rng.randrange(10**18, 10**19)),
                        "name": rng.choice(_WORDS["en"]).title(),
                    },
                }
                for _ in range(rng.randint(3, 6))
            ],
        }
        return self._json(head)[1:-1] + b",", self._json(tail)[1:]

    def _json(self, value: object) -> bytes:
        return json.dumps(value, ensure_ascii=self.escaped, separators=(",", ":")).encode()


@functools.cache
def _day(days: int) -> bytes:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).strftime("%Y-%m-%d").encode()


def post_ids(first_day: datetime, days: int, per_day: int) -> Iterator[tuple[str, list[int]]]:
    """Yield each UTC day's name and its ascending post ids, evenly over the day."""
    for offset in range(days):
        day = first_day + timedelta(days=offset)
        start_ms = int(day.timestamp() * 1000) - 1288834974657
        step = 86_400_000 / per_day
        yield (
            day.strftime("%Y-%m-%d"),
            [int(start_ms + step * index) << 22 | index % 4096 for index in range(per_day)],
        )
