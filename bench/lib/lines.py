"""One line of the table: what was measured, beside its reference, and whether that is enough."""
import dataclasses
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10


@dataclasses.dataclass
class Line:
    what: str
    value: float
    unit: str                   # "B/s", "/s", "B", "s"
    reference: float = None
    reference_name: str = ""
    need: float = None          # the acceptance: value / reference at least this
    at_least: float = None      # or: the value itself at least
    at_most: float = None       # or: at most
    note: str = ""

    @property
    def ratio(self):
        return self.value / self.reference if self.reference else None

    @property
    def wanted(self):
        if self.need is not None:
            return f">= {self.need:g}"
        if self.at_least is not None:
            return f">= {amount(self.at_least, self.unit)}"
        if self.at_most is not None:
            return f"< {amount(self.at_most, self.unit)}"
        return ""

    @property
    def verdict(self):
        if self.need is not None:
            return "ok" if self.ratio is not None and self.ratio >= self.need else "below"
        if self.at_least is not None:
            return "ok" if self.value >= self.at_least else "below"
        if self.at_most is not None:
            return "ok" if self.value < self.at_most else "above"
        return ""

    def cells(self):
        return [self.what, amount(self.value, self.unit), self.reference_name,
                amount(self.reference, self.unit) if self.reference else "",
                f"{self.ratio:.2f}" if self.ratio is not None else "", self.wanted, self.verdict,
                self.note]

    def as_dict(self):
        return dict(dataclasses.asdict(self), ratio=self.ratio, verdict=self.verdict)


HEADINGS = ["what", "Atoll", "reference", "its figure", "ratio", "wanted", "", "note"]


def amount(value, unit):
    if value is None:
        return ""
    if unit in ("B", "B/s"):
        tail = unit[1:]
        for size, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
            if value >= size:
                return f"{value / size:.{2 if value < 10 * size else 1 if value < 100 * size else 0}f} {name}{tail}"
        return f"{value:.0f} B{tail}"
    if unit == "/s":
        return f"{value:,.0f}/s"
    return f"{value:,.2f} {unit}"


def text_table(lines):
    rows = [HEADINGS] + [line.cells() for line in lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    right = {1, 3, 4, 5}
    return "\n".join("  ".join(cell.rjust(w) if i in right else cell.ljust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def markdown_table(lines):
    rows = [HEADINGS, ["---", "---:", "---", "---:", "---:", "---:", "---", "---"]]
    rows += [line.cells() for line in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def median(values):
    return statistics.median(values)


def machine():
    model = next((l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines()
                  if l.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], text=True, stderr=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, cwd=Path(__file__).parent).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "memory_bytes": memory, "kernel": platform.release(),
            "date": time.strftime("%Y-%m-%d"), "commit": commit, "load_average": os.getloadavg()[0]}
