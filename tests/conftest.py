"""What all rings share: a PostgreSQL server for the run, and fresh databases on it."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support import kafka, left_out, postgres, suites

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


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    left_out.note(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in left_out.missing(config):
        terminalreporter.write_line(line, yellow=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    kafka.stop_broker()
    postgres.stop_server()
    suites.forget()
    fails = any(left_out.is_failure(line) for line in left_out.missing(session.config))
    if fails and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
