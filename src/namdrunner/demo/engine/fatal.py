"""The one way in which the engine gives up: NAMD's FATAL ERROR."""

from __future__ import annotations

from collections.abc import Sequence


class FatalError(Exception):
    """Stops the run; printed as `FATAL ERROR: message`, after `errors`, one `ERROR: ` line each."""

    def __init__(self, message: str, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.errors = tuple(errors)


class UnstableError(FatalError):
    """The dynamics blew up; NAMD words it as errors and exits prematurely."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("Exiting prematurely; see error messages above.", errors)


def unsupported(what: str) -> FatalError:
    """The error for something NAMD can do and this engine cannot."""
    return FatalError(f"{what} is not supported by the OpenMM demo engine (NAMD itself can do it).")
