"""A client that stops in the middle of its body doesn't hold its connection for ever."""

import socket
from urllib.parse import urlsplit

from shared.contracts.values import Role
from shared.kit.token_keys import mint_token
from tests.support.served import served
from tests.support.tokens import KEY

_PATIENCE_S = 10.0


def test_a_stalled_body_is_answered_and_its_connection_closed() -> None:
    token = mint_token(KEY, "tester", [Role.MANAGER])
    request = (
        "POST /v1/projects HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
        f'Authorization: Bearer {token}\r\nContent-Length: 100\r\n\r\n{{"name": '
    )
    with served("ingest", body_timeout_s=0.3) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname or "", address.port or 0), _PATIENCE_S) as connection:
            connection.sendall(request.encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body-stalled" in answer
