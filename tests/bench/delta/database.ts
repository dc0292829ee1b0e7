import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

/** Python's, because Node 20 has no SQLite; rows as an application's log of events has them. */
const MAKE = `
import sqlite3, sys, random, hashlib
path, = sys.argv[1:]
db = sqlite3.connect(path)
db.execute('CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT, account TEXT, what TEXT, detail TEXT)')
def row(n):
    text = hashlib.sha256(str(n).encode()).hexdigest()
    return (n, f'2026-{1 + n // 90000:02d}-{1 + n // 3000 % 28:02d}T{n // 125 % 24:02d}:00:00Z', text[:16], 'upload', text * 2)
db.executemany('INSERT INTO events VALUES (?, ?, ?, ?, ?)', (row(n) for n in range(1000000)))
db.commit()
`

const CHANGE = `
import sqlite3, sys, random
path, where = sys.argv[1:]
random.seed(1)
db = sqlite3.connect(path)
if where == 'newest':
    ids = random.sample(range(950000, 1000000), 20000)
    db.executemany('INSERT INTO events VALUES (?, ?, ?, ?, ?)', ((n, '2027-01-01', 'a', 'upload', str(n) * 20) for n in range(1000000, 1010000)))
else:
    ids = random.sample(range(1000000), 200)
db.executemany("UPDATE events SET what = 'delete' WHERE id = ?", ((n,) for n in ids))
db.commit()
`

/** A database before and after updates: of the newest rows and with new ones, or of a few anywhere. */
export async function writeDatabase(
  folder: string,
  where: 'newest' | 'anywhere',
): Promise<{ before: string; after: string }> {
  const [before, after] = [join(folder, 'before.db'), join(folder, 'after.db')]
  execFileSync('python3', ['-c', MAKE, before])
  copyFileSync(before, after)
  execFileSync('python3', ['-c', CHANGE, after, where])
  return { before, after }
}
