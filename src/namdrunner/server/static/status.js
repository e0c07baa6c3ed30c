// The plain status page: what the API knows, kept up to date by its event stream.
// Everything from the server is put in as text, never as markup.

const API = "/api/v1";
const GOOD = ["COMPLETED"];
const BAD = ["FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "CANCELLED", "UNKNOWN"];
const LIVE = ["RUNNING", "COLLECTING"];
const state = { jobs: [], clusters: [], open: null, view: "overview" };

const byId = (id) => document.getElementById(id);

async function get(path) {
  const response = await fetch(API + path, { headers: { Accept: "application/json" } });
  const document = await response.json();
  if (!response.ok) throw new Error(document.message || document.title);
  return document;
}

function element(tag, text = "", className = "") {
  const node = document.createElement(tag);
  if (text !== "") node.textContent = text;
  if (className) node.className = className;
  return node;
}

const number = (value, digits = 2) => (value == null ? "" : value.toLocaleString(undefined, { maximumFractionDigits: digits }));

function duration(seconds) {
  if (seconds == null) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${number(seconds / 3600, 1)} h` : `${number(seconds / 86400, 1)} d`;
}

function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  for (; value >= 1000 && step < units.length - 1; step++) value /= 1000;
  return `${number(value, step ? 1 : 0)} ${units[step]}`;
}

const moment = (text) =>
  text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short", hour12: false }) : "";

function kindOf(status) {
  if (GOOD.includes(status)) return "good";
  if (BAD.includes(status)) return "bad";
  return LIVE.includes(status) ? "live" : "wait";
}

function showClusters() {
  byId("no-clusters").hidden = state.clusters.length > 0;
  byId("clusters").replaceChildren(...state.clusters.map((cluster) => {
    const card = element("li");
    const kinds = { connected: "good", connecting: "wait", expired: "bad", disconnected: "wait" };
    card.append(element("strong", cluster.name), element("span", cluster.state, `state ${kinds[cluster.state]}`));
    const address = [cluster.user, cluster.host].filter(Boolean).join("@") + (cluster.port ? `:${cluster.port}` : "");
    card.append(element("div", address, "quiet mono"));
    if (cluster.reason) card.append(element("div", cluster.reason, "quiet"));
    return card;
  }));
}

function progressCell(job) {
  const cell = element("td");
  const { step, target_step: target } = job.progress || {};
  if (target) {
    const bar = element("progress");
    bar.max = target;
    bar.value = step || 0;
    bar.setAttribute("aria-label", `step ${step || 0} of ${target}`);
    cell.append(bar, element("span", `${number(step || 0, 0)} / ${number(target, 0)}`, "quiet"));
  } else if (step != null) cell.textContent = `step ${number(step, 0)}`;
  return cell;
}

function button(label, job, view) {
  const node = element("button", label);
  node.type = "button";
  node.addEventListener("click", () => open(job.id, view));
  return node;
}

function jobRow(job) {
  const row = element("tr");
  const status = element("td");
  status.append(element("span", job.status, `state ${kindOf(job.status)}`));
  if (job.queue_reason && job.status === "PENDING") status.append(element("div", job.queue_reason, "quiet"));
  const look = element("td");
  look.append(button("Details", job, "overview"), button("Log", job, "namd"), button("Files", job, "files"));
  row.append(
    element("td", job.name), status, element("td", job.cluster), progressCell(job),
    element("td", number(job.progress?.ns_per_day), "number"),
    element("td", kindOf(job.status) === "live" ? duration(job.progress?.eta_s) : "", "number"),
    element("td", (job.slurm_ids || []).join(", "), "mono"), element("td", moment(job.submitted_at)), look,
  );
  return row;
}

function showJobs() {
  byId("jobs").hidden = state.jobs.length === 0;
  byId("no-jobs").hidden = state.jobs.length > 0;
  byId("jobs").tBodies[0].replaceChildren(...state.jobs.map(jobRow));
}

function open(id, view) {
  state.open = id;
  state.view = view;
  showDetail();
  byId("detail").scrollIntoView({ block: "nearest" });
}

async function showDetail() {
  const job = state.jobs.find((candidate) => candidate.id === state.open);
  byId("detail").hidden = !job;
  if (!job) return;
  byId("detail-title").textContent = `${job.name} (${job.id})`;
  for (const tab of byId("tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.view === state.view));
  const wanted = `${job.id} ${state.view}`;
  let content;
  try {
    content = await VIEWS[state.view](job.id);
  } catch (error) {
    content = element("p", String(error.message), "quiet");
  }
  if (wanted === `${state.open} ${state.view}`) byId("view").replaceChildren(content);
}

async function overview(id) {
  const job = await get(`/jobs/${encodeURIComponent(id)}`);
  const list = element("dl");
  const add = (name, value) => { if (value) list.append(element("dt", name), element("dd", String(value))); };
  add("Status", job.status);
  add("Why", job.reason);
  add("What to do", job.remedy);
  add("Not up to date", job.stale);
  for (const item of job.diagnosis) add("Diagnosis", `${item.message} ${item.remedy || ""}`);
  add("Created", moment(job.created_at));
  add("Started", moment(job.started_at));
  add("Ended", moment(job.ended_at));
  add("Exit code", job.exit_code == null ? "" : String(job.exit_code));
  add("Project folder", job.project_dir);
  add("Scratch folder", job.scratch_dir);
  for (const item of job.evidence) add("Evidence", `${item.source}: ${item.says}`);
  return list;
}

async function logView(id, which) {
  const log = await get(`/jobs/${encodeURIComponent(id)}/logs?which=${which}`);
  const view = element("pre", log.text || "Nothing has been written yet.");
  requestAnimationFrame(() => { view.scrollTop = view.scrollHeight; });
  return view;
}

async function files(id) {
  const found = await get(`/jobs/${encodeURIComponent(id)}/files`);
  const table = element("table");
  const body = element("tbody");
  for (const [kind, list] of [["input", found.inputs], ["output", found.outputs]]) {
    for (const file of list) {
      const row = element("tr");
      row.append(element("td", kind, "quiet"), element("td", file.name, "mono"), element("td", bytes(file.bytes), "number"));
      body.append(row);
    }
  }
  table.append(body);
  return body.children.length ? table : element("p", "No files yet.", "quiet");
}

const VIEWS = { overview, namd: (id) => logView(id, "namd"), slurm: (id) => logView(id, "slurm"), files };

byId("tabs").addEventListener("click", (event) => {
  const view = event.target.dataset?.view;
  if (view === "close") state.open = null;
  else if (view) state.view = view;
  showDetail();
});

async function load() {
  const [status, clusters, jobs] = await Promise.all([get("/status"), get("/clusters"), get("/jobs?limit=500")]);
  byId("server").textContent = `version ${status.version}, process ${status.pid}`;
  Object.assign(state, { clusters: clusters.clusters, jobs: jobs.jobs });
  showClusters();
  showJobs();
}

let pending = null;
function soon() {
  pending ??= setTimeout(async () => {
    pending = null;
    await load().catch(() => {});
    if (state.open) showDetail();
  }, 300);
}

function listen() {
  const events = new EventSource(`${API}/events`);
  events.onopen = () => { byId("live").textContent = "live"; soon(); };
  events.onerror = () => {
    byId("live").textContent = "The server does not answer. Run namdrunner to start it again.";
  };
  for (const kind of ["job.updated", "job.deleted", "connection.changed", "cluster.updated", "reset"]) {
    events.addEventListener(kind, soon);
  }
}

load().then(listen).catch((error) => { byId("server").textContent = String(error.message); });
