"""One standard output for several processes: whole lines, all of them, in order, whoever reads and however slowly."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from sluice.net.log_pipes import LogPipes


class Output:
    """A pipe in place of stdout, read by a thread once it is told to."""

    def __init__(self) -> None:
        self._source, self.fd = os.pipe()
        self.pipes = LogPipes(self.fd)
        self._read: list[bytes] = []
        self._reader = threading.Thread(target=self._follow)

    def _follow(self) -> None:
        while data := os.read(self._source, 1 << 16):
            self._read.append(data)

    def read(self) -> None:
        self._reader.start()

    def all(self) -> bytes:
        """Everything that came, once all writers have closed."""
        assert self.pipes.close(5)
        os.close(self.fd)
        self._reader.join(5)
        return b"".join(self._read)

    def close(self) -> None:
        os.close(self._source)


@pytest.fixture
def output() -> Iterator[Output]:
    with closing(Output()) as made:
        yield made


def write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def test_lines_of_any_length_are_never_torn(output: Output) -> None:
    """In pieces of 1,000 bytes, from four processes' pipes at once."""
    output.read()

    def chatter(fd: int, name: bytes) -> None:
        for number in range(200):
            line = b"%s %d %s\n" % (name, number, name * (number * 37 % 9000))
            for start in range(0, len(line), 1000):
                write(fd, line[start : start + 1000])
        os.close(fd)

    writers = [threading.Thread(target=chatter, args=(output.pipes.open(), name)) for name in (b"a", b"b", b"c", b"d")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = output.all().removesuffix(b"\n").split(b"\n")
    assert len(lines) == 800
    for name in (b"a", b"b", b"c", b"d"):
        own = [line.split(b" ") for line in lines if line.startswith(name)]
        assert [int(number) for _, number, _ in own] == list(range(200))
        assert all(text == name * (int(number) * 37 % 9000) for _, number, text in own)
    assert output.pipes.dropped == 0


def test_a_slow_reader_costs_no_line(output: Output) -> None:
    line = b"x" * 999 + b"\n"
    ends = [output.pipes.open() for _ in range(2)]
    writers = [threading.Thread(target=write, args=(end, line * 5000)) for end in ends]
    for writer in writers:
        writer.start()
    output.read()
    for writer, end in zip(writers, ends, strict=True):
        writer.join()
        os.close(end)
    assert output.all() == line * 10_000


def test_a_line_that_its_process_did_not_finish_is_dropped_and_counted(output: Output) -> None:
    output.read()
    end = output.pipes.open()
    write(end, b"whole\nhal")
    os.close(end)
    assert output.all() == b"whole\n"
    assert output.pipes.dropped == 1


def test_without_a_reader_lines_are_dropped_and_counted_and_nobody_waits() -> None:
    source, fd = os.pipe()
    os.close(source)
    pipes = LogPipes(fd)
    end = pipes.open()
    write(end, b"line\n" * 100_000)
    os.close(end)
    assert pipes.close(5)
    assert pipes.dropped == 100_000
    os.close(fd)


def test_an_output_that_does_not_block_is_waited_for(output: Output) -> None:
    os.set_blocking(output.fd, False)
    end = output.pipes.open()
    writer = threading.Thread(target=write, args=(end, b"line\n" * 100_000))
    writer.start()
    output.read()
    writer.join()
    os.close(end)
    assert output.all() == b"line\n" * 100_000
