"""A text/event-stream reader written from HTML §9.2.5 and §9.2.6 alone, independent of the gateway's own parser."""

import codecs
import dataclasses


@dataclasses.dataclass(frozen=True)
class Event:
    type: str
    data: str
    id: str  # the stream's last event id after this event


class Parser:
    """feed() returns what the bytes completed; retry times and comments are kept in order of arrival."""

    def __init__(self):
        self.retries: list[int] = []
        self.comments: list[str] = []
        self.last_event_id = ""
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="strict").decode
        self._rest = ""
        self._after_cr = False
        self._id, self._type, self._data = "", "", []

    def feed(self, chunk: bytes) -> list[Event]:
        events = []
        text = self._rest + self._decode(chunk)
        start = 0
        for index in range(len(self._rest), len(text)):
            if text[index] not in "\r\n":
                self._after_cr = False
                continue
            if text[index] == "\n" and self._after_cr:
                self._after_cr = False
                start = index + 1
                continue
            self._after_cr = text[index] == "\r"
            if event := self._take(text[start:index]):
                events.append(event)
            start = index + 1
        self._rest = text[start:]
        return events

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name and colon:
            self.comments.append(value)
        elif name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retries.append(int(value))
        return None

    def _dispatch(self) -> Event | None:
        self.last_event_id = self._id
        data, event_type = self._data, self._type
        self._data, self._type = [], ""
        return Event(event_type or "message", "\n".join(data), self._id) if data else None
