"""What all rings share: a PostgreSQL server for the run, and fresh databases on it."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support import kafka, lanes, left_out, postgres, suites

# How long an example takes, or is made, is the machine's affair.
settings.register_profile("touchstone", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("touchstone")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A running PostgreSQL server; started when first asked for."""
    return postgres.server_url()


@pytest.fixture(scope="session")
def kafka_url() -> str:
    """A running Apache Kafka broker; started when first asked for, left out in one line where that can't be."""
    return kafka.broker_url()


@pytest.fixture(scope="module")
def database_url() -> Iterator[Callable[[str], str]]:
    """Makes a fresh, empty database; all of them are dropped at the end of the module."""
    made: list[str] = []

    def make(name: str = "test") -> str:
        made.append(postgres.create_database(name))
        return made[-1]

    yield make
    for url in made:
        postgres.drop_database(url)


@pytest.fixture(scope="module")
def migrated() -> Iterator[Callable[[str], str]]:
    """Makes a fresh database with a service's newest schema; all of them are dropped at the end of the module."""
    made: list[str] = []

    def make(service: str) -> str:
        made.append(postgres.migrated_database(service))
        return made[-1]

    yield make
    for url in made:
        postgres.drop_database(url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lanes.arrange(items)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, where two processes run the tests
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    from xdist.scheduler import LoadScopeScheduling

    class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return lanes.lane_of(nodeid)

    return Lanes(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before its time begins to count
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with lanes.turn(item):
        return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    left_out.note(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in left_out.missing(config):
        terminalreporter.write_line(line, yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    kafka.stop_broker()
    postgres.stop_server()
    suites.forget()
    if hasattr(session.config, "workerinput"):  # one of several processes, which saw a part of the tests
        return
    fails = any(left_out.is_failure(line) for line in left_out.missing(session.config))
    if fails and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
