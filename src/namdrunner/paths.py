"""Where NAMDRunner keeps its own files on the person's machine; all of them readable by the owner only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "NAMDRUNNER_HOME"


@dataclass(frozen=True)
class Folders:
    """``data``: database, known hosts, profiles. ``state``: what runs now, logs. ``cache``: what can be made again."""

    data: Path
    state: Path
    cache: Path

    @classmethod
    def default(cls) -> Folders:
        """The platform's folders, or everything below ``$NAMDRUNNER_HOME`` where that is set."""
        home = os.environ.get(HOME_VARIABLE)
        if home:
            return cls.below(Path(home).expanduser().absolute())
        import platformdirs  # only here: saves start-up time of commands that are told where to look

        dirs = platformdirs.PlatformDirs("namdrunner", appauthor=False)
        return cls(Path(dirs.user_data_dir), Path(dirs.user_state_dir), Path(dirs.user_cache_dir))

    @classmethod
    def below(cls, root: Path) -> Folders:
        return cls(root / "data", root / "state", root / "cache")

    def ensure(self) -> Folders:
        """Create what is missing and take everybody else's access away."""
        for folder in (self.data, self.state, self.cache):
            folder.mkdir(parents=True, exist_ok=True)
            if os.name == "posix":
                folder.chmod(0o700)
        return self

    @property
    def database(self) -> Path:
        return self.data / "namdrunner.sqlite"

    @property
    def known_hosts(self) -> Path:
        return self.data / "known_hosts"

    @property
    def profiles(self) -> Path:
        return self.data / "profiles"

    @property
    def templates(self) -> Path:
        return self.data / "templates"

    @property
    def settings(self) -> Path:
        """The person's settings, a TOML file that may be edited by hand."""
        return self.data / "settings.toml"

    @property
    def staging(self) -> Path:
        return self.cache / "staging"

    @property
    def server_file(self) -> Path:
        """Port, process id and token of the running server (0600)."""
        return self.state / "server.json"

    @property
    def log_file(self) -> Path:
        return self.state / "server.log"
