"""Set everything up: what `make run` and `make test` do first, on a fresh machine, and in a blink afterwards.

Standard library only, since nothing is installed yet. It makes `.venv` from the hashed requirements, installs the
workspace into it, fetches Kafka's jars by Maven, compiles the sources and leaves a class archive that halves Kafka's
start. Each part has a stamp with the digest of its inputs, so that only what changed is done again; a lock keeps two
set-ups apart. Nothing outside the working copy is written but the package managers' own caches (and, for the browser
tests, Debian's packages of chromium and a Bangla font when run as root, which it says).
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = ROOT / ".shr"
STAMPS = STATE / "setup"
KAFKA = STATE / "kafka"
LIBRARIES = KAFKA / "libs"
ARCHIVE = KAFKA / "kafka.jsa"
POM = ROOT / "deploy" / "local" / "pom.xml"
MINIMUM_PYTHON = (3, 11)
MINIMUM_JAVA = 17
BANGLA_FONT_PACKAGE = "fonts-noto-core"
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main(arguments: Sequence[str]) -> int:
    """Check, then do what is left to do. Returns the exit code."""
    missing = find_missing()
    if missing:
        for line in missing:
            print(f"setup: {line}", file=sys.stderr)
        return 1
    if "--browser" in arguments:
        ensure_browser()
    with only_one():
        try:
            set_up()
        except Failure as failure:
            print(f"setup: {failure}", file=sys.stderr)
            return 1
    return 0


class Failure(Exception):
    """Said in one line."""


# What must be there


def find_missing() -> list[str]:
    """One line for each tool that is missing or too old, with how to get it."""
    return [line for line in (python_fault(), java_fault(), maven_fault()) if line]


def python_fault() -> "str | None":
    """None if this Python is new enough and can make virtual environments."""
    if sys.version_info < MINIMUM_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:2])
        return f"Python 3.11 or later is needed, this is {found}: {how('python3', 'from python.org, then PYTHON=…')}"
    with contextlib.suppress(ImportError):
        import ensurepip  # noqa: F401 (Debian packs it apart)
        import venv  # noqa: F401

        return None
    return f"Python has no venv module: {how('python3-venv', 'install python3-venv')}"


def java() -> "str | None":
    """The Java that runs Kafka: JAVA_HOME, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        return str(Path(home) / "bin" / "java")
    return shutil.which("java")


def java_version() -> str:
    """What `java -version` says in its first line; empty if it cannot run."""
    program = java()
    if not program:
        return ""
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    lines = [line for line in (said.stderr + said.stdout).splitlines() if "version" in line]
    return lines[0] if lines else ""


def java_fault() -> "str | None":
    """None if Java is new enough for Kafka."""
    said = java_version()
    found = re.search(r'"(\d+)', said)
    if found and int(found.group(1)) >= MINIMUM_JAVA:
        return None
    state = f"this is {said.strip()}" if said else "it is missing"
    return (
        f"Java {MINIMUM_JAVA} or later is needed for Kafka, {state}: {how('openjdk-17-jre-headless', 'adoptium.net')}"
    )


def maven_fault() -> "str | None":
    """None if Maven is there."""
    if shutil.which("mvn"):
        return None
    return f"Maven (mvn) is needed to fetch Kafka, it is missing: {how('maven', 'maven.apache.org')}"


def how(package: str, otherwise: str) -> str:
    """How to get something here."""
    if shutil.which("apt-get"):
        return f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install {package}"
    if shutil.which("brew"):
        return f"brew install {package.removesuffix('-jre-headless').replace('-17', '@17')}"
    return f"get it {otherwise}" if otherwise.startswith("from") else f"see {otherwise}"


def ensure_browser() -> None:
    """A Chromium for the browser tests: from PATH, else from Debian's packages when root. Never fails: tests skip.

    With a Bangla font, so that screenshots can be read; the tests do without it.
    """
    debian = shutil.which("apt-get") is not None and os.geteuid() == 0
    wanted = [] if any(shutil.which(name) for name in BROWSERS) else ["chromium"]
    tried = STAMPS / "font"  # nothing fails without it: once is enough
    if debian and not tried.exists() and not bangla_font():
        STAMPS.mkdir(parents=True, exist_ok=True)
        tried.touch()
        wanted.append(BANGLA_FONT_PACKAGE)
    if debian and wanted:
        print(f"setup: installing Debian's {' and '.join(wanted)} for the browser tests and screenshots", flush=True)
        install_from_debian(wanted)
    if not any(shutil.which(name) for name in BROWSERS):
        print(f"setup: no Chromium, the browser tests are skipped: {how('chromium', 'chromium.org')}", file=sys.stderr)


def bangla_font() -> bool:
    """Whether a page in Bangla can be shown here. Asked of the files: the tools that list fonts may be missing."""
    return any(file for folder in FONTS for file in Path(folder).rglob("*Bengali*"))


def install_from_debian(packages: "list[str]") -> None:
    """Try it; what is missing afterwards is the caller's to say."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], check=False, env=quiet, stdout=subprocess.DEVNULL)


# Doing it


@contextlib.contextmanager
def only_one() -> "Iterator[None]":
    """Two set-ups of one working copy run one after the other."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    with (STAMPS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("setup: another set-up of this working copy runs, waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up() -> None:
    """Each part whose inputs changed since it was done last, in order. Raises Failure."""
    requirements = ROOT / "requirements.txt"
    projects = sorted([*ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")])
    projects.append(ROOT / "deploy" / "local" / "pyproject.toml")
    # an editable package without any module yet would be installed without a path to its source
    with_source = [project for project in projects if any(project.parent.glob("src/*/*.py"))]
    this_python = f"{sys.version_info[:2]} {VENV}"
    part("packages", digest([requirements], this_python), PYTHON.exists(), install_packages)
    part(
        "workspace",
        digest(with_source, this_python, stamp_of("packages"), *map(str, with_source)),
        True,
        lambda: install_workspace([project.parent for project in with_source]),
    )
    part("kafka", digest([POM]), LIBRARIES.is_dir(), fetch_kafka)
    part("archive", digest([POM], java_version(), str(LIBRARIES)), ARCHIVE.exists(), archive_classes)


def part(name: str, wanted: str, there: bool, do: "Callable[[], None]") -> None:
    """Do a part unless its stamp says that it was done with these inputs."""
    if there and stamp_of(name) == wanted:
        return
    stamp = STAMPS / name
    stamp.unlink(missing_ok=True)
    began = time.monotonic()
    do()
    stamp.write_text(wanted, encoding="utf-8")
    print(f"setup: {name} done in {time.monotonic() - began:.0f} s", flush=True)


def stamp_of(name: str) -> str:
    """With which inputs a part was done last; empty if never."""
    with contextlib.suppress(OSError):
        return (STAMPS / name).read_text(encoding="utf-8")
    return ""


def digest(files: "Iterable[Path]", *more: str) -> str:
    """Of the content of files and some words."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes() + b"\0")
    for word in more:
        total.update(word.encode() + b"\0")
    return total.hexdigest()


def install_packages() -> None:
    """`.venv` with what requirements.txt names, each file checked against its hash."""
    say("installing the Python packages into .venv (about 300 MB the first time)")
    if not (PYTHON.exists() and (VENV / "bin" / "pip").exists() and works()):
        shutil.rmtree(VENV, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(VENV)], "the virtual environment could not be made")
    pip("--require-hashes", "--no-deps", "-r", str(ROOT / "requirements.txt"))


def works() -> bool:
    """Whether the virtual environment is of this Python and was not moved here from elsewhere."""
    asked = [str(PYTHON), "-c", "import sys; print(sys.version_info[:2], sys.prefix)"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    first_line = (VENV / "bin" / "pip").read_text(encoding="utf-8", errors="replace").split("\n", 1)[0]
    return said == f"{sys.version_info[:2]} {VENV}" and first_line.startswith(f"#!{VENV}/")


def install_workspace(packages: "list[Path]") -> None:
    """Our own packages, editable, all at once; then their bytecode, which services would else compile at each start."""
    say("installing the workspace")
    pip("--no-deps", "--no-build-isolation", *(word for folder in packages for word in ("-e", str(folder))))
    folders = [str(ROOT / folder) for folder in ("libs", "services", "deploy/local")]
    run([str(PYTHON), "-m", "compileall", "-q", "-j", "0", *folders], "the sources could not be compiled")


def pip(*arguments: str) -> None:
    """`pip install`, with its progress where someone looks."""
    quiet = [] if sys.stdout.isatty() else ["-q"]
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", *quiet, *arguments]
    run(command, "pip could not install the packages (its reason is above)")


def fetch_kafka() -> None:
    """Kafka's jars, by the pom, checksums enforced."""
    say("fetching Kafka by Maven (45 MB the first time)")
    fresh = KAFKA / "libs.new"
    shutil.rmtree(fresh, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-C", "-Dstyle.color=never", "-f", str(POM), "dependency:copy-dependencies"]
    run([*command, f"-DoutputDirectory={fresh}", "-DincludeScope=runtime"], "Maven could not fetch Kafka")
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    fresh.rename(LIBRARIES)
    ARCHIVE.unlink(missing_ok=True)


def archive_classes() -> None:
    """A class archive of a broker that was started once for this purpose. Kafka runs without it too, only later."""
    say("preparing Kafka's class archive")
    ARCHIVE.unlink(missing_ok=True)
    run([str(PYTHON), "-m", "shr_local.kafka_archive"], "Kafka could not be started once (see above)")


def say(what: str) -> None:
    """One line of progress."""
    print(f"setup: {what}", flush=True)


def run(command: "list[str]", fault: str) -> None:
    """Run a program; bytecode may be written. Raises Failure."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    try:
        done = subprocess.run(command, check=False, env=environment, cwd=ROOT)
    except OSError as error:
        raise Failure(f"{fault}: {error}") from None
    if done.returncode:
        raise Failure(fault)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; the next run goes on from here")
