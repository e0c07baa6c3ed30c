"""The line that starts NAMD, from a launch recipe."""

from __future__ import annotations

import re
import shlex

from namdrunner.errors import InputError
from namdrunner.slurm.geometry import Geometry
from namdrunner.slurm.profile import LaunchRecipe

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TOGETHER = "'exec \"$@\" 2>&1'"
"""Runs its arguments with what they write as errors in the same place as the rest."""
_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})")


def shell_word(text: str) -> str:
    """One word in which ``$NAME`` and ``${NAME}`` are expanded on the cluster, and nothing else is.

    Raises InputError (``recipe-invalid``) for control characters.
    """
    if _CONTROL.search(text):
        raise InputError(
            f"The launch recipe holds a control character in {text!r}.",
            code="recipe-invalid",
            remedy="Remove it from the cluster profile.",
        )
    if not _VARIABLE.search(text):
        return shlex.quote(text)
    parts, at = [], 0
    for match in _VARIABLE.finditer(text):
        parts += [re.sub(r'([\\"$`])', r"\\\1", text[at : match.start()]), match.group()]
        at = match.end()
    parts.append(re.sub(r'([\\"$`])', r"\\\1", text[at:]))
    return '"' + "".join(parts) + '"'


def launch_words(recipe: LaunchRecipe, layout: Geometry, config: str) -> list[str]:
    """The words of the launch line, ready for a shell; ``config`` is the config's base name."""
    words = ["bash", "-c", _TOGETHER, "namd"] if recipe.redirect == "together" else []
    words += _launcher(recipe, layout)
    if recipe.binary:
        words.append(shell_word(recipe.binary))
    words += _threads(recipe, layout)
    words += [shell_word(option) for option in recipe.options]
    words += _placement(recipe)
    words += _devices(recipe, layout)
    # A name such as +p4 or --x would be taken for an option.
    words.append(shlex.quote(f"./{config}" if config[:1] in "+-" else config))
    return words


def needed_commands(recipe: LaunchRecipe) -> list[tuple[str, str]]:
    """Commands that have to be there before NAMD is started, as shell words, each with what it is."""
    if recipe.launcher == "wrapper":
        return [(_wrapper(recipe).split()[0], "The site's command")]
    needed = [] if recipe.launcher == "none" else [(shlex.quote(recipe.launcher), "The launcher")]
    return [*needed, (shell_word(recipe.binary), "The NAMD binary")]


def _launcher(recipe: LaunchRecipe, layout: Geometry) -> list[str]:
    options = [shell_word(option) for option in recipe.launcher_options]
    match recipe.launcher:
        case "none":
            return []
        case "wrapper":
            return [_wrapper(recipe), *options]
        case "mpirun":
            return ["mpirun", "-np", str(layout.tasks), *options]
        case "mpiexec":
            return ["mpiexec", "-n", str(layout.tasks), *options]
        case "charmrun":
            return ["charmrun", f"+p{layout.tasks * layout.pe}", *options]
        case _:
            return [recipe.launcher, *options]


def _wrapper(recipe: LaunchRecipe) -> str:
    """Shell text as the profile has it: containers and site commands bring quotes and substitutions of their own."""
    if not recipe.wrapper.strip() or _CONTROL.search(recipe.wrapper):
        raise InputError(
            f"The launch recipe '{recipe.name}' has the launcher 'wrapper' without a command.",
            code="recipe-invalid",
            remedy="Set 'wrapper' in the cluster profile.",
        )
    return recipe.wrapper.strip()


def _threads(recipe: LaunchRecipe, layout: Geometry) -> list[str]:
    match recipe.pe_flag:
        case "":
            return []
        case "+p":
            return [f"+p{layout.pe}"]
        case _:
            return [recipe.pe_flag, str(layout.pe)]


def _placement(recipe: LaunchRecipe) -> list[str]:
    words = []
    for flag, value in (("+pemap", recipe.pemap), ("+commap", recipe.commap)):
        words += [flag, shell_word(value)] if value else []
    return [*words, "+pmepes", str(recipe.pmepes)] if recipe.pmepes is not None else words


def _devices(recipe: LaunchRecipe, layout: Geometry) -> list[str]:
    if recipe.devices == "list" and layout.gpus_per_node:
        return ["+devices", ",".join(str(number) for number in range(layout.gpus_per_node))]
    if recipe.devices == "cuda-visible-devices":
        return ["+devices", '"$CUDA_VISIBLE_DEVICES"']
    return []
