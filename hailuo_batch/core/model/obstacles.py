"""What can keep a request from leaving at all, and what a person can do about it.

Decided where connections are made, by the step that failed; here it is only named. What lasts is told at once while
the API has never answered: no waiting mends a certificate. Pure text.
"""

from enum import StrEnum


class Obstacle(StrEnum):
    """Why no connection came to stand."""

    PASSING = "passing"  # refused, timed out, cut: the way may be open again in a moment
    NAME = "name"  # the host's name does not resolve
    CERTIFICATE = "certificate"  # nobody who is trusted has signed it
    CERTIFICATE_NAME = "certificate_name"  # it is another host's
    CERTIFICATE_DATE = "certificate_date"  # it is not valid yet, or no longer
    CA_FILE = "ca_file"  # SSL_CERT_FILE is no use, so that nobody is trusted
    NO_TLS = "no_tls"  # whoever listens there does not speak it
    PROXY_URL = "proxy_url"  # the proxy's setting cannot be used, as one for SOCKS
    PROXY_AWAY = "proxy_away"  # the proxy cannot be reached
    PROXY_LOGIN = "proxy_login"  # the proxy wants a name and a password (407)
    PROXY_REFUSES = "proxy_refuses"  # the proxy does not let this address through

    @property
    def is_permanent(self) -> bool:
        """Whether waiting cannot help: somebody has to change something."""
        return self is not Obstacle.PASSING


_REMEDIES = {
    Obstacle.PASSING: "Try again when the network is back",
    Obstacle.NAME: "Check RUNBASE_BASE_URL, and whether this machine is online",
    Obstacle.CERTIFICATE: (
        "If a proxy or firewall of your network opens TLS connections, set SSL_CERT_FILE to a file with its CA "
        "certificate; if none does, check RUNBASE_BASE_URL"
    ),
    Obstacle.CERTIFICATE_NAME: "Check RUNBASE_BASE_URL: another host answers at this address",
    Obstacle.CERTIFICATE_DATE: "Check the clock of this machine",
    Obstacle.CA_FILE: "Set SSL_CERT_FILE to a readable file of CA certificates, or unset it to use the system's",
    Obstacle.NO_TLS: "Check RUNBASE_BASE_URL: its host and port must speak https",
    Obstacle.PROXY_URL: "Set {setting} to a URL like http://HOST:PORT, or go without the proxy by NO_PROXY",
    Obstacle.PROXY_AWAY: "Check {setting}, or go without the proxy by NO_PROXY",
    Obstacle.PROXY_LOGIN: (
        "Write name and password into {setting}, like http://NAME:PASSWORD@HOST:PORT, reserved characters as %XX"
    ),
    Obstacle.PROXY_REFUSES: ("Ask whoever runs the proxy to let this address through, or check {setting} and NO_PROXY"),
}


def remedy(obstacle: Obstacle, setting: str) -> str:
    """What to do, without a full stop. `setting` is what names the proxy, such as HTTPS_PROXY; empty without one."""
    return _REMEDIES[obstacle].format(setting=setting or "the proxy's setting")
