"""How often others may have this server ask another one."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from remote.peers import Peer, StartPeer, answer

from fedblog.federation.errors import not_now
from fedblog.remote import askings
from fedblog.remote.askings import Askings, of_client, of_host, on_behalf_of
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import ShortError, UnreachableError
from fedblog.settings import Settings

ANY = "*/*"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock | None = None, **changes: float) -> Askings:
    bounds: dict[str, float] = {
        "asked_rate": 60,
        "asked_burst": 6,
        "asker_rate": 60,
        "asker_burst": 4,
    }
    settings = Settings(data_dir=Path("nowhere"), **bounds | changes)  # type: ignore[arg-type]
    return Askings(settings, clock=clock or Clock())


def taken(bounds: Askings, host: str, asker: askings.Asker | None, most: int = 100) -> int:
    """How many requests to *host* are let through, of *most*."""
    for number in range(most):
        try:
            if asker is None:
                bounds.take(host)
            else:
                with on_behalf_of(asker):
                    bounds.take(host)
        except ShortError:
            return number
    return most


def test_one_asker_may_have_us_ask_a_few_times_whomever_it_names() -> None:
    bounds = make()
    asked = [taken(bounds, f"{name}.example", of_host("evil.example"), 1) for name in "abcdefgh"]
    assert asked == [1, 1, 1, 1, 0, 0, 0, 0]


async def test_one_address_waits_for_half_of_all_keys_at_most() -> None:
    bounds = make(unproven_fetches=8)
    stranger, other = of_client("192.0.2.1"), of_client("192.0.2.2")
    async with AsyncExitStack() as held:
        with on_behalf_of(stranger):
            for number in range(4):
                await held.enter_async_context(bounds.turn(f"{number}.example"))
            with pytest.raises(ShortError) as refused:
                await held.enter_async_context(bounds.turn("one-more.example"))
        assert refused.value.is_askers
        with on_behalf_of(other):
            await held.enter_async_context(bounds.turn("five.example"))
    with on_behalf_of(stranger):
        async with bounds.turn("one-more.example"):
            pass


def test_many_askers_may_not_have_us_ask_one_domain_without_end() -> None:
    bounds = make()
    asked = sum(
        taken(bounds, f"{number}.victim.example:444", of_host(f"evil{number}.example"), 1)
        for number in range(50)
    )
    assert asked == 6


@pytest.mark.parametrize(
    "askers",
    [
        [of_host(f"{number}.evil.example:{number + 1}") for number in range(20)],
        [of_client(f"2001:db8:1:2::{number}") for number in range(20)],
        [of_client("192.0.2.7") for _ in range(20)],
    ],
    ids=["subdomains and ports", "addresses of a network", "one address"],
)
def test_names_and_addresses_that_cost_nothing_are_one_asker(askers: list[askings.Asker]) -> None:
    bounds = make()
    asked = sum(taken(bounds, f"v{n}.example", asker, 1) for n, asker in enumerate(askers))
    assert asked == 4


def test_bounds_pass_with_time_and_say_how_long_it_takes() -> None:
    clock = Clock()
    bounds = make(clock)
    asker = of_host("evil.example")
    assert taken(bounds, "victim.example", asker) == 4
    with on_behalf_of(asker), pytest.raises(ShortError) as refused:
        bounds.take("victim.example")
    assert refused.value.is_askers
    assert 0 < refused.value.retry_after <= 1
    clock.now += 2
    assert taken(bounds, "victim.example", asker) == 2


def test_shortage_that_is_not_the_askers_is_told_apart() -> None:
    bounds = make()
    for number in range(6):
        taken(bounds, "victim.example", of_host(f"evil{number}.example"), 1)
    with on_behalf_of(of_host("honest.example")), pytest.raises(ShortError) as refused:
        bounds.take("victim.example")
    assert not refused.value.is_askers
    assert taken(bounds, "other.example", of_host("honest.example"), 1) == 1


def test_wish_of_the_asked_host_itself_costs_nothing_and_its_way_stays_open() -> None:
    bounds = make()
    for _ in range(50):
        asker = of_client("192.0.2.7")
        assert taken(bounds, "honest.example", asker, 1) == 1
        bounds.was_right(asker, "honest.example")
    for number in range(20):
        taken(bounds, "honest.example", of_host(f"evil{number}.example"), 1)
    # Others have used up what may be asked of it: not those whom it is known to send from.
    assert taken(bounds, "honest.example", of_client("192.0.2.8"), 1) == 0
    assert taken(bounds, "honest.example", of_client("192.0.2.7")) == 4


def test_people_of_the_blog_itself_are_not_bounded() -> None:
    bounds = make()
    bounds.failed("victim.example", 9.0)
    assert taken(bounds, "victim.example", askings.OURSELVES) == 100


def test_who_asks_is_unknown_and_the_asked_domain_is_bounded_all_the_same() -> None:
    assert taken(make(), "victim.example", None) == 6


def test_host_that_never_answered_rests_at_once_and_ever_longer() -> None:
    clock = Clock()
    bounds = make(clock)
    for seconds in (60, 120, 240):
        assert bounds.failed("silent.example", 9.0) == seconds
        with pytest.raises(ShortError) as refused:
            bounds.take("silent.example")
        assert refused.value.retry_after == pytest.approx(seconds)
        clock.now += 10
        assert bounds.failed("silent.example", 9.0) == seconds - 10  # begun before it rested
        clock.now += seconds - 10
        assert taken(bounds, "silent.example", None, 1) == 1
    bounds.answered("silent.example")
    assert bounds.failed("silent.example", 9.0) == 0
    assert taken(bounds, "silent.example", None, 1) == 1


def test_host_that_answered_lately_rests_only_after_more_outages() -> None:
    bounds = make()
    bounds.answered("good.example")
    for _ in range(3):
        bounds.failed("good.example", 9.0)
        assert taken(bounds, "good.example", None, 1) == 1
    bounds.failed("good.example", 9.0)
    assert taken(bounds, "good.example", None, 1) == 0


def test_failure_that_took_no_time_is_no_outage() -> None:
    bounds = make()
    for _ in range(20):
        assert bounds.failed("away.example", 0.2) == 0
    assert taken(bounds, "away.example", None, 1) == 1


@pytest.mark.parametrize(
    "others",
    [("192.0.2.1:8002",), ("victim.example", "www.victim.example:8001", "victim.example:8002")],
)
def test_outage_says_nothing_of_other_ports_and_names(others: tuple[str, ...]) -> None:
    bounds = make()
    for host in ("192.0.2.1:8001", "victim.example:8001", "www.victim.example"):
        bounds.failed(host, 9.0)
        assert taken(bounds, host, None, 1) == 0
    for host in others:
        assert taken(bounds, host, None, 1) == 1


def test_outages_that_others_met_do_not_close_an_open_way() -> None:
    clock = Clock()
    bounds = make(clock)
    bounds.was_right(of_client("192.0.2.7"), "honest.example")
    for _ in range(10):
        with on_behalf_of(of_client("192.0.2.66")):
            bounds.failed("honest.example", 9.0)
    assert taken(bounds, "honest.example", of_client("192.0.2.66"), 1) == 0
    assert taken(bounds, "honest.example", of_client("192.0.2.7"), 1) == 1
    # Its own do: whoever once was right holds no places with a host that falls silent.
    with on_behalf_of(of_client("192.0.2.7")):
        bounds.failed("honest.example", 9.0)
    assert taken(bounds, "honest.example", of_client("192.0.2.7"), 1) == 0
    clock.now += 60
    assert taken(bounds, "honest.example", of_client("192.0.2.7"), 1) == 1


async def test_every_hop_of_a_redirect_counts_for_the_host_it_asks(
    make_client: "object", settings: Settings, start_peer: StartPeer
) -> None:
    evil, victim = await start_peer(), await start_peer("127.0.2.1")
    victim.answers["/"] = answer(b"hello")
    bounded = settings.model_copy(update={"asked_burst": 5, "asker_burst": 100})
    client: RemoteClient = make_client(bounded)  # type: ignore[operator]
    for number in range(8):
        evil.answers[f"/{number}"] = answer(b"", status=302, Location=f"{victim.url}/")
    for number in range(8):
        try:
            with on_behalf_of(of_host(f"evil{number}.example")):
                await client.get(f"{evil.url}/{number}", accept=ANY)
        except ShortError:
            pass
    assert len(victim.asked) <= 5


async def test_silent_host_is_not_asked_again(
    make_client: "object", settings: Settings, peer: Peer
) -> None:
    async def silent(_asked: object, _writer: object) -> None:
        await asyncio.Event().wait()

    peer.answers["/"] = silent  # type: ignore[assignment]
    bounded = settings.model_copy(update={"fetch_timeout": 0.5, "fetch_patience": 0.2})
    client: RemoteClient = make_client(bounded)  # type: ignore[operator]
    with pytest.raises(UnreachableError) as failed:
        await client.get(f"{peer.url}/", accept=ANY)
    assert failed.value.retry_after == 60
    assert not_now(failed.value).retry_after == 60
    connections = peer.connections
    with pytest.raises(ShortError) as refused:
        await client.get(f"{peer.url}/", accept=ANY)
    assert refused.value.retry_after > 30
    assert peer.connections == connections


async def test_host_that_refuses_at_once_is_asked_again(client: RemoteClient) -> None:
    for _ in range(3):
        with pytest.raises(UnreachableError):
            await client.get("http://127.0.0.1:1/", accept=ANY)


async def test_who_redirects_at_the_last_moment_has_the_outage_itself(
    make_client: "object", settings: Settings, start_peer: StartPeer
) -> None:
    evil, victim = await start_peer(), await start_peer("127.0.2.1")

    async def late(_asked: object, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.0)
        writer.write(answer(status=302, Location=f"{victim.url}/"))

    async def breaks_off(_asked: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    evil.answers["/"] = late
    victim.answers["/"] = breaks_off
    victim.answers["/fine"] = answer(b"hello")
    bounded = settings.model_copy(update={"fetch_patience": 0.2})
    client: RemoteClient = make_client(bounded)  # type: ignore[operator]
    for _ in range(4):  # it did answer
        with pytest.raises(UnreachableError):
            await client.get(f"{evil.url}/", accept=ANY)
    with pytest.raises(ShortError, match=evil.url.removeprefix("http://")):
        await client.get(f"{evil.url}/", accept=ANY)
    assert (await client.get(f"{victim.url}/fine", accept=ANY)).body == b"hello"


def test_sender_is_told_how_long_a_silent_host_is_left_alone() -> None:
    error = UnreachableError("silence")
    assert not_now(error).retry_after == 60
    error.retry_after = 480.0
    assert not_now(error.bare()).retry_after == 480
