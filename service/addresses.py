"""Which addresses a foreign URL may lead to. Pure: names are resolved elsewhere.

Ranges: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6052 (NAT64), 3056 (6to4), 4380 (Teredo).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from itertools import zip_longest
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

import idna

from .errors import SourceError

#: What ids in our own picture feeds begin with (RFC 4151). ``home.arpa`` is kept for networks at home (RFC 8375), so
#: nobody owns the name, and it stays the same whatever address this service is asked at.
OWN_TAG = "tag:frontispiece.home.arpa,2026:"

_MAX_URL = 4096  # characters; some servers stop at 8 kB, no feed's address is near it
_PORTS = {"http": 80, "https": 443}
# Where clouds hand out credentials to whoever asks from inside: AWS, Azure, GCP and OpenStack, ECS, Alibaba.
_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"))
)
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\\]")
_SECRET_NAME = re.compile(r"key|token|secret|pass|pwd|auth|sig|session|sid|user|code|hash|access", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: what to look up, what to connect to, what to ask for."""

    scheme: str  #: "http" or "https"
    host: str  #: ASCII (punycode), lower case, IPv6 without brackets
    port: int
    path: str  #: with the query, percent-encoded, never empty
    userinfo: str = ""  #: "user:password", still percent-encoded, or ""

    @property
    def name(self) -> str:
        """The host as a Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.userinfo and self.userinfo + '@'}{self.name}{self.path}"


def target(url: str) -> Target:
    """Take a URL apart. Raises SourceError, readable, for anything but http and https with a sane host and port."""
    url = re.sub(r"^feed:(?=https?://)", "", url.strip(), flags=re.IGNORECASE)
    url = re.sub(r"^feed://", "https://", url, flags=re.IGNORECASE)
    if len(url) > _MAX_URL:
        raise SourceError(f"refused: the address is longer than {_MAX_URL} characters")
    if _UNSEEN.search(url):
        raise SourceError("refused: the address has a space or a control character in it")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:  # what it says may quote a password
        raise SourceError("refused: this is no sound web address") from None
    if scheme not in _PORTS:
        raise SourceError(f"refused: only http and https addresses are fetched, not {scheme[:20] or 'a path'}")
    path = quote(parts.path or "/", safe="/%:=&+!$,;@()*[]~'") + (
        "?" + quote(parts.query, safe="/%:=&+!$,;@()*[]~'?") if parts.query else ""
    )
    userinfo = parts.netloc.rpartition("@")[0]
    return Target(scheme, _ascii(host), _PORTS[scheme] if port is None else port, path, userinfo)


def _ascii(host: str) -> str:
    """A host name as the network knows it (UTS 46, punycode)."""
    host = host.rstrip(".").lower()
    if not host:
        raise SourceError("refused: the address names no host")
    if ":" in host or re.fullmatch(r"[a-z0-9_.-]+", host):  # names with "_" are common at home and no IDNA
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise SourceError(f"refused: {host!r} is no host name ({error})") from error


def listed(allow_private: Iterable[str]) -> frozenset[str]:
    """The owner's list of "host" or "host:port" at home, as ``allowed_at_home`` compares it."""
    return frozenset(entry.strip().lower() for entry in allow_private)


def allowed_at_home(where: Target, allowed: frozenset[str]) -> bool:
    """Whether ``host`` or ``host:port`` is on the owner's list of private addresses that a feed may reach."""
    bracketed = f"[{where.host}]" if ":" in where.host else where.host
    return not allowed.isdisjoint({where.host, bracketed, f"{bracketed}:{where.port}"})


def in_turns(addresses: Sequence[str]) -> list[str]:
    """IPv6 and IPv4 addresses of a host by turns, beginning as the resolver did (RFC 8305 section 4)."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    other = [address for address in addresses if address not in first]
    return [address for pair in zip_longest(first, other) for address in pair if address]


def refusal(address: str, at_home: bool) -> str | None:
    """Why an IP address must not be connected to, or None where it may. ``at_home``: private ones are allowed."""
    ip = _unwrapped(ip_address(address))
    if ip in _METADATA:
        return f"{address} hands out a cloud's credentials; it is never fetched"
    if at_home and not ip.is_multicast:
        return None
    if _public(ip):
        return None
    return f"{address} is a private address; add it to net.allow_private to allow it"


def _public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and ip not in _UNICAST:
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64 or (int(ip) >> 32 == 0 and int(ip) > 1):  # ::a.b.c.d, deprecated
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or IPv6Address(int(ip))


def redirected(here: Target, location: str) -> Target:
    """Where a redirect leads. A password stays with its own origin and goes nowhere else."""
    if not location:
        raise SourceError("it redirects to nowhere")
    try:
        joined = urljoin(replace(here, userinfo="").url, location.strip())
    except ValueError:
        raise SourceError("refused: its redirect leads to no sound address") from None
    there = target(joined)
    return replace(there, userinfo=here.userinfo if may_know_secrets(there, here) else "")


def may_know_secrets(there: Target, here: Target) -> bool:
    """Whether what was meant for one place may be sent to another: the same origin, or the same host grown secure."""
    grown_secure = (here.scheme, here.port, there.scheme, there.port) == ("http", 80, "https", 443)
    return there.origin == here.origin or (grown_secure and there.host == here.host)


def without_login(url: str) -> str:
    """A sound URL without user and password, else as it is."""
    where = target(url)
    return replace(where, userinfo="").url if where.userinfo else url


def masked(url: str) -> str:
    """A URL for logs and pages: without password, and without what looks like a secret in its query.

    One that has neither stays letter for letter, so that it can be copied.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # that of "//user:pa/ss@host" is no number
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return re.sub(r"//.*@", "//***@", url.split("?", maxsplit=1)[0])
    query = [(k, "***" if v and _secret(k, v) else v) for k, v in pairs]
    host = parts.netloc.rpartition("@")
    if query == pairs and not host[1]:
        return url.partition("#")[0]
    netloc = f"***@{host[2]}" if host[1] else host[2]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(query, safe="*/:,+"), ""))


def _secret(name: str, value: str) -> bool:
    """Whether a part of a query may be one: by its name, or as long as a token and with no blank in it.

    What ends in ``_id`` names something, as ``channel_id`` does on a video site.
    """
    token = len(value) >= 24 and not re.search(r"\s", value) and not name.lower().endswith("_id")
    return token or _SECRET_NAME.search(name) is not None
