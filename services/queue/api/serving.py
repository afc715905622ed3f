"""What the hot endpoints need of the runtime."""

from dataclasses import dataclass

from shared.kit.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Serving:
    """`soon_s`: when to ask again if a task may turn up any moment. The rest is about links to media."""

    soon_s: int
    asset_url_ttl_s: int
    asset_base_url: str


def serving_of(runtime: Runtime) -> Serving:
    serving: Serving = runtime.extras["serving"]
    return serving
