"""One caller attacks the suite in every way while others work: nobody else notices, nothing of theirs is lost.

`python -m tests.attack.trial` starts the suite, and a project whose people lease and submit all the time; asks `/live` of
every service; and plays the attacks of `tests.attack.attacks` one after the other from another process. It ends with one
line of JSON and fails where a limit is passed. The limits are for an idle machine of usual speed: `slowness` is what this
one takes for a fixed piece of work against that, and times are held to the limits times that.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from deploy.embedded.supervisor import Suite, SuiteSettings
from shared.contracts.values import Role
from tests.attack.attacker import PEOPLE, READERS, Attacker, Suspect
from tests.attack.attacks import ATTACKS
from tests.attack.victim import Latencies, Victim, Watch
from tests.support.slowness import slowness

SHORT: Final = ("crowded_spans", "answers_to_check", "lists", "jobs")
"""What a test plays."""
LIVE_S: Final = 0.25
LEASE_S: Final = 0.5
LABEL_S: Final = 5.0
MEMORY_MB: Final = 1024
_RECORDS: Final = 10_000
"""Four people label fourteen a second at most, for ten minutes."""
_CALM_S: Final = 3.0
_LABELS_WITHIN_S: Final = 60.0
_NICE: Final = 10
_LONGEST_S: Final = 300.0
"""A model that never answers is given up after 30 s, three times, until it is set aside; and there are several."""


@dataclass
class Found:
    """What the victim and the watch noticed, and what the attacks were answered."""

    slowness: float
    victim: Victim
    watch: Watch
    labels: Latencies
    lost: int
    attacks: list[dict[str, Any]]
    logged: list[str]

    def faults(self) -> list[str]:
        """The limits that were passed, and what was broken."""
        return [*self._slow(), *self.broken()]

    def _slow(self) -> list[str]:
        found = []
        for service, live in self.watch.live.items():
            if live.p99 > LIVE_S * self.slowness:
                found.append(f"/live of {service} took {live.p99:.3f} s")
        for name, taken, most_s in (
            ("lease", self.victim.lease, LEASE_S),
            ("label", self.labels, LABEL_S),
        ):
            if taken.p99 > most_s * self.slowness:
                found.append(f"the victim's {name} took {taken.p99:.3f} s")
        return found

    def broken(self) -> list[str]:
        """What was lost, answered with a fault, or took more memory than it may, whatever the time."""
        found = []
        for service, held in self.watch.memory_mb.items():
            if held["all"] > MEMORY_MB:
                found.append(f"{service} held {held} MiB")
        if self.lost:
            found.append(f"{self.lost} of the victim's annotations have no label")
        if not self.victim.acknowledged:
            found.append("the victim was not served")
        found += [f"victim: {one}" for one in self.victim.refused[:5]]
        found += [f"/live: {one}" for one in self.watch.failed[:5]]
        found += [f"{attack['attack']}: {one}" for attack in self.attacks for one in attack["faults"]]
        return found + [f"logged: {one}" for one in self.logged[:10]]

    def summary(self) -> dict[str, Any]:
        statuses = Counter[str]()
        for attack in self.attacks:
            statuses.update(attack["statuses"])
        return {
            "name": "attack",
            "slowness": round(self.slowness, 2),
            "live": {service: live.summary() for service, live in self.watch.live.items()},
            "lease": self.victim.lease.summary(),
            "submit": self.victim.submit.summary(),
            "without_work": self.victim.without_work,
            "label": self.labels.summary(),
            "kept": len(self.victim.acknowledged) - self.lost,
            "lost": self.lost,
            "server_errors": sum(count for status, count in statuses.items() if status.startswith("5")),
            "statuses": dict(sorted(statuses.items())),
            "memory_mb": self.watch.memory_mb,
            "attacks": [
                {key: attack[key] for key in ("attack", "seconds", "slowest_s", "memory_mb")} for attack in self.attacks
            ],
        }


async def hold(data_dir: Path, names: Sequence[str], records: int = _RECORDS) -> Found:
    """Start a suite in the folder, and a victim with so many records, and play the attacks."""
    slow = slowness()
    suite = Suite(SuiteSettings(data_dir=data_dir, first_port=0))
    async with suite, Victim(suite) as victim:
        await victim.begin(records)
        suspect = await _prepare(suite)
        watch, done = Watch(suite), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(victim.run(done))
            tasks.create_task(watch.run(done))
            await asyncio.sleep(_CALM_S)
            attacks = await _attacked(suspect, names, watch, victim)
            await asyncio.sleep(_CALM_S)
            done.set()
        labels, lost = await victim.kept(_LABELS_WITHIN_S)
        return Found(slow, victim, watch, labels, lost, attacks, _logged(suite))


async def _prepare(suite: Suite) -> Suspect:
    people = {
        f"attacker-{number}": suite.token(Role.ANNOTATOR, subject=f"attacker-{number}") for number in range(PEOPLE)
    }
    readers = [suite.token(Role.MANAGER, subject=f"attacker-reads-{number}") for number in range(READERS)]
    suspect = Suspect(dict(suite.urls), suite.token(Role.ADMIN), people, readers)
    async with Attacker(suspect) as attacker:
        for subject in people:
            await attacker.must("queue", "POST", "/annotators", {"subject": subject})
    return suspect


async def _attacked(suspect: Suspect, names: Sequence[str], watch: Watch, victim: Victim) -> list[dict[str, Any]]:
    """What the attacks were answered; they run in a process of their own, that doesn't take the victim's time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.attack.trial", "--play", *names,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(asdict(suspect)).encode())
    process.stdin.close()
    found = []
    live_seen = dict.fromkeys(watch.live, 0)
    leases_seen = 0
    async for line in process.stdout:
        attack = json.loads(line)
        found.append(attack)
        for service, live in watch.live.items():
            since = Latencies(live.seconds[live_seen.get(service, 0) :])
            live_seen[service] = len(live.seconds)
            attack[f"live_{service}"] = since.summary()
        attack["memory_mb"] = watch.memory_since()
        attack["lease"] = Latencies(victim.lease.seconds[leases_seen:]).summary()
        leases_seen = len(victim.lease.seconds)
        print(json.dumps(attack), file=sys.stderr, flush=True)
    if await process.wait():
        raise RuntimeError("the attacks ended with an error")
    return found


async def play(suspect: Suspect, names: Sequence[str]) -> None:
    """Play the attacks and print a line of JSON for each."""
    os.nice(_NICE)
    for name in names:
        began = time.perf_counter()
        async with Attacker(suspect) as attacker:
            try:
                async with asyncio.timeout(_LONGEST_S):
                    await ATTACKS[name](attacker)
            except Exception as error:  # noqa: BLE001  the others are played, too
                attacker.faults.append(f"{name} could not be played: {error!r}")
        print(
            json.dumps(
                {
                    "attack": name,
                    "seconds": round(time.perf_counter() - began, 1),
                    "slowest_s": round(attacker.slowest_s, 1),
                    "statuses": {str(status): count for status, count in sorted(attacker.statuses.items())},
                    "faults": attacker.faults,
                }
            ),
            flush=True,
        )


def _logged(suite: Suite) -> list[str]:
    """What the services logged of faults of their own."""
    found = []
    for log in sorted((suite.data_dir / "logs").glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [
            f"{log.stem}: {line[:600]}" for line in lines if '"request_failed"' in line or "Traceback" in line[:12]
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attacks", nargs="*", choices=[*ATTACKS, []], help="all by default")
    parser.add_argument("--play", action="store_true", help="attack the suite that standard input names")
    given = parser.parse_args()
    names = given.attacks or list(ATTACKS)
    if given.play:
        asyncio.run(play(Suspect(**json.load(sys.stdin)), names))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(hold(Path(folder) / "data", names))
    faults = found.faults()
    print(json.dumps({**found.summary(), "faults": faults}))
    if faults:
        sys.exit("One caller was noticed by others.")


if __name__ == "__main__":
    main()
