"""A recorded stream, to be played again byte for byte. Pure."""

from sluice.chat.fold import Fold
from sluice.chat.grammar import Grammar
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import ProtocolError
from sluice.wire.sse import SseDecoder


class Recording:
    """One recorded stream: its events, each as it came, and the whole answer that they add up to.

    Raises:
        ValueError: the bytes hold no event of a chat completion.
    """

    def __init__(self, data: bytes) -> None:
        decoder = SseDecoder()
        frames = [*decoder.feed(data), *decoder.finish()]
        self.events = [frame.raw for frame in frames]
        rest = data[sum(map(len, self.events)) :]
        if rest:
            self.events.append(rest)  # an event that the recording breaks off in is played as far as it goes
        reader, fold, grammar = OPENAI_CHAT.decoder(keep_leftovers=True), Fold(), Grammar()
        try:
            for event in (event for frame in frames for event in reader.decode(frame)):
                grammar.advance(event)
                fold.add(event)
        except ProtocolError as error:
            raise ValueError(f"the recording is not a stream of chat completion chunks: {error}") from None
        self.model = fold.answer().model
        if not fold.answer().choices:
            raise ValueError("the recording holds no chat completion")
        self.whole = OPENAI_CHAT.write_answer(fold.answer())
