"""The tables of runs, as SQLite and PostgreSQL both have them, and all that is asked of them.

What is looked for is a column; the record itself is JSON in `body`. `n` counts rows in the order in which they came.
A statement is written with `?`; types are SQLite's. Settled in agents.md D.5.
"""

_FIRST = (
    """CREATE TABLE threads (owner TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL,
        updated INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (owner, id))""",
    "CREATE INDEX threads_updated ON threads (owner, updated)",
    """CREATE TABLE runs (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, thread_id TEXT NOT NULL,
        agent TEXT NOT NULL, request_id TEXT NOT NULL, status TEXT NOT NULL, finished INTEGER NOT NULL,
        logged INTEGER NOT NULL, body BLOB NOT NULL)""",
    "CREATE INDEX runs_thread ON runs (owner, thread_id, n)",
    "CREATE UNIQUE INDEX runs_request ON runs (owner, request_id, agent) WHERE request_id <> ''",
    "CREATE INDEX runs_live ON runs (n) WHERE status IN ('pending', 'running')",
    "CREATE INDEX runs_logged ON runs (finished) WHERE logged = 1",
    """CREATE TABLE events (run_id TEXT NOT NULL, seq INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (run_id, seq)) WITHOUT ROWID""",
    """CREATE TABLE messages (n INTEGER PRIMARY KEY, owner TEXT NOT NULL, thread_id TEXT NOT NULL, id TEXT NOT NULL,
        body BLOB NOT NULL, UNIQUE (owner, thread_id, id))""",
    "CREATE INDEX messages_thread ON messages (owner, thread_id, n)",
    """CREATE TABLE checkpoints (n INTEGER PRIMARY KEY, owner TEXT NOT NULL, thread_id TEXT NOT NULL, ns TEXT NOT NULL,
        id TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (owner, thread_id, ns, id))""",
    "CREATE INDEX checkpoints_thread ON checkpoints (owner, thread_id, ns, n)",
    """CREATE TABLE items (path TEXT NOT NULL, key TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
        expires INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (path, key))""",
    "CREATE INDEX items_expire ON items (expires) WHERE expires > 0",
    "CREATE TABLE leases (name TEXT NOT NULL PRIMARY KEY, worker TEXT NOT NULL, until INTEGER NOT NULL)",
    """CREATE TABLE told (n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, teller TEXT NOT NULL,
        topic TEXT NOT NULL, message BLOB NOT NULL)""",
)
"""`logged` is 1 until the events of a run are forgotten."""
MIGRATIONS = (_FIRST,)
"""What leads from one version to the next. Add to the end; what has been released stays as it is."""

# -- log --------------------------------------------------------------------------------------------------------------

APPEND = "INSERT INTO events (run_id, seq, data) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
READ = "SELECT data FROM events WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?"
LAST = "SELECT seq FROM events WHERE run_id = ? ORDER BY seq DESC LIMIT 1"
FORGET_EVENTS = "DELETE FROM events WHERE run_id = ?"

# -- runs -------------------------------------------------------------------------------------------------------------

_RUN = """INSERT INTO runs (id, owner, thread_id, agent, request_id, status, finished, logged, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT"""
CREATE_RUN = f"{_RUN} DO NOTHING"
PUT_RUN = f"""{_RUN} (id) DO UPDATE SET status = excluded.status, finished = excluded.finished, body = excluded.body
WHERE runs.finished IN (0, excluded.finished)"""
GET_RUN = "SELECT body FROM runs WHERE id = ?"
KEPT_RUN = "SELECT body FROM runs WHERE id = ? OR (request_id <> '' AND owner = ? AND agent = ? AND request_id = ?)"
FIND_RUN = "SELECT body FROM runs WHERE owner = ? AND request_id = ? AND request_id <> '' ORDER BY n DESC LIMIT 1"
FIND_RUN_OF = "SELECT body FROM runs WHERE owner = ? AND request_id = ? AND agent = ? AND request_id <> ''"
LIST_RUNS = "SELECT body FROM runs WHERE owner = ? AND thread_id = ? ORDER BY n DESC LIMIT ? OFFSET ?"
LIST_RUNS_IN = "SELECT body FROM runs WHERE owner = ? AND thread_id = ? AND status = ? ORDER BY n DESC LIMIT ? OFFSET ?"
LIVE_RUNS = "SELECT body FROM runs WHERE status IN ('pending', 'running') ORDER BY n"
DELETE_RUN = "DELETE FROM runs WHERE id = ?"

# -- threads ----------------------------------------------------------------------------------------------------------

_THREAD = "INSERT INTO threads (owner, id, status, created, updated, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT"
CREATE_THREAD = f"{_THREAD} DO NOTHING"
PUT_THREAD = f"""{_THREAD} (owner, id) DO UPDATE SET status = excluded.status, created = excluded.created,
    updated = excluded.updated, body = excluded.body"""
GET_THREAD = "SELECT body FROM threads WHERE owner = ? AND id = ?"
_OF_THREAD = "owner = ? AND thread_id = ?"
FORGET_THREAD = (
    f"DELETE FROM events WHERE run_id IN (SELECT id FROM runs WHERE {_OF_THREAD})",  # noqa: S608 - ours
    f"DELETE FROM messages WHERE {_OF_THREAD}",  # noqa: S608 - ours
    f"DELETE FROM checkpoints WHERE {_OF_THREAD}",  # noqa: S608 - ours
    f"DELETE FROM runs WHERE {_OF_THREAD} RETURNING id",  # noqa: S608 - ours
    "DELETE FROM threads WHERE owner = ? AND id = ? RETURNING id",
)
ADD_MESSAGE = """INSERT INTO messages (owner, thread_id, id, body) VALUES (?, ?, ?, ?)
    ON CONFLICT (owner, thread_id, id) DO UPDATE SET body = excluded.body"""
MESSAGES = f"SELECT body FROM messages WHERE {_OF_THREAD} ORDER BY n"  # noqa: S608 - ours
NEWEST_MESSAGES = f"SELECT body FROM messages WHERE {_OF_THREAD} ORDER BY n DESC LIMIT ?"  # noqa: S608 - ours
FORGET_MESSAGES = f"DELETE FROM messages WHERE {_OF_THREAD}"  # noqa: S608 - ours
PUT_CHECKPOINT = """INSERT INTO checkpoints (owner, thread_id, ns, id, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (owner, thread_id, ns, id) DO UPDATE SET body = excluded.body"""
GET_CHECKPOINT = "SELECT body FROM checkpoints WHERE owner = ? AND thread_id = ? AND ns = ? AND id = ?"
CHECKPOINTS = "SELECT body FROM checkpoints WHERE owner = ? AND thread_id = ? AND ns = ? ORDER BY n DESC LIMIT ?"
CHECKPOINTS_BEFORE = """SELECT body FROM checkpoints WHERE owner = ? AND thread_id = ? AND ns = ? AND n <
    (SELECT n FROM checkpoints WHERE owner = ? AND thread_id = ? AND ns = ? AND id = ?) ORDER BY n DESC LIMIT ?"""

# -- items ------------------------------------------------------------------------------------------------------------

_ITEM = "INSERT INTO items (path, key, created, updated, expires, value) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT"
_ALL_OF_IT = "updated = excluded.updated, expires = excluded.expires, value = excluded.value"
PUT_ITEM = f"""{_ITEM} (path, key) DO UPDATE SET {_ALL_OF_IT},
    created = CASE WHEN items.expires > 0 AND items.expires <= ? THEN excluded.created ELSE items.created END"""
SWAP_FRESH = f"""{_ITEM} (path, key) DO UPDATE SET {_ALL_OF_IT}, created = excluded.created
    WHERE items.expires > 0 AND items.expires <= ? RETURNING 1"""
SWAP_ITEM = """UPDATE items SET created = ?, updated = ?, expires = ?, value = ? WHERE path = ? AND key = ?
    AND created = ? AND updated = ? AND expires = ? AND value = ? AND (expires = 0 OR expires > ?) RETURNING 1"""
_THERE = "(expires = 0 OR expires > ?)"
GET_ITEM = f"""SELECT path, key, created, updated, expires, value FROM items
    WHERE path = ? AND key = ? AND {_THERE}"""  # noqa: S608 - ours
DELETE_ITEM = "DELETE FROM items WHERE path = ? AND key = ? RETURNING expires"
_BELOW = "path >= ? AND (? = '' OR path < ?)"
SEARCH_ITEMS = f"""SELECT path, key, created, updated, expires, value FROM items WHERE {_BELOW} AND {_THERE}
    ORDER BY updated DESC, path, key LIMIT ? OFFSET ?"""  # noqa: S608 - ours
PATHS = f"SELECT DISTINCT path FROM items WHERE {_BELOW} AND {_THERE} ORDER BY path"  # noqa: S608 - ours
CLEAR_ITEMS = f"DELETE FROM items WHERE {_BELOW} RETURNING expires"  # noqa: S608 - ours

# -- coordination -----------------------------------------------------------------------------------------------------

ACQUIRE = """INSERT INTO leases (name, worker, until) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET worker = excluded.worker, until = excluded.until
    WHERE leases.worker = excluded.worker OR leases.until <= ? RETURNING 1"""
RELEASE = "DELETE FROM leases WHERE name = ? AND worker = ?"
FORGET_LEASES = "DELETE FROM leases"
TELL = "INSERT INTO told (at, teller, topic, message) VALUES (?, ?, ?, ?) RETURNING n"
LAST_TOLD = "SELECT coalesce(max(n), 0) FROM told"
TOLD = "SELECT n, teller, topic, message FROM told WHERE n > ? ORDER BY n"

# -- what goes by itself ----------------------------------------------------------------------------------------------

TOLD_MS = 60_000
"""How long a message is kept for workers that have not asked yet."""
LEASE_MS = 3_600_000
"""How long one that has run out is kept; nobody minds it."""
ORPHANS = """WITH RECURSIVE known (id) AS (SELECT min(run_id) FROM events UNION ALL
    SELECT (SELECT min(run_id) FROM events WHERE run_id > known.id) FROM known WHERE known.id IS NOT NULL)
    SELECT id FROM known WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM runs)"""
"""Runs whose events came after the run was deleted; one step in the index for each run."""
SWEEP_EVENTS = """DELETE FROM events WHERE run_id IN
    (SELECT id FROM runs WHERE logged = 1 AND status NOT IN ('pending', 'running') AND finished < ?)"""
SWEEP_LOGGED = """UPDATE runs SET logged = 0
    WHERE logged = 1 AND status NOT IN ('pending', 'running') AND finished < ?"""
SWEEP_ITEMS = "DELETE FROM items WHERE expires > 0 AND expires <= ?"
SWEEP_LEASES = "DELETE FROM leases WHERE until < ?"
SWEEP_TOLD = "DELETE FROM told WHERE at < ?"
