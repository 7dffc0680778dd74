"""The recipes of docs/sources.md do what they say: each section's configuration, commands and output, on free ports."""

import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import case
from gateway import Gateway
from kafka_mock import KafkaMock
from mosquitto_broker import MosquittoBroker
from nats_server import NatsServer
from postgres_server import PostgresServer
from redis_server import RedisServer

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/sources.md"
# Of each section: the engine, and what stands in the text for where it is.
ENGINES = {
    "Redis": (RedisServer, {"localhost:6379": "localhost:{port}", "redis-cli ": "redis-cli -p {port} "}),
    "NATS": (NatsServer, {"localhost:4222": "localhost:{port}"}),
    "PostgreSQL": (PostgresServer, {"postgres://user:password@localhost:5432/shop": "{url}", "$URL": "{url}"}),
    "Kafka": (KafkaMock, {"localhost:9092": "localhost:{port}"}),
    "MQTT": (MosquittoBroker, {"localhost:1883": "localhost:{port}", "mosquitto_pub ": "mosquitto_pub -p {port} "}),
    "Another server of event streams": (Gateway, {"localhost:9443": "localhost:{port}", "/etc/sluice/backend-ca.pem": "{ca}"}),
    "Programs": None,
    "Files": None,
    "Events published to the gateway": None,
}
RECOVERED_SECONDS = 60  # a source that has waited for its engine, beside other tests
BY_ITS_TIME_LIMIT = 28  # how curl ends that speaks to a server which does not hang up


def sections() -> dict[str, str]:
    """Those that have a configuration."""
    parts = re.split(r"^## (.*)\n", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {heading: text for heading, text in zip(parts[::2], parts[1::2]) if "```toml" in text}


def block(text: str, kind: str) -> str | None:
    found = re.search(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found and found[1]


def commands_of(text: str) -> tuple[list[str], list[str]]:
    """The commands, and the lines of output."""
    console = block(text, "console").splitlines()
    commands = [line.removeprefix("$ ") for line in console if line.startswith("$ ")]
    output = [line for line in console if not line.startswith("$ ") and line != "…"]
    return commands, output


def pattern(line: str) -> str:
    """Figures and the width of columns differ from run to run."""
    return re.sub(r"(\\ )+", r"\\s+", re.sub(r"[0-9]+", "[0-9]+", re.escape(line)))


class Recipes(case.Case):
    def cook(self, heading: str):
        text = sections()[heading]
        commands, output = commands_of(text)
        self.assertTrue(commands[-1].startswith("curl ") and output, "a recipe ends with curl and what it prints")
        folder = tempfile.TemporaryDirectory(prefix="sluice-recipe-")
        self.addCleanup(folder.cleanup)
        places = {"/var/log": folder.name, "/var/lib/sluice": folder.name}
        if ENGINES[heading]:
            kind, written = ENGINES[heading]
            engine = kind()
            self.addCleanup(engine.close)
            engine.start()
            where = {name: getattr(engine, name, "") for name in ("port", "url", "ca")}
            places |= {text: here.format(**where) for text, here in written.items()}

        def run(command: str, data: str | None = None):
            done = subprocess.run(command, shell=True, input=data, text=True, check=False, capture_output=True, timeout=30)
            self.assertIn(done.returncode, (0, BY_ITS_TIME_LIMIT), done.stderr)

        def placed(text: str) -> str:
            for written, here in places.items():
                text = text.replace(written, here)
            return text

        if (statements := block(text, "sql")) is not None:
            run(placed('psql -v ON_ERROR_STOP=1 "$URL"'), statements)
        gateway = self.start(placed(block(text, "toml")))
        places |= {"localhost:8443": gateway.authority, "ca.pem": gateway.ca}
        self.wait_until_sources_decided(gateway)
        for command in commands[:-1]:
            if not command.endswith(" &"):  # the engine's start, which is done
                run(placed(command))
        path = re.search(r"https://localhost:8443(/[^' ]*)", commands[-1])[1]
        with self.subscribe(path, gateway=gateway) as reader:
            reader.opened(RECOVERED_SECONDS)
            reader.next()
            for line in output:
                self.assertRegex(reader.raw.decode(), f"(?m)^{pattern(line)}$")

    def wait_until_sources_decided(self, gateway):
        deadline = time.monotonic() + 15
        while "starting" in (text := self.fetch("/readyz", gateway=gateway, admin=True).text):
            self.assertLess(time.monotonic(), deadline, text)
            time.sleep(0.05)  # the state is asked for, there is no event to await

    def test_every_section_with_a_configuration_is_tried(self):
        self.assertEqual(set(sections()), set(ENGINES))

    def test_the_recipe_for_redis_works(self):
        self.cook("Redis")

    def test_the_recipe_for_nats_works(self):
        self.cook("NATS")

    def test_the_recipe_for_postgresql_works(self):
        self.cook("PostgreSQL")

    def test_the_recipe_for_kafka_works(self):
        self.cook("Kafka")

    def test_the_recipe_for_mqtt_works(self):
        self.cook("MQTT")

    def test_the_recipe_for_another_server_of_event_streams_works(self):
        self.cook("Another server of event streams")

    def test_the_recipe_for_programs_works(self):
        self.cook("Programs")

    def test_the_recipe_for_files_works(self):
        self.cook("Files")

    def test_the_recipe_for_publishing_works(self):
        self.cook("Events published to the gateway")


if __name__ == "__main__":
    unittest.main()
