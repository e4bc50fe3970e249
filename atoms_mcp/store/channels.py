"""Messages to whoever listens at the moment: nothing is kept for those who come later.

A channel is a name; each subscriber gets every message that is published under it, in order.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

MAX_WAITING: Final = 10_000
# In the place of messages that a subscriber has missed; no message is empty.
GAP: Final = ""


class Subscription:
    """The messages of one channel from the moment it is entered, for one reader.

    A reader that stays behind by more than `max_waiting` (2 or more) finds a `GAP` for the
    oldest ones.
    """

    def __init__(self, channels: "Channels", name: str, max_waiting: int) -> None:
        self._channels = channels
        self._name = name
        self._max_waiting = max_waiting
        self._waiting: deque[str] = deque()
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen from now on, where it can be: to the other processes, too."""
        self._channels.add(self._name, self)
        await self._channels.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no longer."""
        self._channels.remove(self._name, self)

    def __aiter__(self) -> Self:
        """Go through the messages as they come, without an end."""
        return self

    async def __anext__(self) -> str:
        """Wait for the next message."""
        while not self._waiting:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._waiting.popleft()

    def take(self, message: str) -> None:
        """Keep a message for the reader."""
        if len(self._waiting) >= self._max_waiting:
            self._waiting.popleft()
            self._waiting.popleft()
            self._waiting.appendleft(GAP)
        self._waiting.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Channels:
    """The channels of this process."""

    def __init__(self) -> None:
        self._subscribers: dict[str, list[Subscription]] = {}

    def subscribe(self, name: str, max_waiting: int = MAX_WAITING) -> Subscription:
        """Give a subscription; it begins when it is entered."""
        return Subscription(self, name, max_waiting)

    async def connect(self) -> None:
        """See to it that what is published elsewhere is heard: there is no elsewhere."""

    def deliver(self, name: str, message: str) -> None:
        """Give a message to all subscribers of a channel here."""
        for subscription in self._subscribers.get(name, ()):
            subscription.take(message)

    def deliver_gap(self) -> None:
        """Tell every subscriber that messages may have been missed."""
        for subscriptions in self._subscribers.values():
            for subscription in subscriptions:
                subscription.take(GAP)

    def add(self, name: str, subscription: Subscription) -> None:
        """Begin to give it messages."""
        self._subscribers.setdefault(name, []).append(subscription)

    def remove(self, name: str, subscription: Subscription) -> None:
        """Give it no more messages."""
        subscribers = self._subscribers[name]
        subscribers.remove(subscription)
        if not subscribers:
            del self._subscribers[name]
