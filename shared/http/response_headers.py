"""The security headers that every answer of both applications carries, errors too.

Source: OWASP ASVS 5.0, 3.4; OWASP Secure Headers Project.
"""

SECURITY_HEADERS: dict[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# Pages need their own style sheet and forms. No inline script or style, no other origin.
PAGE_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; script-src "
    "'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

# What a page of HTML carries. With no-referrer browsers send "Origin: null" with a form, which no
# cross-site check lets pass; same-origin tells other sites as little.
PAGE_SECURITY_HEADERS: dict[str, str] = {
    **SECURITY_HEADERS,
    "Content-Security-Policy": PAGE_CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
}

HSTS = "max-age=31536000; includeSubDomains"
