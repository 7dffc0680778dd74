"""An asyncio loop on a thread of its own: a test's thread commands what lives on it and gets the results."""

import asyncio
import threading

WAIT = 15


class LoopThread:
    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine, timeout=WAIT):
        """The coroutine's result, once it has it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    def call(self, function, *arguments):
        """The result of a function that runs between two steps of the loop."""
        async def step():
            return function(*arguments)

        return self.run(step())

    @property
    def closed(self) -> bool:
        return self._loop.is_closed()

    def close(self):
        """Cancels what still runs on it, then ends the thread."""
        self.run(cancel(asyncio.all_tasks(self._loop)))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT)
        self._loop.close()


async def cancel(tasks):
    """Returns once they have ended; the caller's own is left out."""
    tasks = [task for task in tasks if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
