"""An API that takes JWT access tokens (RFC 9068). It has never heard of Coatcheck.

Python's own HTTP server and PyJWT. In FastAPI or Django, `caller_of` is the same; it goes where your
framework has its authentication.
"""

import json
import os
import socket
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ["AUDIENCE"]
KEYS = jwt.PyJWKClient(f"{ISSUER}/jwks", cache_keys=True)
# PyJWT before 2.8, as Debian has it, takes no timeout and gives the plain error of the connection.
socket.setdefaulttimeout(5)
KEYS_UNREACHABLE = (OSError, getattr(jwt, "PyJWKClientConnectionError", OSError))

orders_of = defaultdict(list)


class Refused(Exception):
    """An answer other than success; `challenge` goes into WWW-Authenticate (RFC 6750, section 3)."""

    def __init__(self, status, error, challenge=None):
        super().__init__(error)
        self.status, self.error, self.challenge = status, error, challenge


def caller_of(authorization, scope):
    """The subject of a good access token that has the scope. Signature, type, issuer, audience and expiry are checked."""
    if not authorization or not authorization.startswith("Bearer "):
        raise Refused(401, "no token", "Bearer")
    token = authorization.removeprefix("Bearer ")
    try:
        if jwt.get_unverified_header(token).get("typ", "").lower() not in ("at+jwt", "application/at+jwt"):
            raise jwt.InvalidTokenError("this is no access token")
        claims = jwt.decode(
            token,
            KEYS.get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub", "iss", "aud"]},
        )
    except KEYS_UNREACHABLE as error:
        raise Refused(503, "tokens cannot be checked now") from error
    except jwt.PyJWTError as error:
        raise Refused(401, "invalid_token", 'Bearer error="invalid_token"') from error
    if scope not in claims.get("scope", "").split():
        raise Refused(403, "insufficient_scope", f'Bearer error="insufficient_scope", scope="{scope}"')
    return claims["sub"]


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer("orders.read", lambda owner, _body: (200, {"owner": owner, "orders": orders_of[owner]}))

    def do_POST(self):
        self.answer("orders.write", self.take_order)

    @staticmethod
    def take_order(owner, body):
        order = {"item": str(json.loads(body)["item"])}
        orders_of[owner].append(order)
        return 201, order

    def answer(self, scope, act):
        # The body is read in any case: on a kept connection the next request begins after it.
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 10_000))
        challenge = None
        try:
            owner = caller_of(self.headers.get("Authorization"), scope)
            status, content = act(owner, body) if self.path == "/orders" else (404, {"error": "not found"})
        except Refused as refused:
            status, content, challenge = refused.status, {"error": refused.error}, refused.challenge
        except (ValueError, KeyError, TypeError):
            status, content = 400, {"error": "an order has an item"}
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Request lines are Coatcheck's to log."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()
