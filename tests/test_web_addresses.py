"""Which addresses are asked for (F-02), and which machines connected to (F-03, F-04)."""

from __future__ import annotations

import ipaddress
import itertools
from urllib.parse import urlsplit

import httpcore
import httpx
import pytest
from hostile import CONTACT, OURS, Book, Clock, Hostile, Stub, fetcher, http, moved, stubbed
from hypothesis import example, given, strategies as st

from tickertrack.errors import FetchError
from tickertrack.sources.web import Fetcher, Manners, Network
from tickertrack.sources.web.addresses import Address, is_public, parse_address
from tickertrack.sources.web.faults import OF_ADDRESS

PUBLIC = "93.184.215.14"
NAMES = {"localhost": "127.0.0.1", "inside.example": "10.0.0.8", "cloud.example": "169.254.169.254"}

# What an attacker puts into a feed, behind the reason that it is refused for.
ATTACKS = [
    tuple(line.split(maxsplit=1))
    for line in r"""
    scheme           file:///etc/passwd
    scheme           ftp://news.example/
    scheme           gopher://news.example:70/_x
    scheme           data:text/html,x
    scheme           javascript:alert(1)
    scheme           //news.example/x
    credentials      http://user@news.example/
    credentials      http://news.example@127.0.0.1/
    credentials      http://news.example:80@169.254.169.254/
    port             http://news.example:22/
    port             http://news.example:8080/
    port             https://news.example:80/
    port             http://news.example:99999/
    port             http://news.example:80:80/
    ip_literal       http://127.0.0.1/
    ip_literal       http://169.254.169.254/latest/meta-data/
    ip_literal       http://2130706433/
    ip_literal       http://0x7f000001/
    ip_literal       http://0x7f.1/
    ip_literal       http://017700000001/
    ip_literal       http://0177.0.0.1/
    ip_literal       http://127.1/
    ip_literal       http://127.0.0.0x1/
    ip_literal       http://0/
    ip_literal       http://[::1]/
    ip_literal       http://[::ffff:127.0.0.1]/
    ip_literal       http://[64:ff9b::7f00:1]/
    ip_literal       http://[2002:7f00:1::]/
    ip_literal       http://[2001:0:7f00:1::]/
    host             http://news.example./
    host             http://127.0.0.1./
    host             http://①②⑦.⓪.⓪.①/
    host             http://news.example%2eevil.example/
    host             http:///127.0.0.1/
    malformed        http://news.example\@127.0.0.1/
    private_address  http://localhost/
    private_address  http://inside.example/
    private_address  https://cloud.example/latest/meta-data/
    foreign_host     http://evil.example/
    foreign_host     http://news.example.evil.example/
    """.strip().splitlines()
]
# As the worst of settings would have it: whatever can be a host is the publisher's own.
HOSTS = frozenset(
    host
    for reason, url in ATTACKS
    if reason != "foreign_host" and (host := urlsplit(url).hostname) is not None
)


def told(url: str, network: Network, hosts: frozenset[str], **manners: object) -> str:
    """Give the reason that an address is not fetched for."""
    clock = Clock()
    asker = Fetcher(Manners(CONTACT, **manners), Book(), clock.now, clock.wait, network)
    with pytest.raises(FetchError) as caught:
        asker.get(url, hosts=hosts)
    return caught.value.reason


def test_forty_of_forty_ssrf_addresses_are_refused_before_a_socket_opens():
    network, stub = stubbed(lambda host, _: [NAMES.get(host, PUBLIC)])
    reasons = [(told(url, network, HOSTS), url) for _, url in ATTACKS]
    assert (len(ATTACKS), reasons, stub.dialled) == (40, ATTACKS, [])


def test_ten_public_addresses_pass_the_check():
    network, stub = stubbed(lambda *_: [PUBLIC])
    hosts = [f"{name}.example" for name in "news www amp i m en ur feeds cdn xn--mgbu0b".split()]
    for host in hosts:
        assert told(f"https://{host}/news/1", network, frozenset(hosts), tries=1) == "unreachable"
    assert stub.dialled == [PUBLIC] * 10


class Fence(Stub):
    """A connecting step that leads to one server only, and notes all other ways."""

    home: tuple[str, int]

    def connect_tcp(self, host: str, port: int, *rest: object) -> httpcore.NetworkStream:
        """Connect to the server; note whatever else."""
        if (host, port) == self.home:
            return httpcore.SyncBackend().connect_tcp(host, port, *rest)
        return super().connect_tcp(host, port, *rest)


def test_a_redirect_to_any_of_them_is_not_followed():
    fence = Fence()
    network = Network(lambda host, _: [NAMES.get(host, host)], fence)
    with Hostile() as server:
        fence.home = ("127.0.0.1", server.port)
        for number, (_, url) in enumerate(ATTACKS):
            server.pages[f"/{number}"] = moved(url.encode().decode("latin-1"))
        allowed = frozenset({server.authority})
        for number in range(len(ATTACKS)):
            reason = told(
                server.url(f"/{number}"), network, HOSTS, allow_private=allowed, per_host_delay=0.0
            )
            # Without a host of its own it leads back to where it came from, where nothing stands.
            assert reason in {*OF_ADDRESS, "private_address", "status_404"}
    assert [host for host in fence.dialled if host != "news.example"] == []


def test_a_common_client_follows_a_redirect_anywhere():
    with Hostile() as inner, Hostile() as outer:
        inner.pages["/secret"] = http(b"secret")
        outer.pages["/"] = moved(inner.url("/secret"))
        followed = httpx.get(outer.url("/"), follow_redirects=True, trust_env=False)
        with pytest.raises(FetchError, match="names a machine by number"):
            fetcher(outer).get(outer.url("/"), hosts=OURS)
    assert (followed.content, inner.paths()) == (b"secret", ["/secret"])


ADDRESSES = """
+ 8.8.8.8  + 93.184.215.14  + 192.88.98.1  + 172.32.0.1  + 100.128.0.1  + 2606:4700::1111
+ 2a00:1450:4001:81b::200e  + 2001:4860:4860::8888
- 0.0.0.0  - 10.1.2.3  - 100.64.0.1  - 127.0.0.1  - 127.255.255.254  - 169.254.169.254
- 172.16.0.1  - 172.31.255.255  - 192.0.0.8  - 192.0.2.1  - 192.88.99.1  - 192.168.1.1
- 198.18.0.1  - 198.51.100.1  - 203.0.113.1  - 224.0.0.1  - 239.1.1.1  - 240.0.0.1
- 255.255.255.255  - 168.63.129.16  - 100.100.100.200  - ::  - ::1  - ::ffff:8.8.8.8
- ::ffff:127.0.0.1  - ::127.0.0.1  - 64:ff9b::7f00:1  - 64:ff9b::a9fe:a9fe  - 64:ff9b:1::1
- 100::1  - 2001::1  - 2001:0:7f00:1::  - 2001:db8::1  - 2002:7f00:1::  - 2002:a9fe:a9fe::
- 3fff::1  - 5f00::1  - fc00::1  - fd00:ec2::254  - fe80::1  - fe80::1%1  - fec0::1
- ff02::1  - no address
""".replace("\n", "  ").strip()


def test_what_is_public_is_known_from_our_own_list():
    rows = [row.split(" ", 1) for row in ADDRESSES.split("  ") if row]
    assert len(rows) > 23
    assert [number for sign, number in rows if is_public(number) != (sign == "+")] == []


def test_the_standard_library_is_wrong_about_some_of_them():
    wrong = [
        number
        for sign, number in (row.split(" ", 1) for row in ADDRESSES.split("  ") if row)
        if sign == "-" and number != "no address" and ipaddress.ip_address(number).is_global
    ]
    assert {"224.0.0.1", "64:ff9b::7f00:1", "fec0::1"} <= set(wrong)


def test_a_name_that_flips_a_thousand_times_never_leads_inside():
    numbers = itertools.cycle([PUBLIC, "10.0.0.8", "127.0.0.1"])
    network, stub = stubbed(lambda *_: [next(numbers)])
    reasons = {
        told("http://news.example/", network, frozenset({"news.example"}), tries=1)
        for _ in range(1000)
    }
    assert reasons == {"unreachable", "private_address"}
    assert set(stub.dialled) == {PUBLIC}
    # The control: who checks a name, and then connects to the name, looks it up twice.
    looked_up = [(next(numbers), next(numbers)) for _ in range(1000)]
    assert any(is_public(checked) and not is_public(used) for checked, used in looked_up)


def test_one_machine_that_is_not_public_spoils_a_name():
    network, stub = stubbed(lambda *_: [PUBLIC, "10.0.0.8"])
    assert told("http://news.example/", network, frozenset({"news.example"})) == "private_address"
    assert stub.dialled == []


def test_all_machines_of_a_name_are_tried():
    network, stub = stubbed(lambda *_: [PUBLIC, "2606:4700::1111"])
    told("http://news.example/", network, frozenset({"news.example"}), tries=1)
    assert stub.dialled == [PUBLIC, "2606:4700::1111"]


def test_a_private_machine_must_be_named_with_its_port():
    with Hostile() as server, Hostile() as other:
        server.pages["/"] = other.pages["/"] = http(b"page")
        asker = fetcher(server)
        assert asker.get(server.url("/"), hosts=OURS).body == b"page"
        assert asker.get(server.url("/", "localhost"), hosts=OURS).body == b"page"
        with pytest.raises(FetchError, match="names a machine by number"):
            asker.get(other.url("/"), hosts=OURS)
        with pytest.raises(FetchError, match="is of none of the publisher's hosts"):
            asker.get(server.url("/"), hosts=frozenset({"news.example"}))
    assert other.seen == []


@given(st.one_of(st.text(), st.from_regex(r"https?://[\x00-\x7f]{0,40}", fullmatch=True)))
@example("http://[")
@example("HTTP://News.Example:080/ä ö?q=ü#x")
def test_any_text_is_a_plain_address_or_refused_with_a_reason(text: str):
    address, reason = parsed(text)
    if address is None:
        assert reason in OF_ADDRESS
        return
    assert address.url.isascii()
    assert parse_address(address.url) == address
    assert not address.host.rpartition(".")[2].isdigit()


def parsed(text: str) -> tuple[Address | None, str]:
    """Give an address, or the reason that it is none for."""
    try:
        return parse_address(text), ""
    except FetchError as error:
        return None, error.reason
