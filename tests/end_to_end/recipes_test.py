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
from redis_server import RedisServer

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/sources.md"
# Of each section: the engine, its port in the text, and its own clients, which are told the test's port.
ENGINES = {
    "Redis": (RedisServer, 6379, ["redis-cli"]),
    "Kafka": (KafkaMock, 9092, []),
    "MQTT": (MosquittoBroker, 1883, ["mosquitto_pub"]),
    "Another server of event streams": (Gateway, 9443, []),
    "Programs": None,
    "Files": None,
}


def section(heading: str) -> tuple[str, list[str], list[str]]:
    """The configuration, the commands and the lines of output of a section."""
    text = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]
    config = re.search(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
    console = re.search(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1].splitlines()
    commands = [line.removeprefix("$ ") for line in console if line.startswith("$ ")]
    output = [line for line in console if not line.startswith("$ ") and line != "…"]
    return config, commands, output


def pattern(line: str) -> str:
    """Figures and the width of columns differ from run to run."""
    return re.sub(r"(\\ )+", r"\\s+", re.sub(r"[0-9]+", "[0-9]+", re.escape(line)))


class Recipes(case.Case):
    def cook(self, heading: str):
        config, commands, output = section(heading)
        self.assertTrue(commands[-1].startswith("curl ") and output, "a recipe ends with curl and what it prints")
        folder = tempfile.TemporaryDirectory(prefix="sluice-recipe-")
        self.addCleanup(folder.cleanup)
        places = {"/var/log": folder.name}
        if ENGINES[heading]:
            kind, port, clients = ENGINES[heading]
            engine = kind()
            self.addCleanup(engine.close)
            engine.start()
            places |= {f"localhost:{port}": f"localhost:{engine.port}"}
            places |= {f"{client} ": f"{client} -p {engine.port} " for client in clients}
            if kind is Gateway:
                places |= {"/etc/sluice/backend-ca.pem": engine.ca}

        def placed(text: str) -> str:
            for written, here in places.items():
                text = text.replace(written, here)
            return text

        gateway = self.start(placed(config))
        self.wait_until_sources_decided(gateway)
        for command in commands[:-1]:
            if not command.endswith(" &"):  # the engine's start, which is done
                subprocess.run(placed(command), shell=True, check=True, capture_output=True, timeout=30)
        path = re.search(r"https://localhost:8443(/[^' ]*)", commands[-1])[1]
        with self.subscribe(path, gateway=gateway) as reader:
            reader.opened()
            reader.next()
            for line in output:
                self.assertRegex(reader.raw.decode(), f"(?m)^{pattern(line)}$")

    def wait_until_sources_decided(self, gateway):
        deadline = time.monotonic() + 15
        while "starting" in (text := self.fetch("/readyz", gateway=gateway, admin=True).text):
            self.assertLess(time.monotonic(), deadline, text)
            time.sleep(0.05)  # the state is asked for, there is no event to await

    def test_the_recipe_for_redis_works(self):
        self.cook("Redis")

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


if __name__ == "__main__":
    unittest.main()
