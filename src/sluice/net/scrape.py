"""Many expositions to one: what several workers count is shown as if one process had counted it.

Pure. Reads what `telemetry.exposition` and prometheus_client write, classic text and OpenMetrics, and no more. Counters
and histograms never go back: what a worker that has ended had counted, as far as it was seen, stays in the sums. Else
Prometheus would take the fall for a restart of the whole, and show everything that the others ever counted as new.
"""

from collections.abc import Iterator, Mapping

SUPERVISOR = "supervisor"
"""The label `worker` of the process that serves nothing itself."""
_CUMULATIVE = frozenset({"counter", "histogram"})

Number = int | float
Life = tuple[int, int]
"""A worker's number, and which process has it: the first, the second ..."""
Samples = dict[str, Number]
"""A sample's name and labels, as they are written, and its value."""


class Family:
    """One metric of one exposition."""

    __slots__ = ("head", "kind", "name", "samples")

    def __init__(self, name: str, head: str) -> None:
        self.name = name
        self.head = head
        """Its comments."""
        self.kind = ""
        self.samples: Samples = {}

    @property
    def key(self) -> str:
        """The same in both formats: OpenMetrics names the family, the classic text its samples."""
        return self.name.removesuffix("_total").removesuffix("_info")


class Totals:
    """The sums of a group. One instance per group; `prefix` is that of the metrics' names."""

    def __init__(self, prefix: str) -> None:
        self._process = f"{prefix}process_"
        self._shared = f"{prefix}cgroup_"
        self._last: dict[Life, dict[str, Samples]] = {}
        """What each worker has counted, by its last exposition."""
        self._departed: dict[str, Samples] = {}
        """What those counted that are no more."""
        self._retired: dict[int, int] = {}

    def note(self, life: Life, exposition: str) -> dict[str, Family]:
        """Remember what a worker has counted until now; of one that is retired nothing is added."""
        families = {family.key: family for family in read(exposition)}
        worker, number = life
        if number > self._retired.get(worker, 0):
            self._last[life] = {
                key: family.samples
                for key, family in families.items()
                if family.kind in _CUMULATIVE and not self._of_process(family)
            }
        return families

    def retire(self, life: Life) -> None:
        """A worker has ended: what it counted stays, and its successor begins with nothing."""
        worker, self._retired[worker] = life
        for key, samples in self._last.pop(life, {}).items():
            add(self._departed.setdefault(key, {}), samples)

    def merged(self, own: str, answers: Mapping[Life, str | None]) -> str:
        """Return all of `merging`."""
        return "".join(self.merging(own, answers))

    def merging(self, own: str, answers: Mapping[Life, str | None]) -> Iterator[str]:
        """Yield the exposition of the group: the supervisor's own, and each worker's, in one format, family by family.
        Between two a worker may be retired. Of a worker that gave no answer (None) the gauges are missing, and its
        counters are those of its last.

        Counters, histograms and gauges are summed, of `*_ratio` the largest is said, `*_info` and `cgroup_*` are said
        once, and `process_*` have a label `worker`.
        """
        parts: dict[int, dict[str, Family]] = {}
        for life, text in answers.items():
            if text is not None:
                parts[life[0]] = self.note(life, text)
                yield ""
        for family in read(own):
            lines = [family.head]
            if self._of_process(family):
                lines += _labelled(family.samples, SUPERVISOR)
                for worker, part in sorted(parts.items()):
                    lines += _labelled(part[family.key].samples, str(worker)) if family.key in part else []
            else:
                lines += [f"{name} {value}\n" for name, value in self._sum(family, parts).items()]
            yield "".join(lines)
        if own.endswith("# EOF\n"):
            yield "# EOF\n"

    def _sum(self, family: Family, parts: Mapping[int, Mapping[str, Family]]) -> Samples:
        total = dict(family.samples)
        if family.name.startswith(self._shared):
            return total  # all of them are in the same container
        if family.kind in _CUMULATIVE:
            add(total, self._departed.get(family.key, {}))
            for counted in self._last.values():
                add(total, counted.get(family.key, {}))
            return total
        for part in parts.values():
            if family.key not in part:
                continue
            if family.kind == "info" or family.name.endswith("_info"):
                total |= part[family.key].samples
            else:
                _join(family, total, part[family.key].samples)
        return total

    def _of_process(self, family: Family) -> bool:
        return family.name.startswith(self._process)


def _join(gauge: Family, total: Samples, samples: Mapping[str, Number]) -> None:
    if not gauge.name.endswith("_ratio"):
        add(total, samples)
        return
    for name, value in samples.items():
        total[name] = max(value, total.get(name, value))


def add(total: Samples, samples: Mapping[str, Number]) -> None:
    """Add samples to others, sample by sample."""
    for name, value in samples.items():
        total[name] = total.get(name, 0) + value


def read(exposition: str) -> Iterator[Family]:
    """Yield the families of an exposition. O(n) in its lines, about 0.6 us each."""
    family = Family("", "")
    for line in exposition.split("\n"):
        if line.startswith("# HELP "):
            if family.name:
                yield family
            family = Family(line.split(" ", 3)[2], f"{line}\n")
        elif line.startswith("# TYPE "):
            family.kind = line.rpartition(" ")[2]
            family.head += f"{line}\n"
        elif line.startswith("# UNIT "):
            family.head += f"{line}\n"
        elif line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            family.samples[name] = int(value) if value.isdigit() else float(value)
    if family.name:
        yield family


def _labelled(samples: Samples, worker: str) -> list[str]:
    """The samples with one label more."""
    lines = []
    for name, value in samples.items():
        given = f"{name[:-1]}," if name.endswith("}") else f"{name}{{"
        lines.append(f'{given}worker="{worker}"}} {value}\n')
    return lines
