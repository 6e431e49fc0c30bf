"""HTTP without TLS, for clients of servers on this machine.

By default each client of httpx reads all certificates of the authorities, 15 ms of a processor:
a test that asks every 20 ms whether its server answers would take half of what the server needs
to start.
"""

import ssl

NO_TLS = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # knows no authority: https is refused, not believed
