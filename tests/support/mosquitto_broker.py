"""Mosquitto with persistence, and its own programs as clients.

It keeps retained messages and the queues of absent sessions in memory and writes its whole file each time: when it is
shut down, and with `save_every` after as many changes, slowly. What is not yet written is lost by kill -9.
"""

import os
import pwd
import subprocess

from engine import USER, WAIT, Engine, EngineError, program


class MosquittoBroker(Engine):
    scheme = "mqtt"
    tls_scheme = "mqtts"

    def __init__(self, password=None, tls=False, save_every: int | None = None):
        super().__init__(password, tls)
        self.save_every = save_every

    def command(self):
        lines = [f"listener {self.port} 127.0.0.1", f"user {pwd.getpwuid(os.geteuid()).pw_name}", "persistence true",
                 f"persistence_location {self.folder}/", "autosave_on_changes true",
                 f"autosave_interval {self.save_every or 0}",
                 "max_queued_messages 0", "max_inflight_messages 0", "log_dest stderr", "sys_interval 1",
                 f"allow_anonymous {'false' if self.password else 'true'}"]
        if self.password:
            secrets = self.folder / "passwords"
            if not secrets.exists():
                subprocess.run(["mosquitto_passwd", "-b", "-c", secrets, USER, self.password], check=True, capture_output=True,
                               timeout=WAIT)
            lines.append(f"password_file {secrets}")
        if self.certificates:
            lines += [f"certfile {self.certificates.cert}", f"keyfile {self.certificates.key}"]
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [program("mosquitto"), "-c", config]

    def ask(self):
        self._run("mosquitto_sub", "-t", "$SYS/broker/version", "-C", "1", "-W", "2")

    def _arguments(self) -> list[str]:
        """Where and as whom, for any of its programs."""
        account = ["-u", USER, "-P", self.password] if self.password else []
        secure = ["--cafile", self.ca] if self.certificates else []
        return ["-h", "localhost", "-p", str(self.port), *account, *secure]

    def _run(self, client: str, *arguments: str, data: bytes | None = None, timeout=WAIT) -> bytes:
        done = subprocess.run([client, *self._arguments(), *arguments], input=data, capture_output=True, timeout=timeout,
                              check=False)
        if done.returncode != 0:
            raise EngineError(f"{client} ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def publish(self, topic: str, data: bytes | str, qos=1, retain=False, timeout=WAIT):
        """One message of any bytes; acknowledged by the broker, unless qos is 0."""
        data = data.encode() if isinstance(data, str) else data
        self._run("mosquitto_pub", "-t", topic, "-q", str(qos), *(["-r"] if retain else []), "-s", data=data,
                  timeout=timeout)

    def publish_lines(self, topic: str, lines, qos=1):
        """Many messages over one connection, one for each line; returns once all are acknowledged."""
        self._run("mosquitto_pub", "-t", topic, "-q", str(qos), "-l", data="".join(f"{line}\n" for line in lines).encode())

    def take(self, topic: str, count: int, session: str | None = None) -> list[tuple[str, bytes]]:
        """(topic, data) of the next messages, the retained ones first; of a named session, what waited for it."""
        kept = ["-c", "-i", session, "-q", "1"] if session else []
        output = self._run("mosquitto_sub", "-t", topic, "-C", str(count), "-W", str(WAIT - 2), "-F", "%x %t", *kept)
        lines = [line.split(" ", 1) for line in output.decode().split("\n")[:-1]]
        return [(name, bytes.fromhex(data)) for data, name in lines]

    def register(self, topic: str, session: str):
        """Makes a session for which the broker keeps messages of qos 1 from now on; take() reads them."""
        self._run("mosquitto_sub", "-t", topic, "-i", session, "-c", "-q", "1", "-E")
