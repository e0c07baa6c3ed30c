"""Looks at a cluster while planning, by the shell of this computer in the cluster's place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from namdrunner.errors import CommandTimeoutError
from namdrunner.remote.values import CommandResult
from namdrunner.services.looks import NAMD_KEPT_S, SPACE_KEPT_S, Looks, try_submission
from namdrunner.slurm.profile import LaunchRecipe


class Shell:
    """Runs commands here; ``path`` is where its programs are."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.runs = 0
        self.failure: Exception | None = None

    def program(self, name: str, text: str) -> Path:
        path = self.home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
        return path

    async def run(self, command: str, *, stdin: bytes = b"", **_: Any) -> CommandResult:
        self.runs += 1
        if self.failure is not None:
            raise self.failure
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"HOME": str(self.home), "PATH": f"{self.home}/bin:/usr/bin:/bin"},
            cwd=self.home,
        )
        stdout, stderr = await process.communicate(stdin)
        return CommandResult(command, process.returncode or 0, stdout, stderr, 0.0)


@pytest.fixture
def shell(tmp_path: Path) -> Any:
    return Shell(tmp_path)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_free_space_is_asked_once_a_minute_also_of_folders_still_to_be_made(shell: Any) -> None:
    clock = Clock()
    looks = Looks(clock)
    roots = (str(shell.home), f"{shell.home}/not yet/there")
    project, scratch = await looks.space(shell, "alpine", roots)
    assert (project.root, scratch.root) == roots
    assert project.free_bytes > 0
    assert project.filesystem == scratch.filesystem
    await looks.space(shell, "alpine", roots)
    assert shell.runs == 1
    clock.now += SPACE_KEPT_S + 1
    await looks.space(shell, "alpine", roots)
    assert shell.runs == 2


async def test_a_cluster_that_does_not_answer_is_not_asked_again_at_once(shell: Any) -> None:
    shell.failure = CommandTimeoutError("slow", code="command-timeout", remedy="")
    looks = Looks(Clock())
    assert await looks.space(shell, "alpine", ("/a", "/b")) == ()
    assert await looks.space(shell, "alpine", ("/a", "/b")) == ()
    assert await looks.namd(shell, "alpine", LaunchRecipe(name="cpu")) == ()
    assert shell.runs == 2


async def test_namd_that_is_there_is_no_finding_and_looked_for_once_in_ten_minutes(shell: Any) -> None:
    clock = Clock()
    looks = Looks(clock)
    recipe = LaunchRecipe(name="cpu", binary=str(shell.program("namd3", "exit 0")))
    assert await looks.namd(shell, "alpine", recipe) == ()
    assert await looks.namd(shell, "alpine", recipe) == ()
    assert shell.runs == 1
    clock.now += NAMD_KEPT_S + 1
    await looks.namd(shell, "alpine", recipe)
    assert shell.runs == 2


async def test_a_missing_binary_and_a_module_that_cannot_be_loaded_are_warnings(shell: Any) -> None:
    (missing,) = await Looks().namd(shell, "alpine", LaunchRecipe(name="cpu", binary="namd-of-nobody"))
    assert (missing["code"], missing["severity"]) == ("namd-missing", "warning")
    assert "namd-of-nobody" in missing["message"]
    setup = ('module() { echo "Lmod has no $2" >&2; return 1; }',)
    recipe = LaunchRecipe(name="cpu", setup=setup, modules=("namd/9",))
    (module,) = await Looks().namd(shell, "alpine", recipe)
    assert module["code"] == "module-missing"
    assert "namd/9" in module["message"]
    assert "Lmod has no namd/9" in module["message"]


async def test_a_login_node_without_modules_says_nothing(shell: Any) -> None:
    setup = ("unset -f module",)
    assert await Looks().namd(shell, "alpine", LaunchRecipe(name="cpu", setup=setup, modules=("namd/3.0",))) == ()


async def test_slurm_is_shown_the_script_and_its_refusal_is_an_error(shell: Any) -> None:
    shell.program("sbatch", 'cat > shown; echo "$@" > arguments; exit 0')
    assert await try_submission(shell, "#!/bin/bash\nsleep 1\n") == []
    assert (shell.home / "shown").read_text() == "#!/bin/bash\nsleep 1\n"
    assert (shell.home / "arguments").read_text() == "--test-only\n"
    shell.program(
        "sbatch", 'echo "sbatch: error: Batch job submission failed: Invalid partition name specified" >&2; exit 1'
    )
    (finding,) = await try_submission(shell, "#!/bin/bash\n")
    assert (finding["severity"], finding["about"]) == ("error", "cluster")
    assert "partition" in finding["message"]


@pytest.mark.parametrize(
    ("start", "says"),
    [("now + 2 hours 10 minutes", "in about 02:10:00"), ("now", "at once"), ("now - 1 hour", "at once")],
)
async def test_slurms_estimate_of_the_start_is_told_by_its_own_clock(shell: Shell, start: str, says: str) -> None:
    shell.program("sbatch", f"echo sbatch: Job 7 to start at $(date -d '{start}' +%FT%T) using 4 processors >&2")
    [finding] = await try_submission(shell, "#!/bin/bash\n")  # type: ignore[arg-type]
    assert (finding["code"], finding["severity"]) == ("start-estimate", "advice")
    assert says in finding["message"]


async def test_an_answer_without_a_start_says_nothing(shell: Shell) -> None:
    shell.program("sbatch", "echo sbatch: Job 7 to start at some time >&2")
    assert await try_submission(shell, "#!/bin/bash\n") == []  # type: ignore[arg-type]
