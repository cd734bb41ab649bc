"""What can keep a connection from being established, and what a person can do about it.

The adapters decide which it is, by the step that failed; here it is only named. A permanent obstacle is reported at
once while the API has never answered, because waiting does not repair a certificate.
"""

from enum import StrEnum


class Obstacle(StrEnum):
    """Why no connection was established."""

    PASSING = "passing"  # refused, timed out, cut: it may work again in a moment
    NAME = "name"  # the host's name does not resolve
    CERTIFICATE = "certificate"  # it is signed by no trusted authority
    CERTIFICATE_NAME = "certificate_name"  # it is another host's
    CERTIFICATE_DATE = "certificate_date"  # it is not valid yet, or has expired
    CA_FILE = "ca_file"  # SSL_CERT_FILE cannot be used, so no authority is trusted
    NO_TLS = "no_tls"  # the server does not speak TLS
    PROXY_URL = "proxy_url"  # the proxy's setting cannot be used, for example one for SOCKS
    PROXY_AWAY = "proxy_away"  # the proxy cannot be reached
    PROXY_LOGIN = "proxy_login"  # the proxy requires a name and a password (407)
    PROXY_REFUSES = "proxy_refuses"  # the proxy does not let this address through

    @property
    def is_permanent(self) -> bool:
        """Whether waiting cannot help because somebody has to change something."""
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
    Obstacle.PROXY_URL: "Set {setting} to a URL like http://HOST:PORT, or set NO_PROXY to bypass the proxy",
    Obstacle.PROXY_AWAY: "Check {setting}, or set NO_PROXY to bypass the proxy",
    Obstacle.PROXY_LOGIN: (
        "Add name and password to {setting}, like http://NAME:PASSWORD@HOST:PORT, with reserved characters as %XX"
    ),
    Obstacle.PROXY_REFUSES: "Ask whoever runs the proxy to allow this address, or check {setting} and NO_PROXY",
}


def remedy(obstacle: Obstacle, setting: str) -> str:
    """Advice for the user, without a full stop. `setting` names the proxy's variable, such as HTTPS_PROXY, if any."""
    return _REMEDIES[obstacle].format(setting=setting or "the proxy's setting")
