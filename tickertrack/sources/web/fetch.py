"""Fetching: addresses to whole responses, politely, whatever the server does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from tickertrack.closing import Closing
from tickertrack.errors import FetchError
from tickertrack.models import Response
from tickertrack.sources.web import robots
from tickertrack.sources.web.addresses import Address, parse_address, redirected
from tickertrack.sources.web.body import read_body
from tickertrack.sources.web.faults import OF_ADDRESS, OF_HOST, OF_WAY, RETRIED, fault, status_fault
from tickertrack.sources.web.manners import (
    HostBook,
    Manners,
    Now,
    Validators,
    Wait,
    http_time,
    pause_after,
    refuse_resting,
    request_headers,
    rested,
    retry_at,
    seconds_due,
)
from tickertrack.sources.web.network import Answer, Budget, Headers, Network
from tickertrack.sources.web.parts import PARTIAL, Part, part_headers, refuse_other

__all__ = ["Fetcher"]

log = logging.getLogger("tickertrack.web")

NO_VALIDATORS = Validators()
_OK, _NOT_MODIFIED = 200, 304
_TICK = 2.0
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5
_TRANSIENT = {408, 425, 429, *range(500, 600)}


@dataclass(frozen=True, slots=True)
class _Order:
    """What is wanted: from whose hosts, with which headers, of what size, in what rhythm."""

    hosts: frozenset[str]
    headers: Headers
    limit: int
    delay: float
    part: Part | None = None

    @property
    def status(self) -> int:
        """The status of an answer that brings what is wanted."""
        return PARTIAL if self.part else _OK


class Fetcher(Closing):
    """
    Asks hosts for pages, one request at a time, and remembers how each wants to be treated.

    Every address is checked before a connection is opened, redirects like the address itself;
    robots.txt is obeyed; a host that fails or asks for it is left alone, and a request to it
    raises FetchError without being sent.
    """

    def __init__(
        self,
        manners: Manners,
        book: HostBook,
        now: Now,
        wait: Wait = time.sleep,
        network: Network | None = None,
    ) -> None:
        """Keep what is needed: aware UTC time comes from `now`, all waiting goes to `wait`."""
        self._manners = manners
        self._book = book
        self._now = now
        self._wait = wait
        self._network = network or Network()

    def close(self) -> None:
        """Leave nothing behind: a connection ends with its request."""

    def get(
        self,
        url: str,
        *,
        hosts: frozenset[str],
        validators: Validators = NO_VALIDATORS,
        limit: int | None = None,
    ) -> Response:
        """
        Fetch an address of one of `hosts` (bare names, lower case): status 200, whole, or 304.

        `limit` is of bytes decoded. Raises FetchError with its reason for everything else.
        """
        manners = self._manners
        headers = request_headers(manners, validators)
        order = _Order(hosts, headers, limit or manners.body_bytes, manners.per_host_delay)
        address = parse_address(url, manners.allow_private)
        response = self._follow(address, order, self._ask_as_allowed)
        asked = validators != NO_VALIDATORS
        if response.status == _OK or (response.status == _NOT_MODIFIED and asked):
            return response
        raise status_fault(response.status, response.reason, response.url)

    def get_part(self, url: str, part: Part, *, hosts: frozenset[str]) -> Response:
        """
        Fetch a part of a file of one of `hosts`: status 206, these bytes and no others.

        Raises FetchError for everything else; where the whole file is about to come, it is left.
        """
        manners = self._manners
        headers = part_headers(request_headers(manners, NO_VALIDATORS), part)
        order = _Order(hosts, headers, part.length, manners.per_host_delay, part)
        address = parse_address(url, manners.allow_private)
        response = self._follow(address, order, self._ask_as_allowed)
        if response.status != PARTIAL:
            raise status_fault(response.status, response.reason, response.url)
        if len(response.body) != part.length:
            raise fault("wrong_part", f"is not {part.length:,} bytes long", response.url)
        return response

    def _follow(
        self, address: Address, order: _Order, ask: Callable[[Address, _Order], Response]
    ) -> Response:
        """Ask, and ask where redirects lead; each hop is a fetch of its own."""
        first = address
        for _ in range(_MOST_REDIRECTS + 1):
            if address.host not in order.hosts:
                what = f"is of none of the publisher's hosts ({address.host})"
                raise fault("foreign_host", what, first.url)
            response = ask(address, order)
            location = response.header("Location")
            if response.status not in _REDIRECTS or location is None:
                return response
            address = redirected(address, location, self._manners.allow_private)
        what = f"leads on and on, more than {_MOST_REDIRECTS} times"
        raise fault("too_many_redirects", what, first.url)

    def _ask_as_allowed(self, address: Address, order: _Order) -> Response:
        try:
            invited = address.host in self._manners.invited
            rules = robots.rules_of(None) if invited else self._rules(address, order.hosts)
            if not rules.allow(address):
                raise fault("robots", f"is not for us, says {robots.PATH}", address.url)
            delay = max(order.delay, rules.delay(self._manners.longest_crawl_delay))
            response = self._ask(address, replace(order, delay=delay))
        except FetchError as error:
            self._note_fault(address, error)
            raise
        self._note_answer(address, response)
        return response

    def _note_fault(self, address: Address, error: FetchError) -> None:
        """Remember a failure of the host or of the way, and tell when to ask again."""
        if error.reason in OF_HOST or error.reason in OF_WAY:
            state = rested(self._book.load(address.authority), error, self._now())
            self._book.save(state)
            error.retry_at = state.not_before

    def _note_answer(self, address: Address, response: Response) -> None:
        """Remember that the host is well, and how far its clock is from ours."""
        state = self._book.load(address.authority)
        date = http_time(response.header("Date"))
        skew = (date - response.received_at).total_seconds() if date else state.skew
        if state.failures or state.not_before or _differs(skew, state.skew):
            # Else nothing is new, and what was received is the sooner in the caller's hands.
            self._book.save(replace(state, failures=0, not_before=None, skew=skew))

    # ---- robots.txt

    def _rules(self, address: Address, hosts: frozenset[str]) -> robots.Rules:
        state = self._book.load(address.authority)
        if not robots.is_fresh(state, self._manners.robots_age, self._now()):
            status, body = self._fetch_robots(replace(address, target=robots.PATH), hosts)
            state = replace(
                self._book.load(address.authority),
                robots=body,
                robots_status=status,
                robots_fetched_at=self._now(),
            )
            self._book.save(state)
        return robots.rules_of(state.robots)

    def _fetch_robots(
        self, address: Address, hosts: frozenset[str]
    ) -> tuple[int | None, bytes | None]:
        """Give status and body; without them, because of a 4xx or so, all is allowed."""
        manners = self._manners
        headers = request_headers(manners, NO_VALIDATORS)
        order = _Order(hosts, headers, manners.body_bytes, manners.per_host_delay)
        try:
            response = self._follow(address, order, self._ask)
        except FetchError as error:
            if error.reason in OF_ADDRESS:
                # RFC 9309, 2.3.1.2: what leads too far is as good as not there.
                return None, None
            if error.reason in OF_HOST or error.reason == "host_resting":
                raise
            # RFC 9309, 2.3.1.4: where nobody can say what is allowed, nothing is.
            what = f"cannot be had ({error.what}), so that nothing of this host may be asked for"
            raise fault("robots_unreachable", what, address.url, error.retry_at) from error
        found = response.status == _OK
        return response.status, robots.kept(response.body) if found else None

    # ---- one address

    def _ask(self, address: Address, order: _Order) -> Response:
        """Ask until there is an answer, so often as is decent."""
        tried = 0
        while True:
            try:
                return self._request(address, order)
            except FetchError as error:
                tried += 1
                hopeless = error.reason not in RETRIED or error.retry_at is not None
                if hopeless or tried >= self._manners.tries:
                    raise
                log.info("try %d failed: %s", tried, error)
            self._wait(pause_after(tried))

    def _request(self, address: Address, order: _Order) -> Response:
        manners = self._manners
        self._await_turn(address, order.delay)
        budget = Budget(address.url, manners.deadline, manners.head_bytes)
        with self._network.ask(address, order.headers, budget, manners.allow_private) as answer:
            received_at = self._now()
            _refuse_transient(answer, received_at)
            if order.part:
                refuse_other(answer, order.part)
            budget.allow(manners.wire_bytes)
            body = read_body(answer, order.limit) if answer.status == order.status else b""
        return Response(
            url=address.url,
            status=answer.status,
            reason=answer.reason,
            headers=answer.headers,
            body=body,
            received_at=received_at,
            wire_bytes=budget.received,
        )

    def _await_turn(self, address: Address, delay: float) -> None:
        state = self._book.load(address.authority)
        refuse_resting(state, address.url, self._now())
        due = seconds_due(state, delay, self._now())
        if due > 0:
            self._wait(due)
        # Before it is sent: who is killed in the midst of a request has still made it.
        self._book.save(replace(state, last_request_at=self._now()))


def _differs(skew: float | None, known: float | None) -> bool:
    """Say whether a clock went another way than it did; it is told in whole seconds."""
    if skew is None or known is None:
        return skew is not known
    return abs(skew - known) > _TICK


def _refuse_transient(answer: Answer, now: datetime) -> None:
    if answer.status in _TRANSIENT:
        asked = retry_at(answer.first("retry-after"), http_time(answer.first("date")), now)
        raise status_fault(answer.status, answer.reason, answer.url, asked)
