"""The address of a server, and what may be sent there."""

from __future__ import annotations

import ipaddress

import httpx

from .errors import HaystackError


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def server_address(text: str, has_token: bool, insecure_http: bool) -> httpx.URL:
    """The address without a slash at its end; a path of a proxy is kept.

    Error USAGE: no address of a server, or a token that others could read on its way.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or url.host == "" or url.query or url.fragment:
        raise HaystackError(
            "USAGE",
            "The server's address is not a URL; write it like https://haystack.example.org,"
            " with the path if a proxy adds one.",
        )
    if url.userinfo:
        raise HaystackError(
            "USAGE", "The server's address contains a user name or password; remove it and give a token instead."
        )
    if url.scheme == "http" and has_token and not insecure_http and not is_loopback(url.host):
        raise HaystackError(
            "USAGE",
            f"The token would be sent unencrypted to {url.netloc.decode()};"
            " use https, or allow it with insecure_http=True.",
        )
    return url.copy_with(path=url.path.rstrip("/") or "/")
