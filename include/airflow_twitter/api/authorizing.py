"""Let a person authorize the app for an account: OAuth 2.0 with PKCE.

Source: docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlencode, urlsplit

from requests.auth import AuthBase

from airflow_twitter.api.auth import FORM_TYPE
from airflow_twitter.api.base_client import BaseClient
from airflow_twitter.api.errors import AuthError, ConfigError
from airflow_twitter.api.oauth2 import ClientKeys
from airflow_twitter.api.redaction import redact
from airflow_twitter.api.token_pair import TokenPair, read_pair
from airflow_twitter.api.user_endpoints import OAUTH2_TOKEN, OAUTH2_TOKEN_PATH

SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")
AUTHORIZE_PATH = "/i/oauth2/authorize"


def _secret() -> str:
    return secrets.token_urlsafe(48)


@dataclass(frozen=True)
class Walk:
    """One authorization: what goes into the URL that the person opens, and what must come back.

    `redirect_uri` must be one of those that the app names in X's developer console.
    """

    base_url: str
    keys: ClientKeys
    redirect_uri: str
    state: str = field(default_factory=_secret, repr=False)
    verifier: str = field(default_factory=_secret, repr=False)

    @property
    def url(self) -> str:
        """Return the page on which the person agrees; for api.x.com it lies at x.com."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.removeprefix("api.")
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.keys.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(SCOPES),
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{parts.scheme}://{host}{AUTHORIZE_PATH}?{urlencode(query)}"

    def read_code(self, redirected: str) -> str:
        """Return the code in the address that the person was led back to.

        Raises AuthError when the person has refused, ConfigError when the address is not this walk's.
        """
        params = parse_qs(urlsplit(redirected.strip()).query)
        state, code, error = (params.get(name, [""])[0] for name in ("state", "code", "error"))
        if not hmac.compare_digest(state.encode(), self.state.encode()):
            raise ConfigError("This address does not belong to the authorization that was begun here")
        if error:
            raise AuthError("The app was not authorized", title=error)
        if not code:
            raise ConfigError("This address holds no code: copy all of it from the browser")
        return code


class TokenClient(BaseClient):
    """Ask X's token endpoint for the tokens of an account."""

    _secrets: tuple[str, ...] = ()

    def exchange(self, walk: Walk, code: str, now: Callable[[], datetime]) -> TokenPair:
        """Exchange a code, within the 30 seconds that it is good for; it is good once, so this is not repeated."""
        self._secrets = (code, walk.verifier, *walk.keys.secrets)
        form = walk.keys.form(
            grant_type="authorization_code",
            code=code,
            redirect_uri=walk.redirect_uri,
            code_verifier=walk.verifier,
        )
        return read_pair(self._post(form, walk.keys.auth()), walk.keys.client_id, now())

    def _post(self, form: str, auth: AuthBase) -> bytes:
        answer = self._send(
            "POST", OAUTH2_TOKEN_PATH, auth, data=form, content_type=FORM_TYPE, endpoint=OAUTH2_TOKEN
        )
        return answer.body

    def _redact(self, body: bytes) -> bytes:
        return redact(body, self._secrets)


def is_reachable(redirect_uri: str) -> bool:
    """Tell whether a redirect comes back to this machine by plain http, so that it can be listened for."""
    parts = urlsplit(redirect_uri)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost") and bool(parts.port)
