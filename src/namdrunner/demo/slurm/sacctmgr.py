"""The stand-in for sacctmgr: it only shows."""

from __future__ import annotations

from collections.abc import Mapping

from namdrunner.demo.slurm.call import VERSION, Call, Reply
from namdrunner.demo.slurm.layout import render_table
from namdrunner.demo.slurm.model import Qos, Site
from namdrunner.demo.slurm.options import OptionTable, Refusal, names, parse
from namdrunner.demo.slurm.squeue import known_users
from namdrunner.demo.slurm.units import format_long

_TABLE = OptionTable(
    command="sacctmgr",
    values=frozenset({"delimiter"}),
    flags=names("noheader parsable parsable2 immediate quiet readonly associations version help verbose"),
    short={
        "n": "noheader", "p": "parsable", "P": "parsable2", "i": "immediate", "Q": "quiet", "r": "readonly",
        "s": "associations", "V": "version", "v": "verbose",
    },
)  # fmt: skip

_QOS = [
    "Name",
    "Priority",
    "GraceTime",
    "Preempt",
    "PreemptExemptTime",
    "PreemptMode",
    "Flags",
    "UsageThres",
    "UsageFactor",
    "GrpTRES",
    "GrpTRESMins",
    "GrpTRESRunMins",
    "GrpJobs",
    "GrpSubmit",
    "GrpWall",
    "MaxTRES",
    "MaxTRESPerNode",
    "MaxTRESMins",
    "MaxWall",
    "MaxTRESPU",
    "MaxJobsPU",
    "MaxSubmitPU",
    "MaxTRESPA",
    "MaxJobsPA",
    "MaxSubmitPA",
    "MinTRES",
]
_ASSOC = [
    "Cluster",
    "Account",
    "User",
    "Partition",
    "Share",
    "Priority",
    "GrpJobs",
    "GrpTRES",
    "GrpSubmit",
    "GrpWall",
    "GrpTRESMins",
    "MaxJobs",
    "MaxTRES",
    "MaxTRESPerNode",
    "MaxSubmit",
    "MaxWall",
    "MaxTRESMins",
    "QOS",
    "Def QOS",
    "GrpTRESRunMins",
]
_CLUSTER = [
    "Cluster",
    "ControlHost",
    "ControlPort",
    "RPC",
    "Share",
    "GrpJobs",
    "GrpTRES",
    "GrpSubmit",
    "MaxJobs",
    "MaxTRES",
    "MaxSubmit",
    "MaxWall",
    "QOS",
    "Def QOS",
]
_USER = ["User", "Def Acct", "Account", "QOS", "Admin"]
_ACCOUNT = ["Account", "Descr", "Org"]
_SYNONYMS = {
    "defaultqos": "Def QOS", "defaultaccount": "Def Acct", "adminlevel": "Admin",
    "maxwalldurationperjob": "MaxWall", "maxtresperuser": "MaxTRESPU", "maxjobsperuser": "MaxJobsPU",
    "maxsubmitjobsperuser": "MaxSubmitPU",
}  # fmt: skip

Record = Mapping[str, str]


async def run(call: Call) -> Reply:
    parsed = parse(_TABLE, call.arguments)
    if "version" in parsed:
        return Reply(f"slurm {VERSION}\n")
    words = list(parsed.arguments)
    if len(words) < 2 or words[0].lower() not in {"show", "list"}:
        raise Refusal("sacctmgr: error: You are not running a supported accounting_storage plugin")
    what, conditions = words[1].lower(), words[2:]
    columns, records = _records(call, what, conditions)
    asked = next((w.split("=", 1)[1] for w in conditions if w.lower().startswith("format=")), "")
    if asked:
        columns = [_column(name, columns) for name in asked.split(",")]
    rows = [[record.get(name, "") for name in columns] for record in records]
    delimiter = parsed.get("delimiter", "|") if {"parsable", "parsable2"} & parsed.options.keys() else ""
    text = render_table(
        [(name, 10) for name in columns],
        rows,
        header="noheader" not in parsed,
        delimiter=delimiter,
        trailing="parsable" in parsed,
    )
    return Reply(text)


def _column(name: str, known: list[str]) -> str:
    plain = name.split("%")[0].strip().lower()
    full = _SYNONYMS.get(plain, plain)
    for candidate in (*known, *_ASSOC, *_QOS, *_USER):
        if candidate.lower().replace(" ", "") == full.lower().replace(" ", ""):
            return candidate
    raise Refusal(f" Unknown field '{name}'")


def _records(call: Call, what: str, conditions: list[str]) -> tuple[list[str], list[Record]]:
    site = call.scheduler.site
    if what == "qos":
        return list(_QOS), [_qos(q) for q in site.qos]
    if what.startswith("assoc"):
        return list(_ASSOC), [_assoc(site, a) for a in site.accounts] if _about_us(call, conditions) else []
    if what.startswith("cluster"):
        return list(_CLUSTER), [{"Cluster": site.cluster, "ControlHost": "127.0.0.1", "Share": "1", "QOS": "normal"}]
    if what.startswith("user"):
        return list(_USER), [_user(site)] if _about_us(call, conditions) else []
    if what.startswith("account"):
        return list(_ACCOUNT), [{"Account": a, "Descr": "demonstration", "Org": "demo"} for a in site.accounts]
    raise Refusal(f" Unknown entity '{what}'")


def _about_us(call: Call, conditions: list[str]) -> bool:
    """Whether a condition ``user=NAME``, if there is one, names the demo's user."""
    names = [w.split("=", 1)[1] for w in conditions if w.lower().startswith(("user=", "users=", "name="))]
    return not names or any(n in known_users(call) for n in names[0].split(","))


def _qos(qos: Qos) -> Record:
    return {
        "Name": qos.name,
        "Priority": str(qos.priority),
        "GraceTime": "00:00:00",
        "PreemptMode": "cluster",
        "Flags": "DenyOnLimit",
        "UsageFactor": "1.000000",
        "MaxWall": format_long(qos.max_time_s) if qos.max_time_s else "",
        "MaxJobsPU": str(qos.max_jobs_per_user or ""),
    }


def _assoc(site: Site, account: str) -> Record:
    names = ",".join(sorted(q.name for q in site.qos))
    return {
        "Cluster": site.cluster, "Account": account, "User": site.user, "Share": "1", "QOS": names, "Def QOS": "normal",
    }  # fmt: skip


def _user(site: Site) -> Record:
    account = site.accounts[0]
    names = ",".join(sorted(q.name for q in site.qos))
    return {"User": site.user, "Def Acct": account, "Account": account, "QOS": names, "Admin": "None"}
