"""What an endpoint may be: what its calls can't do is refused when it is made."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends
from starlette.requests import Request

from shared.kit.endpoints import edge_router


async def plain(request: Request) -> str:
    return request.method


def in_a_thread() -> str:
    return "slow"


async def of_another(first: Annotated[str, Depends(plain)]) -> str:
    return first


def synchronous() -> None: ...


async def later(tasks: BackgroundTasks) -> None: ...


async def threaded(value: Annotated[str, Depends(in_a_thread)]) -> None: ...


async def nested(value: Annotated[str, Depends(of_another)]) -> None: ...


@pytest.mark.parametrize("endpoint", [synchronous, later, threaded, nested])
def test_what_is_not_supported_is_refused(endpoint: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"is a coroutine function|not supported|has no dependencies"):
        edge_router().get("/thing")(endpoint)
