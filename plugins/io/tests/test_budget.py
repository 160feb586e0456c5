"""Memory and speed on large files. Speeds are printed; limits leave room for a busy machine."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

READ = """
import io, resource, sys, time
from itertools import islice
from retinue_io.drafts import build_drafts
from retinue_io.mapping import propose_mapping
from retinue_io.readers import open_source
from retinue_io.writers import out_column, write_xlsx

class Made(io.RawIOBase):
    '''A CSV file that is made while it is read.'''
    HEAD = b"given_name,family_name,email,phone,city,country,birth_date,note\\n"
    LINE = "Jiří{0:08d},Novák{0:08d},jiri{0:08d}@example.cz,+4207{0:08d},Praha,CZ,1980-05-01,hello\\n"
    SIZE = len(LINE.format(1).encode())
    def __init__(self, rows): self.rows, self.at = rows, 0
    def readable(self): return True
    def seekable(self): return True
    def tell(self): return self.at
    def seek(self, offset, whence=0):
        self.at = offset if whence == 0 else len(self.HEAD) + self.rows * self.SIZE + offset
        return self.at
    def read(self, size=-1):
        end = len(self.HEAD) + self.rows * self.SIZE
        stop = end if size < 0 else min(end, self.at + size)
        if self.at < len(self.HEAD):
            data = self.HEAD[self.at:stop]
        else:
            row, skip = divmod(self.at - len(self.HEAD), self.SIZE)
            count = (stop - self.at) // self.SIZE + 2
            lines = "".join(self.LINE.format(i) for i in range(row, row + count))
            data = lines.encode()[skip:skip + stop - self.at]
        self.at += len(data)
        return data

def peak():
    # the high-water mark of this process alone; ru_maxrss would also carry the one that started it
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
"""
CSV = """
source = open_source(Made(ROWS), "x.csv")
mapping = propose_mapping(source.headings, [r.cells for r in islice(source.rows(), 200)])
before, started = peak(), time.process_time()
count = sum(1 for d in build_drafts(source.rows(), mapping) if not d.rejected)
print(count, peak() - before, peak(), round(count / (time.process_time() - started)))
"""
XLSX = """
out = io.BytesIO()
columns = [out_column(f"custom.c{i}") for i in range(12)]
write_xlsx(out, columns, ({c.key: f"text {i} {c.key}" for c in columns} for i in range(ROWS)))
written, size = peak(), len(out.getvalue())
source = open_source(out, "x.xlsx")
started = time.process_time()
count = sum(1 for _ in source.rows())
print(count, peak() - written, peak(), round(count / (time.process_time() - started)))
"""


def run(code: str, rows: int) -> tuple[int, int, int, int]:
    """Rows read, growth and peak in MB, rows a second of processor time; in a process of its own."""
    script = textwrap.dedent(READ) + code.replace("ROWS", str(rows))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=150
    )
    count, growth, peak, speed = map(int, done.stdout.split())
    return count, growth, peak, speed


def test_csv_takes_the_same_memory_whatever_its_size() -> None:
    small, large = run(CSV, 1_000), run(CSV, 10_000)
    assert large[0] == 10_000
    assert large[1] < 10
    assert large[2] - small[2] < 10


@pytest.mark.slow
def test_csv_of_a_hundred_thousand_rows_takes_no_memory() -> None:
    count, growth, peak, speed = run(CSV, 100_000)
    sys.stderr.write(f"csv: {speed:,} rows/s, peak {peak} MB\n")
    assert count == 100_000
    assert growth < 20
    assert peak < 150
    assert speed > 5_000


@pytest.mark.slow
def test_xlsx_of_a_hundred_thousand_rows_stays_under_the_limit() -> None:
    count, growth, peak, speed = run(XLSX, 100_000)
    sys.stderr.write(f"xlsx: {speed:,} rows/s, growth {growth} MB, peak {peak} MB\n")
    assert count == 100_000
    assert peak < 300
