"""A mail server for tests: STARTTLS and a login, then mails become files.

Arguments: folder, certificate, key. The port is written to FOLDER/port once mails are
taken. FOLDER/answer holds the answer to the next mails, if it is there.
"""

import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER, CERTIFICATE, KEY = sys.argv[1:]


class Handler:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        answer = os.path.join(FOLDER, "answer")
        if os.path.exists(answer):
            with open(answer) as file:
                text = file.read().strip()
            with open(os.path.join(FOLDER, "refused"), "a") as file:
                file.write(text + "\n")
            return text
        Handler.count += 1
        name = os.path.join(FOLDER, f"{Handler.count:04}.eml")
        with open(name + ".part", "wb") as file:
            file.write(b"X-To: " + ",".join(envelope.rcpt_tos).encode() + b"\r\n")
            file.write(envelope.content)
        os.rename(name + ".part", name)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"alpacon", b"mail secret"))


async def main():
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE, KEY)
    handler = Handler()

    def protocol():
        return SMTP(
            handler,
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    name = os.path.join(FOLDER, "port")
    with open(name + ".part", "w") as file:
        file.write(str(port))
    os.rename(name + ".part", name)
    await server.serve_forever()


asyncio.run(main())
