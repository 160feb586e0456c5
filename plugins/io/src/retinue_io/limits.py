"""Every limit of reading and writing, with the reason for its size. Nothing here depends on the file's
size.
"""

from __future__ import annotations

MAX_COLUMNS = 1_000  # the widest export we know has about 300
MAX_LINE = 1_000_000  # characters of one physical line; a longer one means: this is no table
MAX_RECORD = 1_000_000  # characters of one record with quoted line breaks
MAX_CELL = 131_072  # characters of one cell; four times what a spreadsheet can hold
SAMPLE_BYTES = 1_000_000  # read from the start of a file to guess encoding and delimiter
SAMPLE_SCAN = 256_000_000  # read at most this far to find the first letter beyond ASCII
SAMPLE_ROWS = 200  # rows looked at to propose a mapping and to choose the order of dates
SAMPLE_LINES = 5  # decoded lines shown beside each encoding

MAX_ARCHIVE_ENTRIES = 2_000  # parts inside an XLSX or ODS file
MAX_UNPACKED = 300_000_000  # bytes of all parts, unpacked
MAX_RATIO = 200  # unpacked against packed, for parts over RATIO_FREE
RATIO_FREE = 5_000_000  # small parts may compress as well as they like
MAX_SHEET_MEMORY = 200_000_000  # bytes the library needs for a sheet: it holds the whole of it
CELL_ROOM, FILLED_ROOM = (
    32,
    100,
)  # bytes of every cell of the used rectangle, and of each filled one (measured)
MAX_SHARED_TEXT = 40_000_000  # bytes of the part in which a workbook keeps its texts

MAX_CARD_LINES = 2_000  # lines of one vCard after unfolding
MAX_CARD_VALUE = 100_000  # characters of one property; pictures and keys are skipped, not kept
MAX_LIST = 20  # e-mails, phones or addresses of one contact

MAX_SHEET_ROWS_OUT = 1_048_576  # rows of an XLSX sheet, heading included
MAX_SHEET_TEXT_OUT = 32_767  # characters of an XLSX cell

MAX_REVIEWED = 500  # different values at fault that a check shows; who has more corrects the file
MAX_CORRECTIONS = 2_000  # values of one file that are exchanged by hand

MAX_BLOCK = 20  # records sharing one blocking key that are compared with each other
