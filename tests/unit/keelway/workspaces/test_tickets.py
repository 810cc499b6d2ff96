import pytest

from keelway.accounts.accounts import Accounts, Caller
from keelway.db.session import Database
from keelway.ids import SandboxId
from keelway.workspaces import tickets as module
from keelway.workspaces.tickets import TICKET, Tickets

SANDBOX = SandboxId("0c1d2e3f-0000-4000-8000-000000000001")
OTHER = SandboxId("0c1d2e3f-0000-4000-8000-000000000002")


@pytest.fixture
def tickets(database: Database) -> Tickets:
    return Tickets(b"k" * 32, Accounts(database), 8421)


@pytest.fixture
async def caller(tickets: Tickets) -> Caller:
    accounts = tickets.accounts
    cookie = await accounts.log_in(await accounts.new_login_key(await accounts.owner()))
    found = await accounts.by_cookie(cookie)
    assert found is not None
    return found


def ticket_of(url: str) -> str:
    return url.partition(f"?{TICKET}=")[2]


async def test_a_ticket_is_in_the_address_of_one_port_of_one_sandbox(
    tickets: Tickets, caller: Caller
) -> None:
    url = tickets.url(caller, SANDBOX, 5173)
    assert url.startswith(f"http://5173-{SANDBOX}.localhost:8421/?{TICKET}=")


async def test_a_ticket_becomes_a_cookie_once(tickets: Tickets, caller: Caller) -> None:
    ticket = ticket_of(tickets.url(caller, SANDBOX, 5173))
    cookie = await tickets.redeem(ticket, SANDBOX, 5173)
    assert cookie is not None
    assert await tickets.caller(cookie, SANDBOX, 5173) == caller
    assert await tickets.redeem(ticket, SANDBOX, 5173) is None


async def test_a_pass_opens_only_what_it_was_made_for(tickets: Tickets, caller: Caller) -> None:
    ticket = ticket_of(tickets.url(caller, SANDBOX, 5173))
    assert await tickets.redeem(ticket, OTHER, 5173) is None
    assert await tickets.redeem(ticket, SANDBOX, 3000) is None
    assert await tickets.caller(ticket, SANDBOX, 5173) is None  # a ticket is no cookie
    cookie = await tickets.redeem(ticket, SANDBOX, 5173)
    assert cookie is not None
    assert await tickets.caller(cookie, OTHER, 5173) is None
    assert await tickets.caller(cookie, SANDBOX, 3000) is None
    assert await tickets.redeem(cookie, SANDBOX, 5173) is None  # a cookie is no ticket


async def test_a_changed_byte_or_another_servers_key_opens_nothing(
    tickets: Tickets, caller: Caller
) -> None:
    ticket = ticket_of(tickets.url(caller, SANDBOX, 5173))
    for at in range(0, len(ticket), 7):
        changed = ticket[:at] + ("A" if ticket[at] != "A" else "B") + ticket[at + 1 :]
        assert await tickets.redeem(changed, SANDBOX, 5173) is None
    for junk in ("", ".", "a.b", "é.é", ticket.partition(".")[0]):
        assert await tickets.redeem(junk, SANDBOX, 5173) is None
    stranger = Tickets(b"x" * 32, tickets.accounts, 8421)
    assert await stranger.redeem(ticket, SANDBOX, 5173) is None


async def test_a_ticket_lasts_a_minute(
    tickets: Tickets, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TICKET_SECONDS", -1)
    ticket = ticket_of(tickets.url(caller, SANDBOX, 5173))
    assert await tickets.redeem(ticket, SANDBOX, 5173) is None


async def test_passes_end_with_the_session(tickets: Tickets, caller: Caller) -> None:
    ticket = ticket_of(tickets.url(caller, SANDBOX, 5173))
    cookie = await tickets.redeem(ticket, SANDBOX, 5173)
    late = ticket_of(tickets.url(caller, SANDBOX, 5173))
    await tickets.accounts.log_out(caller.credential)
    assert cookie is not None
    assert await tickets.caller(cookie, SANDBOX, 5173) is None
    assert await tickets.redeem(late, SANDBOX, 5173) is None
