"""Progress of a `go build`: compiled packages, linked programs, and the remaining time."""

from dataclasses import dataclass
from pathlib import Path

PACKAGE, PROGRAM = 50_000, 800_000
"""The fixed cost of a package, and the cost of linking a program, in bytes of source that take the same time."""

LISTING = '{{.ImportPath}}\t{{.Dir}}\t{{join .GoFiles "\t"}}'
"""The format of `go list` that `work_of` reads."""

_ENOUGH = 0.02
"""The share of the work after which the remaining time can be estimated."""


@dataclass(frozen=True)
class Work:
    """Work of a build: the packages to compile, with the size of their source, and the programs to link."""

    sizes: dict[str, int]
    programs: int

    def describe(self, log: str, linked: int, seconds: float) -> str:
        """Return a line on the progress after some seconds, by the log of `go build -v`."""
        compiled = self.sizes.keys() & set(log.splitlines())
        counts = f"compiled {len(compiled)} of {len(self.sizes)} packages"
        if linked:
            counts += f", linked {linked} of {self.programs} programs"
        done = sum(self.sizes[each] + PACKAGE for each in compiled) + PROGRAM * linked
        share = done / max(sum(self.sizes.values()) + PACKAGE * len(self.sizes) + PROGRAM * self.programs, 1)
        return f"{counts}; {_minutes(seconds * (1 - share) / share)} to go" if share >= _ENOUGH else counts


def work_of(listing: str, plan: str, programs: int) -> Work:
    """Return the work of a build: of the packages that `go list` has listed, those that `go build -n -v` names."""
    stale = set(plan.splitlines())
    rows = [line.split("\t") for line in listing.splitlines() if "\t" in line]
    sizes = {
        package: sum((Path(folder) / file).stat().st_size for file in files if file)
        for package, folder, *files in rows
        if package in stale
    }
    return Work(sizes, programs)


def fetched(log: str) -> int:
    """Return how many modules a go command has downloaded so far, by its log."""
    return sum(line.startswith("go: downloading ") for line in log.splitlines())


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "less than a minute" if minutes < 1 else f"about {minutes} minute{'' if minutes == 1 else 's'}"
