"""Whom we believe to be a publisher: F-17, and of F-18 what concerns certificates."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile import Book, Hostile, fetcher, http, moved

from tickertrack.errors import FetchError
from tickertrack.sources.web import Network
from tickertrack.sources.web.network import trust

Serve = Callable[[ssl.SSLContext], Hostile]

PAGE = b"<html>page</html>"
HOSTS = frozenset({"localhost"})
KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch".split()
AUTHORITY = "basicConstraints=critical,CA:TRUE"
SETTINGS = """
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Office:
    """A certificate authority in a folder, with openssl for a clerk."""

    folder: Path

    def run(self, *words: str) -> None:
        """Run openssl in the folder."""
        openssl = shutil.which("openssl") or pytest.skip("needs openssl to make certificates with")
        subprocess.run([openssl, *words], cwd=self.folder, check=True, capture_output=True)

    def found(self, name: str, extension: str = AUTHORITY) -> None:
        """Make a certificate that vouches for itself."""
        to = (
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
            "-days",
            "30",
            "-subj",
            f"/CN={name}",
        )
        self.run("req", "-x509", *KEY, *to, "-addext", extension)

    def sign(self, name: str, by: str, host: str, *times: str) -> None:
        """Make a certificate for a host."""
        asked = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self.run("req", *KEY, *asked, "-addext", f"subjectAltName=DNS:{host}")
        signer = ("-cert", f"{by}.pem", "-keyfile", f"{by}.key")
        files = ("-in", f"{name}.csr", "-out", f"{name}.pem", *(times or ("-days", "30")))
        self.run("ca", "-batch", "-notext", "-config", "ca.cnf", *signer, *files)

    def serving(self, name: str, *chain: str) -> ssl.SSLContext:
        """Give a server's side of a certificate."""
        path = self.folder / f"{name}.chain"
        path.write_text("".join((self.folder / f"{one}.pem").read_text() for one in (name, *chain)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, self.folder / f"{name}.key")
        return context

    def network(self) -> Network:
        """Give a network that trusts this office."""
        return Network(context=trust(str(self.folder / "ca.pem")))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(tmp_path_factory.mktemp("office"))
    (office.folder / "ca.cnf").write_text(SETTINGS)
    (office.folder / "index.txt").touch()
    office.found("ca")
    office.found("elsewhere")
    office.found("self", "subjectAltName=DNS:localhost")
    office.sign("good", "ca", "localhost")
    office.sign("named", "ca", "other.example")
    office.sign("strange", "elsewhere", "localhost")
    office.sign(
        "old", "ca", "localhost", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z"
    )
    office.sign(
        "new", "ca", "localhost", "-startdate", "20900101000000Z", "-enddate", "20910101000000Z"
    )
    office.sign("second-hand", "good", "localhost")
    return office


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as running:
        yield lambda context: running.enter_context(Hostile({"/": http(PAGE)}, tls=context))


def got(server: Hostile, network: Network | None = None, **manners: object) -> bytes:
    asker = fetcher(server, Book(), network=network, tries=1, **manners)
    return asker.get(server.url("/", "localhost", "https"), hosts=HOSTS).body


def test_a_good_certificate_is_believed_and_the_name_is_said(office: Office, serve: Serve):
    names: list[str] = []
    context = office.serving("good")
    context.sni_callback = lambda _, name, __: names.append(name)
    server = serve(context)
    assert got(server, office.network()) == PAGE
    # Robots.txt and the page, each to the number that was checked, each in the name of the host.
    assert names == ["localhost", "localhost"]
    assert {one.headers["Host"] for one in server.seen} == {f"localhost:{server.port}"}


BAD = {
    "old": "expired",
    "new": "not yet valid",
    "named": "Hostname mismatch",
    "self": "self-signed",
    "strange": "unable to get local issuer",
    "second-hand": "invalid CA",
}


def test_six_of_six_bad_certificates_are_refused(office: Office, serve: Serve):
    said = {}
    for name in BAD:
        server = serve(office.serving(name, *(["good"] if name == "second-hand" else [])))
        with pytest.raises(FetchError) as caught:
            got(server, office.network())
        assert (caught.value.reason, caught.value.temporary) == ("tls", True)
        assert server.seen == []
        said[name] = str(caught.value)
    assert [name for name, part in BAD.items() if part.lower() not in said[name].lower()] == []


def test_old_tls_is_refused(office: Office, serve: Serve):
    context = office.serving("good")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(FetchError) as caught:
        got(serve(context), office.network())
    assert caught.value.reason == "tls"


def test_a_handshake_that_never_comes_ends_in_time():
    with Hostile() as server:
        started = time.monotonic()
        with pytest.raises(FetchError) as caught:
            got(server, deadline=0.3)
        assert time.monotonic() - started < 0.3 + 20
        assert caught.value.reason == "robots_unreachable"


def test_https_does_not_lead_to_http(office: Office, serve: Serve):
    server = serve(office.serving("good"))
    with Hostile({"/": http(PAGE)}) as plain:
        server.pages["/"] = moved(plain.url("/", "localhost"))
        allowed = frozenset({f"localhost:{plain.port}", f"localhost:{server.port}"})
        with pytest.raises(FetchError) as caught:
            got(server, office.network(), allow_private=allowed)
        assert (caught.value.reason, plain.seen) == ("downgrade", [])
        # The other way round is an improvement.
        server.pages["/"] = http(PAGE)
        plain.pages["/"] = moved(server.url("/", "localhost", "https"))
        asker = fetcher(plain, network=office.network(), allow_private=allowed)
        assert asker.get(plain.url("/", "localhost"), hosts=HOSTS).body == PAGE


def test_the_environment_vouches_for_nobody(
    office: Office, serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    keys = office.folder / "keys.log"
    monkeypatch.setenv("SSL_CERT_FILE", str(office.folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(office.folder))
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    server = serve(office.serving("good"))
    trust.cache_clear()
    with pytest.raises(FetchError) as caught:
        got(server)
    assert caught.value.reason == "tls"
    assert got(server, office.network()) == PAGE
    assert not keys.exists()
    # A common context lets it, and writes down what others need to listen in.
    common = ssl.create_default_context()
    address = ("127.0.0.1", server.port)
    with (
        socket.create_connection(address) as plain,
        common.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        assert line.version()
    assert keys.exists()


def test_what_a_name_resolves_to_does_not_weaken_the_check(office: Office, serve: Serve):
    server = serve(office.serving("named"))
    network = Network(lambda *_: ["127.0.0.1"], context=office.network().context)
    allowed = frozenset({f"{name}:{server.port}" for name in ("other.example", "news.example")})
    asker = fetcher(server, network=network, allow_private=allowed)
    good = asker.get(server.url("/", "other.example", "https"), hosts=frozenset({"other.example"}))
    assert good.body == PAGE
    with pytest.raises(FetchError, match="Hostname mismatch"):
        asker.get(server.url("/", "news.example", "https"), hosts=frozenset({"news.example"}))
