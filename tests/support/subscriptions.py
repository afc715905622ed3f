"""What the services subscribe to, without a database."""

import functools
import importlib
from collections.abc import Sequence
from typing import Any

from shared.contracts.topics import TOPICS
from shared.kit.consuming import Subscription
from shared.kit.settings import settings_class
from tests.support.service import settings_for


@functools.cache
def subscriptions_of(service: str) -> Sequence[Subscription[Any]]:
    """The service's subscriptions, topic by topic."""
    package = f"services.{service}"
    settings = settings_for(settings_class(package), "postgresql://nobody@127.0.0.1:1/none")
    runtime = importlib.import_module(f"{package}.main").create_app(settings).state.runtime
    handled = {subscription.payload: subscription for subscription in runtime.spec.subscriptions(runtime)}
    return [handled[payload] for topic in TOPICS for payload in topic.events if payload in handled]
