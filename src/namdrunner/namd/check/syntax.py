"""Whether the text is a config at all: its encoding, and what Tcl said."""

from __future__ import annotations

import shutil

from namdrunner.namd.check.context import Context

_HINTS = (
    ("too many args", "A comment behind run needs ';#', not '#'."),
    ("wrong # args", "Count the words; a comment behind a Tcl command needs ';#', not '#'."),
    ("expected integer", "Give a whole number without a decimal point or exponent."),
    ("no such variable", "Set the variable before its use; Tcl tells capitals from small letters."),
    (
        "no such element in array",
        "The variable of the environment may be unset where the job runs; set it in the config.",
    ),
    ("missing close-brace", "Close the brace; a brace in a comment counts too."),
    ("extra characters after close-brace", "Put a space or a new line behind the closing brace."),
    ('missing "', "Close the quotation mark."),
    (
        "can't find package",
        "Packages of VMD are not part of NAMD; prepare the input in VMD and run NAMD on the result.",
    ),
    ("was not set", "Give the keyword a value, or remove the line."),
    ("parameter unknown", "This word alone on a line is no command and no keyword."),
    ("no such file or directory", "Check the path; it counts from the folder of the config."),
    ("too many nested evaluations", "The file sources itself, or a procedure calls itself."),
    ("config parameter", "After the first run a keyword takes one word or three, no '=' and no comment."),
    ("not available while", "Prepare that before the run; it is not part of a NAMD config that can be checked."),
)


def check(ctx: Context) -> None:
    _encoding(ctx)
    failure = ctx.config.failure
    if failure is not None:
        hint = next((hint for words, hint in _HINTS if words in failure.message), "Correct this line.")
        when = " after the first stage has run" if failure.after_startup else ""
        shown = failure.message.strip().splitlines()[0]
        what = f" at: {failure.command.strip()}" if failure.command.strip() else ""
        word = failure.command.split()[0] if failure.command.split() else None
        ctx.error(
            "tcl-error",
            f"Tcl stops here{when}: {shown}{what}",
            hint,
            keyword=word,
            file=failure.file,
            line=failure.line,
        )
    if ctx.config.endless:
        ctx.warning(
            "endless-runs",
            "The script runs without an end that can be foreseen; only its beginning was evaluated.",
            "Bound the loop by a number of steps, so that length and output can be forecast.",
        )
    for problem in ctx.config.problems:
        if problem.code == "exec-not-run":
            words = problem.message.removeprefix("exec ").split()
            known = not words or shutil.which(words[0]) is not None
            say = ctx.advice if known else ctx.warning
            say(
                problem.code,
                problem.message + ".",
                "Check that the program exists on the compute node.",
                file=problem.file,
                line=problem.line,
            )


def _encoding(ctx: Context) -> None:
    try:
        head = ctx.config.path.read_bytes()[:4]
    except OSError:
        return
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        ctx.error(
            "config-encoding",
            "The config is UTF-16 text, which NAMD cannot read.",
            "Save it as plain text (UTF-8 without a mark, or ASCII).",
            line=1,
        )
    elif head[:3] == b"\xef\xbb\xbf":
        ctx.error(
            "config-encoding",
            "The config begins with a byte order mark, which NAMD takes for part of the first word.",
            "Save it as UTF-8 without a mark.",
            line=1,
        )
