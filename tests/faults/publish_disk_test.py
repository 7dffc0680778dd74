"""Publish history on disk through kills and restarts: what was acknowledged is there, with the ids that were answered."""

import tempfile

import case
import raw_h2
from fault_storm import Storm

CONFIG = f"""
access = {{{{ publish_secret = "{case.SECRET}" }}}}
[source.notes]
url = "publish:"
history = {{{{ store = "disk", path = "{{path}}", sync = "{{sync}}", entries = 100000 }}}}
[[route]]
path = "/notes/{{{{topic}}}}"
source = "notes"
"""


class Writer:
    """POSTs one event at a time, each with an id of its own, over a connection that it makes again when it is lost."""

    def __init__(self, gateway):
        self._gateway, self._peer = gateway, None

    def __call__(self, data):
        try:
            if self._peer is None or self._peer.closed:
                self._peer = raw_h2.Peer(self._gateway)
            stream = self._peer.post("/notes/a", b'{"data":"%s","id":"%s"}' % (data.encode(), data.encode()),
                                     ("content-type", "application/json"), ("authorization", f"Bearer {case.SECRET}"))
            if self._peer.status(stream) != 200:
                raise OSError("refused")
            self._peer.frames.clear()
        except (OSError, AssertionError) as error:
            self.close()
            raise OSError("not acknowledged") from error

    def close(self):
        if self._peer:
            self._peer.close()
        self._peer = None


class PublishHistory(case.Case):
    def storm(self, sync):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-"))
        gateway = self.start(CONFIG.format(path=f"{folder}/notes.db", sync=sync))
        writer = Writer(gateway)
        self.addCleanup(writer.close)
        storm = Storm(self, [gateway], "/notes/a")
        # Ids make a repeated publish one event: the truth is what the publisher meant.
        expected = storm.run(writer, lambda: [str(number) for number in range(len(storm.acknowledged))])
        storm.check_exact(expected)

    def test_on_disk_nothing_acknowledged_is_lost_repeated_or_reordered_through_kill_minus_nine(self):
        self.storm("full")

    def test_with_the_operating_system_neither_as_long_as_the_machine_runs(self):
        self.storm("process")
