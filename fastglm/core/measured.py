"""Constants that steer speed and memory, of all rooms; no answer depends on them beyond its rounding.

A name in parentheses is that of the table that ``python -m benchmarks.constants NAME`` prints, with its turning point
on a server with 1 MiB of second-level cache a core; "chosen" says that a value was not measured, and why it was taken.
Constants of compiled loops stand beside them, because the cache of a loop knows the source of its own file alone.
Constants of statistics stand where they are used, with their source.
"""

from __future__ import annotations

# Passes over rows

# nanoseconds a row and thread of a pass with curvature: a + b m + c m^2 of m columns (passes: 17, 0.6 and 0.029 on one
# busy core), and of one more size of a step (steps: 21)
PASS_ROW_NS, PASS_COLUMN_NS, PASS_SQUARE_NS, STEP_SIZE_NS = 12.0, 0.9, 0.021, 35.0
MOST_STEP_SIZES = 12  # sizes of a step in one pass; chosen: the last is a two-thousandth of the first
PASS_BLOCK_BYTES = 1 << 18  # of X in a block of a pass (blocks: flat from 128 KiB to 1 MiB, slower beyond)
# rows of a block at the least and at the most (blocks: 64 cost a third more than 512, beyond 1024 little is won)
FEWEST_BLOCK_ROWS, MOST_BLOCK_ROWS = 160, 1024
UNIT_ROWS = 4096  # rows of a task, or a half of it (units: a pass over them takes 100 us, a second thread costs 30)
THREAD_NS = 200_000.0  # of work that a further thread is worth (units: it costs 30 us, beside 10,000 x 5 a hundred)
CALL_NS = 5e7  # of work of a call that sums several units; chosen: an interrupt waits for no more
VECTOR_ROWS = 1 << 16  # rows of vectors alone that are looked at together; chosen: they stay in the second-level cache
MOST_UNITS, FEW_UNITS = 64, 8  # of ordinary sources; chosen: eight units a thread end together on eight cores
QR_COST = 4e9  # multiplications of a QR with terms, beyond which cross-products are factored; chosen: about a second
CENTRED_BYTES = 1 << 26  # of a copy of X less the means of far columns; chosen: memory that any machine has
PRECISE_NUMBERS = 50_000  # of a small design; chosen: extended precision reads it in microseconds
# products of pairs of columns, of a design whose first Newton steps are taken in compiled code (python -m benchmarks
# --start: a fit of 10,000 x 20 takes half; beyond, steps that make no curvature win more)
APPROACHED_PRODUCTS = 1.2e7
SMALL_ROWS = 20_000  # below which a pass with curvature takes a millisecond, as long as choosing a solver (passes)
# of an array whose columns are looked at for correlation (growth: at 100 a sample's curvature costs what a pass does)
MANY_COLUMNS, LOOKED_AT_ROWS = 200, 512
FACTOR_SECONDS = 1e-10  # of a multiplication in m^3 of a factor, inverse and rank (factors: 1e-11 for the factor alone)
LARGE_MATRIX = 2000  # coefficients whose factorisations cost more than passes (factors: 0.08 s each)
PREDICTED_BYTES = 1 << 20  # of the rows that are predicted at a time; as PASS_BLOCK_BYTES with its temporary arrays
SCORED_BYTES, SPARSE_ROWS = 1 << 21, 8192  # of the rows whose scores are made at a time; as PREDICTED_BYTES

# Solvers, in passes with curvature: medians of fits of simulated data, which tests/test_forecast.py compares with fits

NEWTON_PASSES = 3.0  # of Newton's method on all rows before its last pass
SAMPLE_PASSES = 4.5  # over a sample, of a fit of it
SAMPLE_READS = 1.5  # reads of a sample that its fit takes, in passes with curvature
BIAS_REDUCTION_PASSES = 9.0  # of adjusted scores, whose steps have leverages
THETA_PASSES, POWER_PASSES = 8.0, 50.0  # that an estimate of the family's parameter takes beside a first fit
CELLS_PASSES = 1.3  # of a fit by cells, grouping included
CHEAP_SCORE = 0.2  # of a pass: a score pass that costs no more is tried several times; chosen: five tries a pass
SCORES_WORTH = 1.3  # passes with curvature that score passes in their place may cost (python -m benchmarks.hard)
STREAM_ROWS = 4096  # learned in one step (streams: 190 ns a row, 470 with 1024; more rows win little and lag)

# Factors and cells

HIGH_CARDINALITY = 3000  # levels, beyond which the largest factor's block is a diagonal; chosen: a matrix of 72 MB
MERGE_ROWS = 20_000  # below which a fit takes milliseconds however factors are stored (python -m benchmarks.factors)
FEW_COLUMNS = 4000  # columns beyond which one matrix of all, 128 MB, is not made; chosen by its memory
MERGED_LEVELS = 128  # the most combinations of levels that become one factor; chosen: one table of 128 kB of products
PRODUCTS_IN_CACHE = 1 << 16  # products of two terms' columns: 512 KB of sums, within the second-level cache
MERGED_AT_A_TIME = 1 << 15  # rows merged at a time: 128 KB of codes, within the second-level cache
MANY_LEVELS = 64  # levels from which a factor's block is eliminated as a diagonal; chosen: m^3 falls below m^2 a row
GROUPED_ROWS = 1 << 14  # rows whose keys are made at a time (cells: 25 ns a row, 36 for 1024; flat beyond)
CELL_UNIT_ROWS, MOST_CELL_UNITS = 1 << 18, 64  # rows a table of cells, and tables; chosen: 7 ms of work each
# below which a unit's table costs more to merge than a thread saves (cells: 25 ns a row, a cell 800)
ROWS_PER_CELL = 32
MOST_SPARSE_ENTRIES = 32  # of a sparse row that is grouped; chosen: longer rows hardly repeat
CELLS_SAMPLE = 20_000  # rows from which the number of cells is estimated; chosen: half a millisecond (cells)
CELLS_PROBES, CELLS_PROBE_ROWS = 8, 128  # runs that are read first; chosen: few pages of a mapped file
CELLS_WORTH_ROWS = 200_000  # below which a fit takes milliseconds anyway (passes)

# Rows of files

READ_NS, KEEP_NS = (
    10.0,
    20.0,
)  # to read a number and to keep it, a thread (files: 8 to 12, and 10 warm; cold disks more)
DECODE_NS = 5.0  # to read a number, beside the numbers of a pass; chosen: the half of READ_NS that does not overlap
PIECE_BYTES = 16 << 20  # of the rows that a thread holds as numbers (files: flat from 16 MiB on)
BATCH_BYTES = 32 << 20  # of the numbers that are read at a time (files: flat from 16 MiB on)
CHEAP_NUMBERS = 1 << 25  # that are read in no time beside a fit (files: 0.3 s)
KEPT_BYTES = 1 << 28  # of rows that are read once and kept; chosen: what any machine has
SAMPLE_RUN_ROWS = 256  # rows of a sample at one place; chosen: a page or two of each column
SAMPLE_BYTES = 32 << 20, 128 << 20  # of any sample, and of the largest; chosen by memory
SAMPLE_FRAGMENTS = 16  # the most that a sample is taken from, at least four; chosen: a fragment is decoded as a whole
WINDOW_BYTES = 48 << 20  # of the rows that a stream has in memory; chosen: three pieces
RUNS_PER_THREAD = 4  # runs of units for each thread, so that all end at about the same time; chosen
WAITING_PIECES = 4  # results of a fragment that wait for earlier ones; chosen: bounds memory, hides a slow piece
MAPPED_BYTES = 1 << 28  # of a memory map, below which its pages may stay; chosen: as KEPT_BYTES
MAPPED_PIECE_BYTES = 1 << 25  # that are read before their pages are released; chosen: two pieces
READ_AHEAD_BYTES = 1 << 17  # that the system may have mapped beside a read: the kernel's default
ARROW_MAPPED_BYTES = 128 << 20  # of a record batch, beyond which it is read through a map; chosen by memory
LOCAL_BUFFER, REMOTE_BUFFER = 1 << 20, 8 << 20  # read at a time of a column; chosen: a disk's and a network's burst
AT_ONCE_BYTES = 96 << 20  # of a row group that is decoded at once (groups: a sixth to a third faster than by batches)
PAGES_BYTES = 224 << 20  # that pages of all columns may take while batches are decoded; chosen by memory
COLUMN_PAGE_BYTES = 2 << 20  # that a column takes while it is decoded: two pages of Parquet's default size
COLUMNS_AT_A_TIME = 16  # of a wide row group; chosen: 32 MiB of pages
COALESCED_BYTES = 256 << 20  # of a row group that is fetched as a whole from an object store; chosen by memory
FOOTER_BYTES = 64 << 20  # of footers, as they are in files, that are kept parsed; chosen by memory
CSV_BLOCK = (
    4 << 20
)  # parsed at a time, types are those of the first (text: 115 to 135 MB/s up to 4 MiB, no more beyond)
SPOOL_ROWS, SPOOL_BATCHES = 65_536, 256  # of a record batch of scratch files, and batches of a file; chosen: 16 million
MOST_CODED_LEVELS = 1 << 20  # of a text column that scratch files code; chosen: 64 MiB of dictionary
JOURNAL_SECONDS = 60.0  # between two writes within a pass; chosen: the work that an interrupt may lose

# Clusters and pools: benchmarks.cluster

GROUPS_PER_THREAD = 2  # of a cluster, below four: few enough to cost nothing, many enough to end together
SMALL_READER = 100_000  # bytes of a reader that are sent with every group; larger ones are sent once
MOST_READERS = 4  # that a worker caches; chosen: a fit has two
FREE_BYTES = 64 << 20  # that malloc keeps on a worker: mapping pages anew took half the time of a pass
LARGE_SUM = 2 << 20  # bytes of a sum, from which sums are added on workers
FEW_SUMS = 16  # that the client adds itself; chosen: one a worker
CALLS_PER_WORKER = 2  # under way in a pool: one runs, one waits

# Answers

MOST_TALLY_CELLS = 1 << 22  # cells of a tally, 100 MB with their sums; chosen by memory
MOST_ANSWER_BYTES = 1 << 28  # of answers that are returned for files; chosen: as KEPT_BYTES
CLUSTER_SUMS_BYTES = 1 << 28  # of sums of clusters' scores in one pass; a few times as many while units are added

# Forecasts of ``fastglm.plan``, which tests/test_forecast.py compares with fits

PROCESS_BYTES = 280 << 20  # of the interpreter, the libraries and the loops (process: 170 MiB, with pyarrow 100 more)
GATHER_COPIES = 3  # of gathered rows: the pieces, their concatenation, and Arrow's buffers
PIECE_COPIES = 4  # of a piece that a thread takes: Arrow's batches, numbers, columns, blocks
FRAGMENT_BYTES = 128 << 20  # of a fragment that a thread has open, as numbers, at the most
FIT_SECONDS = 1e-3  # of a fit of a few rows (process)
SUMMARY_ROWS = 65_536  # that are read for cells and rare events; chosen: a thousand events of one in sixty
