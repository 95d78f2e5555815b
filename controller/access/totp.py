"""The second factor: codes of six digits from a shared secret and the time, each good once.

Never keeps a secret: people.py does. Specification: RFC 6238 with 30 s steps, one step of drift to either side.
"""

from __future__ import annotations

import hmac
import io

import pyotp
import segno

STEP_S = 30
DRIFT = 1  # steps
ISSUER = "Vuzol"


def new_secret() -> str:
    """160 bits, base32."""
    return pyotp.random_base32()


def address(secret: str, name: str, site: str) -> str:
    """What an authenticator scans."""
    return pyotp.TOTP(secret).provisioning_uri(name=f"{name}@{site}", issuer_name=ISSUER)


def picture(uri: str) -> str:
    """The QR code for a terminal."""
    lines = io.StringIO()
    segno.make(uri, error="l").terminal(lines, compact=True)
    return lines.getvalue()


def drawing(uri: str) -> str:
    """The QR code as SVG, for a page."""
    return segno.make(uri, error="l").svg_inline(scale=5, border=4, light="#fff")


def step_of(secret: str, code: str, now_s: float) -> int | None:
    """The time step whose code this is; None: no code of about now."""
    now = int(now_s) // STEP_S
    steps = range(now - DRIFT, now + DRIFT + 1)
    made = {step: pyotp.TOTP(secret).generate_otp(step) for step in steps}
    fitting = [step for step in steps if hmac.compare_digest(made[step].encode(), code.strip().encode())]
    return max(fitting, default=None)
