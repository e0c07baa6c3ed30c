"""Every command as data: what it is called, where it lives, what it does in one line, and an example."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A command. ``target``: ``module:function`` below ``namdrunner.cli``."""

    name: str
    target: str
    help: str
    example: str
    raw: bool = False
    """All arguments go to the function as they are."""


@dataclass(frozen=True)
class Noun:
    """A group of commands. ``lead``: a verb of its own that runs when none is named."""

    name: str
    help: str
    verbs: tuple[Verb, ...]
    lead: Verb | None = None


CLUSTER = Noun(
    "cluster",
    "Register, connect and test clusters.",
    (
        Verb(
            "add",
            "clusters:add",
            "Register a cluster; nothing is contacted yet.",
            "namdrunner cluster add alpine --host login.rc.colorado.edu --user ralphie --profile alpine",
        ),
        Verb("list", "clusters:list_", "List the clusters and their connections.", "namdrunner cluster list"),
        Verb("show", "clusters:show", "Show all that is known of a cluster.", "namdrunner cluster show alpine"),
        Verb(
            "edit",
            "clusters:edit",
            "Change how a cluster is reached.",
            "namdrunner cluster edit alpine --user ralphie",
        ),
        Verb(
            "remove",
            "clusters:remove",
            "Forget a cluster; nothing on it is touched.",
            "namdrunner cluster remove alpine",
        ),
        Verb(
            "connect",
            "connecting:connect",
            "Connect, answering the cluster's questions in the terminal.",
            "namdrunner cluster connect alpine",
        ),
        Verb(
            "disconnect",
            "connecting:disconnect",
            "Close the connection; jobs go on.",
            "namdrunner cluster disconnect alpine",
        ),
        Verb(
            "test",
            "connecting:check_cluster",
            "Check what NAMDRunner needs on the cluster.",
            "namdrunner cluster test alpine",
        ),
        Verb(
            "discover",
            "discovery:discover",
            "Ask the cluster about itself; compare it with its profile.",
            "namdrunner cluster discover alpine --apply",
        ),
        Verb(
            "suggest",
            "discovery:suggest",
            "Suggest resources for a system, with reasons.",
            "namdrunner cluster suggest alpine --atoms 92224 --ns 100",
        ),
        Verb(
            "expect",
            "discovery:expect",
            "Say when a job would start: three signals, kept apart.",
            "namdrunner cluster expect alpine --partition acpu --qos cpu-normal --cores 64 --walltime 04:00:00",
        ),
        Verb(
            "export",
            "discovery:export",
            "Print its profile, to give away.",
            "namdrunner cluster export alpine --to alpine.toml",
        ),
        Verb(
            "import",
            "discovery:import_",
            "Keep a profile from a file.",
            "namdrunner cluster import alpine.toml --user ralphie",
        ),
        Verb(
            "duplicate",
            "discovery:duplicate",
            "Another cluster like this one.",
            "namdrunner cluster duplicate alpine alpine-test",
        ),
    ),
)

JOB = Noun(
    "job",
    "Create, submit, follow and fetch jobs.",
    (
        Verb(
            "create",
            "job_create:create",
            "Create a job: upload its files, config and job script.",
            "namdrunner job create prod --cluster alpine --config prod.namd --cores 16 --submit",
        ),
        Verb(
            "submit",
            "job_actions:submit",
            "Hand a job to Slurm, exactly once.",
            "namdrunner job submit prod_1764547200000",
        ),
        Verb("sync", "job_actions:sync", "Ask the clusters now how jobs stand.", "namdrunner job sync"),
        Verb(
            "list",
            "job_show:list_",
            "List jobs, newest first.",
            "namdrunner job list --status RUNNING --cluster alpine",
        ),
        Verb(
            "show",
            "job_show:show",
            "Show all that is known of a job.",
            "namdrunner job show prod_1764547200000",
        ),
        Verb(
            "watch",
            "job_watch:watch",
            "Follow a job to its end; exit status 0 when it completed.",
            "namdrunner job watch prod_1764547200000",
        ),
        Verb(
            "logs",
            "job_results:logs",
            "Print the log of NAMD, or Slurm's.",
            "namdrunner job logs prod_1764547200000 --follow",
        ),
        Verb(
            "energies",
            "job_results:energies",
            "Print the energies, write them as CSV, or follow them live.",
            "namdrunner job energies prod_1764547200000 --follow",
        ),
        Verb(
            "files",
            "job_results:files",
            "List inputs and outputs.",
            "namdrunner job files prod_1764547200000",
        ),
        Verb(
            "download",
            "job_results:download",
            "Bring files home, verified by checksum.",
            "namdrunner job download prod_1764547200000 '*.dcd' --to results",
        ),
        Verb(
            "continue",
            "job_continue:continue_",
            "Make a job that goes on from another's restart files.",
            "namdrunner job continue prod_1764547200000 --time '5 ns' --submit",
        ),
        Verb(
            "checkpoints",
            "job_continue:checkpoints",
            "Show what a job can be continued from.",
            "namdrunner job checkpoints prod_1764547200000",
        ),
        Verb(
            "chain",
            "job_continue:chain",
            "Show or stop a job that continues itself.",
            "namdrunner job chain prod_1764547200000 --stop",
        ),
        Verb(
            "tree",
            "job_continue:tree",
            "Show a job's parents and continuations.",
            "namdrunner job tree prod_1764547200000",
        ),
        Verb(
            "cancel",
            "job_actions:cancel",
            "Cancel a job; what it has written is kept.",
            "namdrunner job cancel prod_1764547200000",
        ),
        Verb(
            "delete",
            "job_actions:delete",
            "Delete a job here and on the cluster.",
            "namdrunner job delete prod_1764547200000 --keep-remote",
        ),
    ),
)

TEMPLATE = Noun(
    "template",
    "List, render, write, import and compare templates.",
    (
        Verb("list", "templates:list_", "List the templates.", "namdrunner template list"),
        Verb(
            "show",
            "templates:show",
            "Show a template's variables and text.",
            "namdrunner template show explicit_solvent_npt",
        ),
        Verb(
            "render",
            "templates:render",
            "Print the NAMD config for some values.",
            "namdrunner template render explicit_solvent_npt --set temperature=310 --file structure_file=ala.psf",
        ),
        Verb(
            "validate",
            "templates:validate",
            "Say what is wrong with a template file.",
            "namdrunner template validate my_template.namd",
        ),
        Verb(
            "import",
            "template_library:import_",
            "Keep a template, JSON, NAMD config, or a folder of configs.",
            "namdrunner template import charmm-gui/namd",
        ),
        Verb(
            "export",
            "template_library:export",
            "Print a template's text, or write it to a file.",
            "namdrunner template export my_npt --to my_npt.namd",
        ),
        Verb(
            "new",
            "template_library:new",
            "Make a template to begin with.",
            "namdrunner template new my_npt --from npt_production",
        ),
        Verb("edit", "template_library:edit", "Edit a template in your editor.", "namdrunner template edit my_npt"),
        Verb(
            "duplicate",
            "template_library:duplicate",
            "Copy a template under another id.",
            "namdrunner template duplicate npt_production my_npt",
        ),
        Verb(
            "delete",
            "template_library:delete",
            "Delete a template of your own.",
            "namdrunner template delete my_npt",
        ),
        Verb(
            "history",
            "template_library:history",
            "List every text a template had.",
            "namdrunner template history my_npt",
        ),
        Verb(
            "restore",
            "template_library:restore",
            "Bring back an earlier version, or a deleted template.",
            "namdrunner template restore my_npt 2",
        ),
        Verb(
            "diff",
            "template_library:diff",
            "Show what changed between versions.",
            "namdrunner template diff my_npt 1 2",
        ),
    ),
)

DATABASE = Noun(
    "database",
    "Look after the local database; nothing on a cluster is touched.",
    (
        Verb("show", "database:show", "Where it is, its size and backups.", "namdrunner database show"),
        Verb("backup", "database:backup", "Make a copy beside it.", "namdrunner database backup"),
        Verb(
            "restore",
            "database:restore",
            "Put a backup in its place.",
            "namdrunner database restore ~/namdrunner-20261122T225301Z.sqlite",
        ),
        Verb("reset", "database:reset", "Forget jobs and clusters here.", "namdrunner database reset --yes"),
        Verb(
            "forget-jobs",
            "database:forget_jobs",
            "Empty the local list of jobs; a sync restores it.",
            "namdrunner database forget-jobs --yes",
        ),
    ),
)

SETTINGS = Noun(
    "settings",
    "Defaults, limits, notifications; and all that was set up, in one file.",
    (
        Verb("show", "settings:show", "Show every setting.", "namdrunner settings show"),
        Verb("set", "settings:set_", "Change a setting.", "namdrunner settings set downloads.folder ~/results"),
        Verb("unset", "settings:unset", "Go back to a default.", "namdrunner settings unset polling.floor_s"),
        Verb(
            "export",
            "settings:export",
            "Write settings, clusters, profiles and templates to a file.",
            "namdrunner settings export namdrunner.json",
        ),
        Verb("import", "settings:import_", "Take over an exported file.", "namdrunner settings import namdrunner.json"),
    ),
)

LOG = Noun(
    "log",
    "Read NAMD and Slurm logs.",
    (
        Verb(
            "show",
            "log:show",
            "Steps, speed, end and last energies of a NAMD log.",
            "namdrunner log show namd.log",
        ),
        Verb(
            "energies",
            "log:energies",
            "Energies of a NAMD log as a table or CSV.",
            "namdrunner log energies namd.log --csv energies.csv",
        ),
        Verb(
            "diagnose",
            "log:diagnose",
            "Say why a run failed and what to do.",
            "namdrunner log diagnose namd.log slurm-4242.out",
        ),
    ),
)

DEMO = Noun(
    "demo",
    "A cluster and a sample system on this computer, to try everything.",
    (
        Verb(
            "engine",
            "demo:engine",
            "Run the OpenMM demo engine on a NAMD config.",
            "namdrunner demo engine prod.namd +p2",
            raw=True,
        ),
    ),
    lead=Verb("demo", "demo:demo", "Run the demonstration.", "namdrunner demo --headless"),
)

ROOT: tuple[Verb | Noun, ...] = (
    JOB,
    CLUSTER,
    TEMPLATE,
    Verb(
        "check",
        "check:check",
        "Check a NAMD config and its files before submission.",
        "namdrunner check step5/prod.namd --namd-version 3.0 --gpu",
    ),
    LOG,
    DATABASE,
    SETTINGS,
    DEMO,
    Verb(
        "serve",
        "server:serve",
        "Run the server in the foreground.",
        "namdrunner serve --port 8620 --no-browser",
    ),
    Verb("stop", "server:stop", "End the server; jobs on clusters go on.", "namdrunner stop"),
    Verb("status", "server:status", "What runs, since when, which connections.", "namdrunner status"),
    Verb("doctor", "doctor:doctor", "Check this computer, with remedies.", "namdrunner doctor"),
)
