package lease

import (
	"hash/fnv"
	"io"
)

// The statements name their tables as {s}.table; postgres.In replaces the schema.
const (
	// renewNode uses the primary key of nodes.
	renewNode = `INSERT INTO {s}.nodes AS n (node, until, version, levels)
VALUES ($1, clock_timestamp() + $2 * interval '1 microsecond', $3, $4)
ON CONFLICT (node) DO UPDATE SET until = excluded.until, version = excluded.version, levels = excluded.levels`

	// buryNodes scans nodes, which has a row per process. SKIP LOCKED leaves a
	// node alone that is renewing at this moment: it counts as alive. A row that lasts
	// longer than any renewal makes it is from before the clock was set back, by hand or
	// by a standby that was promoted: whoever lives will have renewed it.
	buryNodes = `DELETE FROM {s}.nodes WHERE node IN
(SELECT node FROM {s}.nodes
 WHERE until < clock_timestamp() OR until > clock_timestamp() + interval '2 minutes' FOR UPDATE SKIP LOCKED)`

	// readNodes scans nodes.
	readNodes = `SELECT count(*)::int, coalesce(min(levels), 0) FROM {s}.nodes`

	// readBuckets scans buckets, which has one row per bucket.
	readBuckets = `SELECT b.bucket, b.epoch, b.read_offset, coalesce(b.owner, ''), n.node IS NOT NULL
FROM {s}.buckets b LEFT JOIN {s}.nodes n ON n.node = b.owner ORDER BY b.bucket`

	// claimBuckets uses the primary keys of buckets and nodes. A row that someone
	// else is changing is left for the next round.
	claimBuckets = `UPDATE {s}.buckets b SET owner = $1, epoch = b.epoch + 1
FROM (SELECT bucket FROM {s}.buckets
      WHERE bucket = ANY ($2) AND (owner IS NULL OR owner = $1 OR NOT EXISTS
            (SELECT FROM {s}.nodes n WHERE n.node = owner))
      ORDER BY bucket FOR UPDATE SKIP LOCKED) c
WHERE b.bucket = c.bucket
RETURNING b.bucket, b.epoch, b.read_offset`

	// releaseBuckets uses the primary key of buckets.
	releaseBuckets = `UPDATE {s}.buckets SET owner = NULL WHERE owner = $1 AND bucket = ANY ($2)`

	// releaseAll scans buckets, which has one row per bucket.
	releaseAll = `UPDATE {s}.buckets SET owner = NULL WHERE owner = $1`

	// leave uses the primary key of nodes.
	leave = `DELETE FROM {s}.nodes WHERE node = $1`

	// waitOut touches no table. unnest keeps the order of the sorted array.
	waitOut = `SELECT pg_advisory_xact_lock($1, bucket) FROM unnest($2::int[]) AS bucket`

	// saveOffsets uses the primary key of buckets.
	saveOffsets = `UPDATE {s}.buckets b SET read_offset = h.read_offset
FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS h (bucket, epoch, read_offset)
WHERE b.bucket = h.bucket AND b.epoch = h.epoch AND b.read_offset <> h.read_offset`

	// fenceLock touches no table. unnest keeps the order of the sorted array.
	fenceLock = `SELECT pg_advisory_xact_lock_shared($1, bucket) FROM unnest($2::int[]) AS bucket`

	// fenceLockOne is fenceLock of one bucket.
	fenceLockOne = `SELECT pg_advisory_xact_lock_shared($1, $2)`

	// fenceCheck uses the primary key of buckets. It must be a later statement
	// than fenceLock: only a snapshot taken after the lock shows the takeover.
	fenceCheck = `SELECT h.bucket FROM unnest($1::int[], $2::bigint[]) AS h (bucket, epoch)
LEFT JOIN {s}.buckets b ON b.bucket = h.bucket
WHERE b.epoch IS DISTINCT FROM h.epoch ORDER BY h.bucket`

	// fenceFail is fenceCheck that fails.
	fenceFail = `SELECT clock_timestamp(), CASE WHEN EXISTS (SELECT FROM unnest($1::int[], $2::bigint[]) AS h (bucket, epoch)
LEFT JOIN {s}.buckets b ON b.bucket = h.bucket WHERE b.epoch IS DISTINCT FROM h.epoch)
` + orUntrue

	// fenceFailOne is fenceFail of one bucket.
	fenceFailOne = `SELECT clock_timestamp(), CASE WHEN (SELECT epoch FROM {s}.buckets WHERE bucket = $1) IS DISTINCT FROM $2
` + orUntrue

	// orUntrue has a statement fail, also where the clock is not what it was taken for, $3,
	// and in an isolation that would not show the takeover: a scalar of two rows is an
	// error of a class of its own, and is computed only where it is needed.
	orUntrue = `OR abs(extract(epoch FROM clock_timestamp() - $3::timestamptz)) > 1
OR current_setting('transaction_isolation') <> 'read committed' THEN (SELECT n FROM generate_series(1, 2) AS g (n)) END`
)

// class is the first key of schema's advisory locks; the second is the bucket.
func class(schema string) int32 {
	h := fnv.New32a()
	_, _ = io.WriteString(h, "unwind.bucket:"+schema) // a hash never fails
	return int32(h.Sum32())
}
