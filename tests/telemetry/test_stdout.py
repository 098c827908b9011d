"""Standard output with readers that are slow, gone, or odd. Real pipes."""

import os
import select
import threading
from collections.abc import Iterator

import pytest

from sluice.telemetry.stdout import StdoutWriter, stdout_writer

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A reading and a writing end; a test may close either."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def read_until(fd: int, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        piece = os.read(fd, 65536)
        assert piece, f"the pipe ended after {len(got)} bytes"
        got += piece
    return got


def numbered(count: int, size: int = 600) -> list[bytes]:
    return [b"%06d " % number + b"x" * (size - 8) + b"\n" for number in range(count)]


def test_a_line_is_out_when_the_call_returns(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1])
    write(b'{"a":1}\n')
    os.set_blocking(pipe[0], False)
    assert os.read(pipe[0], 100) == b'{"a":1}\n'
    assert write.dropped == 0


@pytest.mark.parametrize("blocking", [True, False])
def test_a_slow_reader_holds_nobody_up_and_gets_every_line_in_order(pipe: Pipe, blocking: bool) -> None:
    os.set_blocking(pipe[1], blocking)
    write = StdoutWriter(pipe[1])
    lines = numbered(500)  # 300 kB into a pipe of 64 KiB: these calls return although nobody reads
    for line in lines:
        write(line)
    assert read_until(pipe[0], lines[-1]) == b"".join(lines)
    assert write.flush(5)
    assert write.dropped == 0


def test_after_the_backlog_lines_go_out_at_once_again(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1])
    lines = numbered(200)
    for line in lines:
        write(line)
    read_until(pipe[0], lines[-1])
    assert write.flush(5)
    write(b"last\n")
    os.set_blocking(pipe[0], False)
    assert os.read(pipe[0], 100) == b"last\n"


def test_a_backlog_that_went_out_makes_room_for_the_next(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1], max_backlog_bytes=100_000)
    for _ in range(3):
        lines = numbered(250)  # 64 KiB in the pipe, 84 kB behind it
        for line in lines:
            write(line)
        assert read_until(pipe[0], lines[-1]) == b"".join(lines)
        assert write.flush(5)
    assert write.dropped == 0


def test_beyond_the_backlog_whole_lines_are_dropped_and_counted(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1], max_backlog_bytes=10_000)
    lines = numbered(500)
    for line in lines:
        write(line)
    assert 0 < write.dropped < 500
    kept = 500 - write.dropped
    got = b""
    while got.count(b"\n") < kept:
        got += os.read(pipe[0], 65536)
    assert write.flush(5)
    assert got.splitlines(keepends=True) == lines[:kept]


def test_lines_that_were_handed_over_together_are_dropped_by_their_number(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1], max_backlog_bytes=10_000)
    pieces = [b"".join(numbered(5)) for _ in range(100)]
    for piece in pieces:
        write(piece)
    kept = 500 - write.dropped
    got = b""
    while got.count(b"\n") < kept:
        got += os.read(pipe[0], 65536)
    assert write.flush(5)
    assert (got.count(b"\n"), kept % 5) == (kept, 0)
    assert 0 < kept < 500


def test_what_waits_goes_out_in_pieces_as_large_as_stay_whole(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, write_really = [], os.write

    def note(fd: int, data: bytes) -> int:
        sizes.append(len(data))
        return write_really(fd, data)

    write = StdoutWriter(pipe[1])
    lines = [*numbered(200), b"x" * 30_000 + b"\n", *numbered(300)]
    monkeypatch.setattr(os, "write", note)
    for line in lines:
        write(line)
    assert read_until(pipe[0], lines[-1]).count(b"\n") == len(lines)
    assert write.flush(5)
    assert [size for size in sizes if size > select.PIPE_BUF] == [30_001]
    assert max(size for size in sizes if size != 30_001) > 3_000
    assert write.dropped == 0


@pytest.mark.parametrize("blocking", [True, False])
def test_a_line_longer_than_the_pipe_arrives_whole(pipe: Pipe, blocking: bool) -> None:
    os.set_blocking(pipe[1], blocking)
    write = StdoutWriter(pipe[1])
    line = b"x" * 500_000 + b"\n"
    write(line)
    write(b"next\n")
    assert read_until(pipe[0], b"next\n") == line + b"next\n"
    assert write.dropped == 0


def test_a_descriptor_that_polls_ready_and_is_not_loses_no_line(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    write_really, answers = os.write, iter([BlockingIOError(), BlockingIOError(), None, None])

    def write_or_refuse(fd: int, data: bytes) -> int:
        refusal = next(answers)
        if refusal is not None:
            raise refusal
        return write_really(fd, data)

    write = StdoutWriter(pipe[1])
    monkeypatch.setattr(os, "write", write_or_refuse)
    write(b"first\n")
    assert write.flush(5)
    write(b"second\n")
    assert os.read(pipe[0], 100) == b"first\nsecond\n"
    assert write.dropped == 0


def test_a_reader_that_has_gone_costs_lines_and_raises_nothing(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1])
    os.close(pipe[0])
    for _ in range(3):
        write(b"line\n")
    assert write.dropped == 3


def test_a_reader_that_goes_while_lines_wait_costs_those_lines(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1])
    for line in numbered(200):
        write(line)
    os.close(pipe[0])
    assert write.flush(5)
    assert 0 < write.dropped < 200
    before = write.dropped
    write(b"line\n")
    assert write.dropped == before + 1


def test_a_closed_descriptor_raises_nothing(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1])
    os.close(pipe[1])
    write(b"line\n")
    assert write.dropped == 1


def test_lines_of_several_threads_never_mingle(pipe: Pipe) -> None:
    write = StdoutWriter(pipe[1])
    lines = [bytes([65 + thread]) * 300 + b"\n" for thread in range(4)]

    def hundred_times(line: bytes) -> None:
        for _ in range(100):
            write(line)

    threads = [threading.Thread(target=hundred_times, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    got = b""
    while got.count(b"\n") < 400:
        got += os.read(pipe[0], 65536)
    for thread in threads:
        thread.join()
    assert sorted(got.splitlines(keepends=True)) == sorted(lines * 100)


def test_the_writer_of_the_process_writes_to_file_descriptor_1(capfd: pytest.CaptureFixture[str]) -> None:
    stdout_writer()(b"hello\n")
    assert capfd.readouterr().out == "hello\n"
