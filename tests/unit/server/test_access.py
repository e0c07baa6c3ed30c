"""Who is let in, and who is not."""

from __future__ import annotations

import httpx
import pytest
from tests.unit.server.conftest import BASE, PORT, TOKEN

from namdrunner.server.pages import local_path
from namdrunner.server.tickets import TICKET_LIFETIME_S, Tickets

PROBLEM = "application/problem+json"


async def test_a_program_with_the_token_gets_in(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/ping")).status_code == 200


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]
)
async def test_without_the_token_the_api_is_closed(stranger: httpx.AsyncClient, authorization: str) -> None:
    answer = await stranger.get("/api/v1/jobs", headers={"Authorization": authorization.encode()})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["code"] == "token-missing"
    assert "Bearer" in answer.headers["www-authenticate"]


async def test_the_token_in_the_address_is_not_accepted(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get(f"/api/v1/jobs?token={TOKEN}")).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", "localhost", ""])
async def test_a_rebound_host_name_is_refused_even_with_the_token(http: httpx.AsyncClient, host: str) -> None:
    answer = await http.get("/api/v1/ping", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "host-not-allowed")


async def test_localhost_is_as_good_as_its_number(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/ping", headers={"Host": f"localhost:{PORT}"})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", f"https://127.0.0.1:{PORT}", "file://"]
)
async def test_pages_of_other_origins_are_refused(browser: httpx.AsyncClient, origin: str) -> None:
    for method in ("GET", "POST"):
        answer = await browser.request(method, "/api/v1/ping", headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "origin-not-allowed")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_other_sites_and_other_local_ports_may_not_even_read(browser: httpx.AsyncClient, site: str) -> None:
    """SameSite cookies are sent to every port of the host: the header tells a neighbour's page from ours."""
    assert (await browser.get("/api/v1/jobs", headers={"Sec-Fetch-Site": site})).status_code == 403


async def test_the_browser_is_let_in_once_per_ticket(stranger: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    url = (await http.post("/api/v1/tickets", json={"page": "/jobs/x"})).json()["url"]
    assert url.startswith(f"{BASE}/open?token=")
    assert TOKEN not in url
    first = await stranger.get(url)
    cookie = first.headers["set-cookie"].lower()
    assert first.status_code == 303
    assert first.headers["location"] == "/jobs/x"
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    stranger.cookies.clear()
    assert (await stranger.get(url)).status_code == 401


async def test_reloading_the_ticket_address_keeps_the_session(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/open?token=used-up")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_cookie_reads_but_changes_only_from_our_own_pages(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/v1/jobs")).status_code == 200
    assert (await browser.post("/api/v1/tickets", json={})).status_code == 401
    assert (await browser.post("/api/v1/tickets", json={}, headers={"Origin": BASE})).status_code == 201
    same = {"Sec-Fetch-Site": "same-origin"}
    assert (await browser.post("/api/v1/tickets", json={}, headers=same)).status_code == 201


async def test_a_form_cannot_post(browser: httpx.AsyncClient) -> None:
    """A form of another site can send text/plain without asking; it is not taken for JSON."""
    headers = {"Origin": BASE, "Content-Type": "text/plain"}
    answer = await browser.post("/api/v1/tickets", content='{"page": "/"}', headers=headers)
    assert answer.status_code == 422


async def test_pages_are_locked_but_their_style_is_not(stranger: httpx.AsyncClient) -> None:
    locked = await stranger.get("/")
    assert locked.status_code == 401
    assert "namdrunner" in locked.text
    assert (await stranger.get("/static/status.css")).status_code == 200


async def test_every_answer_carries_the_security_headers(stranger: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    answers = [
        await stranger.get("/"),
        await stranger.get("/api/v1/jobs"),
        await stranger.get("/api/v1/jobs", headers={"Host": "evil.example"}),
        await http.get("/api/v1/jobs"),
        await http.get("/api/v1/jobs/broken"),
        await http.get("/static/status.js"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers
    assert answers[3].headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "page", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "jobs", "/a\nb"]
)
def test_the_way_in_leads_to_no_other_site(page: str) -> None:
    assert local_path(page) == "/"


def test_local_pages_are_kept() -> None:
    assert local_path("/jobs/x?tab=logs") == "/jobs/x?tab=logs"


def test_tickets_expire() -> None:
    now = [0.0]
    tickets = Tickets(clock=lambda: now[0])
    ticket, expires_at = tickets.issue()
    assert expires_at == TICKET_LIFETIME_S
    now[0] = TICKET_LIFETIME_S + 1
    assert tickets.redeem(ticket) is None
