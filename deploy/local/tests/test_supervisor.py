"""The stack as a whole: start, watch, stop. The services are left out here; the doubles stand for them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from shr_local.failure import StackError
from shr_local.paths import WORKING_COPY, Home
from shr_local.ports import DEFAULTS, Ports, check_free, free_ports
from shr_local.process import Identity
from shr_local.stack import status, supervised
from shr_local.testing import Stack, start_stack
from shr_local.testing.data import data_folder

SHR = str(Path(sys.executable).with_name("shr"))


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with start_stack(services=[]) as started:
        yield started


class Terminal:
    """Somebody types ``shr`` commands in a home and with ports of her own."""

    def __init__(self, folder: Path) -> None:
        ports = Ports(dict(zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True)))
        self.home = Home(folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SHR_")}
        self.environment = {**kept, **ports.environment(), "SHR_HOME": str(folder)}
        self.ports = ports

    def types(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [SHR, *words], env=self.environment, capture_output=True, text=True, check=False, timeout=100, cwd="/"
        )

    def starts(self, *words: str) -> subprocess.Popen[str]:
        """Run a command that stays."""
        return subprocess.Popen(
            [SHR, *words], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def processes(self, *, of: str = "") -> list[psutil.Process]:
        """Every process of this stack that runs now; ``of``: a word of its command."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("SHR_HOME") == str(self.home.root) and process.pid != os.getpid()
                if ours and of in " ".join(process.cmdline()):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with data_folder() as folder:
        typist = Terminal(folder)
        yield typist
        typist.types("down")
        kill_all(typist.processes())


def kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def gone(processes: list[psutil.Process], *, within_s: float = 15) -> bool:
    _ended, alive = psutil.wait_procs(processes, timeout=within_s)
    return not alive


def test_the_status_names_every_process(stack: Stack) -> None:
    said = status(stack.home, stack.ports)
    assert {one["name"] for one in said["services"]} == {"idp", "verification"}
    assert all(one["ready"] and one["pid"] and one["port"] for one in said["services"])
    assert said["kafka"]["pid"] and said["kafka"]["port"] == stack.ports["kafka"]
    assert said["mongo"]["pid"] and said["mongo"]["port"] == stack.ports["mongo"]


def test_a_token_of_the_command_is_one_that_the_provider_signs(stack: Stack) -> None:
    keys = httpx.get(stack.url("idp", "/jwks"), trust_env=False).json()["keys"]
    words = ["token", "--role", "citizen", "--health-id", "98000173958"]
    said = subprocess.run([SHR, *words], env=stack.environment(), capture_output=True, text=True, check=True, cwd="/")
    assert said.stdout.count("\n") == 1
    assert said.stdout.split(".")[0] == stack.token("citizen", health_id="98000173958").split(".")[0]
    assert len(keys) == 1


def test_a_service_that_dies_is_started_again(stack: Stack) -> None:
    killed = stack.kill("verification")
    stack.wait_ready("verification", not_pid=killed)
    stack.wait_ready("idp", not_pid=killed)
    said = stack.home.log("supervisor").read_text()
    lines = [line for line in said.splitlines() if "was ended by SIGKILL" in line]
    assert len(lines) == 1
    assert "Traceback" not in said


def test_a_second_supervisor_of_one_home_gives_way(stack: Stack) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "shr_local.supervisor"],
        env=stack.environment(), capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert second.returncode == 1
    assert "another supervisor runs" in second.stdout


def test_a_taken_port_is_named_before_anything_starts(terminal: Terminal) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", terminal.ports["kafka"]))
        other.listen()
        said = terminal.types("up", "--detach", "--services", "")
    assert said.returncode == 1
    line = said.stderr.strip()
    assert line.count("\n") == 0
    assert f"port {terminal.ports['kafka']} (kafka) is taken" in line
    assert f"process {os.getpid()}" in line
    assert "SHR_KAFKA_PORT" in line
    assert not [one for one in terminal.processes() if one.pid != os.getpid()]


def test_one_port_for_two_is_refused() -> None:
    with pytest.raises(StackError, match="gateway both have port 31999; move one with SHR_RECORDS_PORT"):
        check_free({"gateway": 31999, "records": 31999})


def test_a_detached_stack_survives_the_kill_of_everything_and_ends_in_order(terminal: Terminal) -> None:
    began = terminal.types("up", "--detach", "--services", "")
    assert began.returncode == 0, began.stderr
    before = terminal.processes()
    assert len(before) == 6  # supervisor, Kafka, MongoDB, doubles; the warden's shell, which waits with `cat`
    kill_all(before)
    assert gone(before)
    again = terminal.types("up", "--detach", "--services", "")
    assert again.returncode == 0, again.stderr
    running = terminal.processes()
    down = terminal.types("down")
    assert down.stdout == "stack: stopped\n"
    assert gone(running)
    said = terminal.home.log("supervisor").read_text().splitlines()[-1]
    assert said.endswith("stopped")
    assert terminal.types("down").stdout == "stack: nothing runs\n"
    shown = json.loads(terminal.types("status", "--json").stdout)
    assert not any(one["pid"] or one["ready"] for one in shown["services"])


def test_when_only_the_supervisor_dies_the_rest_ends_and_starts_again(terminal: Terminal) -> None:
    assert terminal.types("up", "--detach", "--services", "").returncode == 0
    running = supervised(terminal.home)
    assert running is not None
    os.kill(running.supervisor.pid, signal.SIGKILL)
    again = terminal.types("up", "--detach", "--services", "")
    assert again.returncode == 0, again.stderr
    assert "Traceback" not in again.stdout + again.stderr
    now = supervised(terminal.home)
    assert now is not None
    assert now.supervisor != running.supervisor
    completed = terminal.types("up", "--detach", "--services", "")
    assert completed.returncode == 0
    assert "runs already" in completed.stdout


def test_when_only_the_supervisor_dies_everything_ends_in_order_by_itself(terminal: Terminal) -> None:
    assert terminal.types("up", "--detach", "--services", "").returncode == 0
    running = supervised(terminal.home)
    assert running is not None
    (doubles,) = {one.identity for one in running.services}
    assert doubles is not None
    os.kill(doubles.pid, signal.SIGSTOP)  # it cannot end yet
    everything = terminal.processes()
    os.kill(running.supervisor.pid, signal.SIGKILL)
    time.sleep(1.5)
    assert terminal.processes(of="kafka.Kafka")
    assert terminal.processes(of="mongod")
    os.kill(doubles.pid, signal.SIGCONT)
    assert gone(everything)
    assert not terminal.processes()


def test_what_emptying_takes_is_kept_where_a_taken_port_prevents_the_start(terminal: Terminal) -> None:
    kept = terminal.home.data / "kept"
    kept.mkdir(parents=True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", terminal.ports["mongo"]))
        other.listen()
        assert terminal.types("up", "--detach", "--fresh", "--services", "").returncode == 1
    assert kept.exists()


def test_a_wrong_setting_is_one_line_and_is_not_tried_again(terminal: Terminal) -> None:
    terminal.environment["SHR_PAGE_SIZE"] = "many"
    said = terminal.types("up", "--detach", "--services", "terminology")
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "terminology cannot start: settings: SHR_PAGE_SIZE" in said.stderr
    assert "SHR_PAGE_SIZE" not in said.stdout
    assert terminal.home.log("terminology").read_text().count("settings:") == 1
    assert not terminal.processes()


def test_a_stack_in_the_foreground_ends_with_ctrl_c(terminal: Terminal) -> None:
    shown = terminal.starts("up", "--services", "")
    assert shown.stdout is not None
    lines = iter(shown.stdout.readline, "")
    assert any("Ctrl-C ends it" in line for line in lines)
    running = [one for one in terminal.processes() if one.pid != shown.pid]
    assert len(running) == 6
    shown.send_signal(signal.SIGINT)
    rest = shown.stdout.read()
    assert shown.wait(30) == 0
    assert gone(running)
    assert "Traceback" not in rest
    shown.stdout.close()


def test_ctrl_c_while_it_starts_ends_what_has_started(terminal: Terminal) -> None:
    shown = terminal.starts("up", "--services", "")
    assert shown.stdout is not None
    lines = iter(shown.stdout.readline, "")
    assert any("is ready" in line for line in lines)
    shown.send_signal(signal.SIGINT)
    rest = shown.stdout.read()
    assert shown.wait(30) == 130
    assert "interrupted; what has started ends now" in rest
    assert "Traceback" not in rest
    assert not terminal.processes()
    shown.stdout.close()


def test_a_service_that_cannot_start_is_one_clear_line(terminal: Terminal) -> None:
    terminal.home.create()
    (terminal.home.keys / "idp.pem").write_text("no key")
    said = terminal.types("up", "--detach", "--services", "")
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert "doubles" in said.stderr
    assert str(terminal.home.log("doubles")) in said.stderr
    assert not terminal.processes()


def test_a_number_that_was_given_to_another_process_is_not_ours() -> None:
    own = Identity.of(os.getpid())
    assert own is not None
    assert own.alive
    assert not Identity(own.pid, own.started - 100).alive


def test_a_test_run_that_is_killed_takes_its_stack_along() -> None:
    program = (
        "import time\nfrom shr_local.testing import start_stack\n"
        "with start_stack(services=[]) as stack:\n    print(stack.folder, flush=True)\n    time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=WORKING_COPY)
    assert run.stdout is not None
    folder = Path(run.stdout.readline().strip())
    left = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    run.stdout.close()
    assert gone(left)
    until = time.monotonic() + 10
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not folder.exists()
