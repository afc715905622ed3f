"""`python -m deploy.kafka`: one broker until Ctrl-C. Its data lie in `--data`."""

import signal
import sys
import threading
from pathlib import Path

import click

from deploy.kafka.broker import KafkaBroker, KafkaUnavailable


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=Path(".touchstone/kafka"), show_default=True)
@click.option("--port", type=int, default=9092, show_default=True, help="The port to listen on; 0 takes any.")
def main(data: Path, port: int) -> None:
    """Start one Apache Kafka broker on 127.0.0.1 and stay."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    broker = KafkaBroker(data, port)
    print("Starting Apache Kafka (the first time, Maven fetches about 45 MB) …", flush=True)
    try:
        broker.start()
    except KafkaUnavailable as error:
        sys.exit(f"No Kafka: {error}")
    print(f"TOUCHSTONE_BUS_URL={broker.url}", flush=True)
    try:
        while broker.is_running() and not ended.wait(0.5):
            pass
        if not ended.is_set():
            sys.exit(f"The broker ended by itself; see {data / 'broker.log'}")
    finally:
        broker.stop()


main()
