"""Addresses that may be asked for: their form before any look-up, the machine behind it after."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from tickertrack.errors import FetchError
from tickertrack.sources.web.faults import fault

__all__ = ["Address", "is_public", "parse_address", "redirected"]

PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65_535
# Longer ones are refused by most servers too.
LONGEST = 2048
_UNSEEN = re.compile(r"[\x00-\x20\x7f\\]")
_SECRET = re.compile("//[^/?#]*@")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*(?=:)")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_HOST = 253
# A host whose last label is a number is an IPv4 address, in one of its many spellings: 127.1,
# 0x7f.1, 0177.0.0.1 and 2130706433 all reach this machine (fault F-03).
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))

# Not `is_global` of the standard library: it has been wrong about multicast, NAT64, site-local and
# 6to4, and differs between Pythons (fault F-03). IANA's registries of special addresses, and the
# one public address that a cloud's own machines answer at.
_BLOCKED_4 = tuple(
    map(
        ipaddress.IPv4Network,
        """
        0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16
        172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15
        198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
        """.split(),
    )
)
# All of IPv6 that is given out to the public, and what is not of it: protocols and Teredo,
# documentation, 6to4. Mapped and NAT64 addresses lie outside.
_OPEN_6 = ipaddress.IPv6Network("2000::/3")
_BLOCKED_6 = tuple(
    map(ipaddress.IPv6Network, "2001::/23 2001:db8::/32 2002::/16 3fff::/20".split())
)


@dataclass(frozen=True, slots=True)
class Address:
    """An http address in its plain parts, all ASCII; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and, where it is not the scheme's own, port: whose manners and robots.txt count."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address in one line."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_address(url: str, allow_private: frozenset[str] = frozenset()) -> Address:
    """
    Take an address apart; raises FetchError for whatever is not plainly a host of the web.

    `allow_private` names hosts with their ports, which may then be IP addresses and odd ports.
    """
    if len(url) > LONGEST or _UNSEEN.search(url):
        raise _refused(url, "malformed", "is no address: too long, or with blanks or controls")
    scheme = _SCHEME.match(url.lower())
    if scheme is None or scheme[0] not in PORTS:
        raise _refused(url, "scheme", "is neither http nor https")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _refused(url, "malformed", f"is no address ({error})") from error
    if "@" in parts.netloc:
        raise _refused(_SECRET.sub("//...@", url), "credentials", "carries a user's name")
    host, _, port = parts.netloc.lower().partition(":")
    if host.startswith("["):
        raise _refused(url, "ip_literal", "names a machine by number")
    address = Address(
        scheme[0], host, _port(url, scheme[0], port), _target(parts.path, parts.query)
    )
    _check_host(url, address, allow_private)
    return address


def redirected(address: Address, location: str, allow_private: frozenset[str]) -> Address:
    """Follow a Location header, as received; raises FetchError where it must not be followed."""
    # Headers are Latin-1 to us; its bytes above ASCII are written out, whatever they mean.
    target = urljoin(address.url, quote(location.strip(), safe=_ASCII, encoding="latin-1"))
    there = parse_address(target, allow_private)
    if address.scheme == "https" and there.scheme == "http":
        raise _refused(address.url, "downgrade", f"leads from https to {there.url}")
    return there


def is_public(number: str) -> bool:
    """Say whether an IP address belongs to the public internet; what is in doubt does not."""
    try:
        ip = ipaddress.ip_address(number)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _BLOCKED_4)
    return ip in _OPEN_6 and not any(ip in network for network in _BLOCKED_6)


def _port(url: str, scheme: str, text: str) -> int:
    if not text:
        return PORTS[scheme]
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= _LAST_PORT):
        raise _refused(url, "port", "has a port that is none")
    return int(text)


def _target(path: str, query: str) -> str:
    target = quote(path, safe=_ASCII) or "/"
    return f"{target}?{quote(query, safe=_ASCII)}" if query else target


def _check_host(url: str, address: Address, allow_private: frozenset[str]) -> None:
    host = address.host
    if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
        # Letters beyond ASCII too: a browser folds circled digits into an IP address. Publishers
        # name such hosts by their xn-- form.
        raise _refused(url, "host", "names no plain host")
    if f"{host}:{address.port}" in allow_private:
        return
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise _refused(url, "ip_literal", "names a machine by number")
    if address.port != PORTS[address.scheme]:
        raise _refused(url, "port", f"asks at port {address.port}")


def _refused(url: str, reason: str, what: str) -> FetchError:
    return fault(reason, what, url[:LONGEST])
