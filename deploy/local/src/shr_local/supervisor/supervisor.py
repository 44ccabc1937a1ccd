"""The loop: every child is looked at ten times a second; a signal ends the loop, then everything in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from shr_local.process import Identity, last_line, spawn
from shr_local.state import Phase, Running, StackState
from shr_local.supervisor.child import Child
from shr_local.supervisor.plan import PartSpec, Plan

TICK_S = 0.1
START_DEADLINE_S = 90.0
DEATHS_AT_START = 3


class Supervisor:
    """Runs a plan until it is told to stop. ``run`` returns the exit code."""

    def __init__(self, plan: Plan, *, dies_with_parent: signal.Signals, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._dies_with_parent = dies_with_parent
        self._stores = [self._child(spec) for spec in plan.stores]
        self._services = [self._child(spec) for spec in plan.services]
        self._preparation: subprocess.Popen[bytes] | None = None
        self._prepared = False
        self._left_in_order = plan.left_in_order
        self._stop = False
        self._hurry = False
        own = Identity.of(os.getpid())
        assert own is not None  # noqa: S101 (we run)
        kafka, mongo = self._listener("kafka"), self._listener("mongo")
        services = [listener for child in self._services for listener in child.listeners]
        services.sort(key=lambda one: one.port)
        self._state = StackState(
            supervisor=own,
            issuer=plan.issuer,
            services=services,
            kafka=kafka,
            mongo=mongo,
            environment={name: value for name, value in plan.environment.items() if name.startswith("SHR_")},
        )

    def run(self) -> int:
        """Start everything, watch it, and stop it when a signal comes or the start fails."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hurry)
        self._write()
        self._plan.home.topics_stamp.unlink(missing_ok=True)  # until this run has ended in order, too
        began = time.monotonic()
        while not self._stop and self._state.phase is not Phase.FAILED:
            if self._tick(time.monotonic()):
                self._write()
            if self._state.phase is Phase.STARTING:
                self._judge_start(began)
            time.sleep(TICK_S)
        self._end()
        return 1 if self._state.phase is Phase.FAILED else 0

    def _tick(self, now: float) -> bool:
        if self._hurry:
            self._hurry = False
            for child in (*self._stores, *self._services):
                child.start_now()
        changed = [child.tick(now) for child in self._stores]
        self._prepare()
        topics = self._prepared or self._left_in_order
        changed += [child.tick(now) for child in self._services if topics or not child.spec.needs_topics]
        return any(changed)

    def _prepare(self) -> None:
        """Once broker and database were started: the replica set and the topics, in a process that ends again."""
        if self._prepared:
            return
        if self._preparation is None:
            self._preparation = spawn(
                [sys.executable, "-m", "shr_local.prepare", *([] if self._left_in_order else ["--alone"])],
                log=self._plan.home.log("prepare"),
                environment=self._plan.environment,
                dies_with_parent=self._dies_with_parent,
            )
        code = self._preparation.poll()
        if code == 0:
            self._prepared = True
            self._write()
        elif code is not None:
            log = self._plan.home.log("prepare")
            self._fail(f"topics and replica set could not be prepared ({last_line(log)}); log: {log}")

    def _judge_start(self, began: float) -> None:
        children = (*self._stores, *self._services)
        dead = next((one for one in children if one.hopeless or _dies_at_start(one)), None)
        if dead is not None:
            times = "" if dead.hopeless else f", {dead.deaths} times before it was ready"
            self._fail(f"{dead.spec.name} {dead.last_death}{times}; log: {dead.log}")
        elif self._prepared and all(child.ready for child in children):
            self._state.phase = Phase.READY
            self._say(f"everything is ready ({time.monotonic() - began:.1f} s)")
            self._write()
        elif time.monotonic() - began > START_DEADLINE_S:
            late = next((one for one in children if not one.ready), None)
            name, log = (late.spec.name, late.log) if late else ("prepare", self._plan.home.log("prepare"))
            self._fail(f"{name} is not ready after {START_DEADLINE_S:.0f} s; log: {log}")

    def _fail(self, why: str) -> None:
        self._state.phase, self._state.failure = Phase.FAILED, why
        self._write()
        self._say(why)  # whoever follows this log knows the reason already and need not show it twice

    def _end(self) -> None:
        """Services first, so that they can finish what they hold, then the broker, then the database."""
        if self._state.phase is not Phase.FAILED:
            self._state.phase = Phase.STOPPING
        self._write()
        self._say("stopping")
        if self._preparation is not None and self._preparation.poll() is None:
            self._preparation.kill()
            self._preparation.wait()
        mongo, kafka = self._stores
        for stage in (self._services, [kafka], [mongo]):
            _stop_stage(stage)
            self._write()
        if self._prepared:
            self._plan.home.topics_stamp.touch()
        self._say("stopped")

    def _child(self, spec: PartSpec) -> Child:
        # asked to end all at once, services would have no broker to finish with: the stores are left to the warden
        killed = self._dies_with_parent is signal.SIGKILL
        return Child(
            spec,
            log=self._plan.home.log(spec.name),
            environment=dict(self._plan.environment),
            dies_with_parent=self._dies_with_parent if killed or spec in self._plan.services else None,
            say=self._say,
        )

    def _listener(self, name: str) -> Running:
        return next(one for child in self._stores for one in child.listeners if one.name == name)

    def _write(self) -> None:
        self._state.write(self._plan.home.state_file)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop = True

    def _on_hurry(self, _number: int, _frame: FrameType | None) -> None:
        self._hurry = True


def _dies_at_start(child: Child) -> bool:
    return not child.was_ready and child.deaths >= DEATHS_AT_START


def _stop_stage(children: Sequence[Child]) -> None:
    began = time.monotonic()
    for child in children:
        child.terminate()
    for child in children:
        child.wait(began + child.spec.grace_s)
