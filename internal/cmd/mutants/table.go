package main

// mutant is one deliberate fault and the test that must notice it. old is as
// short as it can be and still be found once: the code around it may change. test must not be one of rapid's, which
// leaves a file in the checkout when it fails.
type mutant struct {
	name      string
	invariant string // in docs/reliability.md
	fault     string // what the mutant does, for docs/reliability.md
	file      string
	old, new  string
	pkg, test string
}

// mutants are all of them, by invariant.
var mutants = []mutant{
	{
		"wake-dropped", "I1", "no wake is set: a participant's silence is waited for without end",
		"saga/coordinator/run.go", "w.wakes.set(s.id, s.bucket, wake)", "_ = wake",
		"./saga/sagapg", "TestTimeoutMeansUnknown",
	},
	{
		"guard-always-fresh", "I2", "the guard takes a redelivered command for a new one",
		"saga/participant/transaction.go", "fresh = tag.RowsAffected() == 1", "fresh = true",
		"./saga/participant", "TestRedeliveryAnswersTheSameBytes",
	},
	{
		"guard-outside-tx", "I2", "the guard's row is committed before the handler's work",
		"saga/participant/transaction.go", "b.Queue(setSavepoint)", "b.Queue(\"COMMIT AND CHAIN\")\n\tb.Queue(setSavepoint)",
		"./saga/participant", "TestEndsOfAHandler",
	},
	{
		"inbox-key-too-short", "I2", "the inbox forgets which consumer has seen a message",
		"outbox/inbox/inbox.go", "s.in(claim), consumer, messageID", `s.in(claim), "", messageID`,
		"./outbox/inbox", "TestClaimIsFirstOncePerConsumerAndOnlyIfCommitted",
	},
	{
		"timeout-means-no", "I3", "a step that did not answer in time counts as not done",
		"saga/retry.go", "if d.spent(i, \"no answer in time\") {\n\t\td.settle(i, Unknown)", "if d.spent(i, \"no answer in time\") {\n\t\td.settle(i, Refused)",
		"./sagatest", "TestSimulation",
	},
	{
		"deleted-though-changed", "I1", "an ended saga is deleted though something has happened to it since it was judged",
		"saga/sagapg/retentionqueries.go", "AND s.seq = w.seq", "",
		"./saga/sagapg", "TestOneTransactionIsBounded",
	},
	{
		"family-torn", "I1", "a family of sagas is deleted by its first member's age alone",
		"internal/retention/policy.go", "if !p.due(&family[i], now) {", "if i == 0 && !p.due(&family[i], now) {",
		"./internal/retention", "TestDue",
	},
	{
		"told-and-not-kept", "I1", "what a saga tells another is not written with its transition",
		"saga/coordinator/collect.go", "\t\tf.tell(s)\n", "",
		"./saga/sagapg", "TestChildren",
	},
	{
		"lock-kept", "I1", "a saga that has ended keeps its locks",
		"saga/lock.go", "if l == nil || !d.s.Status.Ended() {", "if true {",
		"./sagatest", "TestSimulation",
	},
	{
		"update-taken-twice", "I11", "an update that was taken is taken again when the same request comes again",
		"saga/decide.go", "return known", "return known && d.s.Status == 0",
		"./saga/code", "TestUpdatesAreRemembered",
	},
	{
		"granted-without-its-row", "I11", "whoever asks for a lock has it, whoever else does",
		"saga/sagapg/queries.go", "ORDER BY n LIMIT 1) AS l WHERE l.granted IS NULL)", "AND granted IS NULL ORDER BY n LIMIT 1) AS l)",
		"./saga/sagapg", "TestLocks",
	},
	{
		"child-left-done", "I3", "a child that has completed is not turned back with its parent",
		"saga/reverse.go", "|| s.UndoesChild() && is.raised()", "",
		"./sagatest", "TestSimulation",
	},
	{
		"signal-dropped", "I1", "a signal that comes before its step is not kept",
		"saga/wait.go", "d.s.Own().Signals = append(slices.Clip(kept), signal)", "_ = slices.Clip(kept)",
		"./saga", "TestScenarios",
	},
	{
		"wait-outlives-the-turn", "I3", "a step goes on waiting when its saga turns back",
		"saga/reset.go", "case st.Phase.waits():", "case false:",
		"./sagatest", "TestSimulation",
	},
	{
		"items-all-at-once", "I3", "a step runs for more items at once than it allows",
		"saga/foreach.go", "free := d.step(sp.Step).ForEach.Concurrency - underWay(items)", "free := len(items) - underWay(items)",
		"./sagatest", "TestSimulation",
	},
	{
		"children-all-at-once", "I3", "children of items that run do not count as under way",
		"saga/foreach.go", "|| items[i].Phase.withChild()", "",
		"./saga", "TestScenarios",
	},
	{
		"item-child-not-awaited", "I3", "a saga ends while the children of its items still turn back",
		"saga/foreach.go", "return st.Phase.Back() || step.undoes(&st)", "return step.undoes(&st)",
		"./saga", "TestScenarios",
	},
	{
		"items-go-on-in-a-reset", "I3", "an item begins while a reset takes its step back",
		"saga/foreach.go", "!= Spreading || d.backward(sp.Step) {", "!= Spreading {",
		"./saga", "TestScenarios",
	},
	{
		"undone-beside-doing", "I3", "a saga that turns back undoes steps beside one that is still being done",
		"saga/reverse.go", "== Doing && d.backward(i) {", "== Doing && d.backward(i) && i < 0 {",
		"./saga", "TestScenarios",
	},
	{
		"reset-completes", "I3", "a saga completes while a reset undoes the items of its last step",
		"saga/forward.go", "|| d.backward(i) {\n\t\t\treturn false", "{\n\t\t\treturn false",
		"./saga", "TestScenarios",
	},
	{
		"reset-keeps-the-items", "I3", "a step with items that begins anew after a reset keeps those of its last visit",
		"saga/reset.go", "\td.furl()\n", "",
		"./saga", "TestScenarios",
	},
	{
		"due-and-moved", "I13", "a wake passes over an item that has moved because a reset began anew in the same moment",
		"saga/retry.go", "if d.s.Extras().Reset != reset {", "if reset < 0 {",
		"./saga", "TestScenarios",
	},
	{
		"first-item-left", "I3", "the first item of a step is not undone",
		"saga/foreach.go", "k >= 0 && free > 0", "k > 0 && free > 0",
		"./saga", "TestScenarios",
	},
	{
		"deadline-past-the-pivot", "I3", "the deadline turns back a saga whose pivot was sent",
		"saga/deadline.go", "d.s.PivotSent, d.s.Deadline = true, time.Time{}", "d.s.PivotSent = true\n\t_ = time.Time{}",
		"./saga", "TestScenarios",
	},
	{
		"publish-before-commit", "I4", "commands leave before their transaction is committed",
		"saga/coordinator/run.go", "failpoint.Hit(failpoint.BeforeCommit)",
		"r.c.cfg.Relay.Hand(outbox.Rows(f.writes.Messages, make([]int64, len(f.writes.Messages))))",
		"./saga/sagapg", "TestNothingLeavesBeforeTheCommit",
	},
	{
		"error-taken-for-ack", "I4", "a row that was not published counts as sent",
		"outbox/flight.go", "if err != nil && seat.index < s.failed", "if false",
		"./outbox", "TestOrderUnderPublishErrors",
	},
	{
		"next-overtakes-failed", "I5", "the relay goes on with the same key after an error",
		"outbox/flight.go", "default:\n\t\tr.retryLater(s)",
		"default:\n\t\tif len(s.rows) > 1 {\n\t\t\ts.rows[0], s.rows[1] = s.rows[1], s.rows[0]\n\t\t}\n\t\tr.retryLater(s)",
		"./outbox", "TestOrderUnderPublishErrors",
	},
	{
		"idle-carrier-left-asleep", "I4", "a record that had to ask how many partitions there are waits for the next one to be sent",
		"kafka/router.go", "notify(l.carrier.wake)", "_ = l.carrier.wake",
		"./kafka", "TestOneRecordAfterAQuietWhile",
	},
	{
		"lost-place-stands-still", "I1", "a partition whose place is gone stands still even in a group that may leave it",
		"kafka/claim.go", "c.lost = c.config.SkipLost;", "c.lost = false;",
		"./kafka", "TestAPlaceThatIsLostIsLeft",
	},
	{
		"commits-left-to-the-database", "I4", "a coordinator's commits do not wait for the disk where the database is set up so",
		"internal/postgres/queries.go", "WHERE current_setting('synchronous_commit') = 'off'", "WHERE false",
		"./internal/app", "TestCommitsAreDurable",
	},
	{
		"batch-behind-the-next", "I5", "the producer puts a batch without an answer behind what has come since",
		"kafka/verdict.go", "l.carrier, l.trouble = nil, err",
		"l.carrier, l.trouble = nil, err\n\tif l.batch != nil {\n\t\tl.queue, l.batch = append(l.queue, l.batch.parcels...), nil\n\t}",
		"./kafka", "TestOrderUnderLostAnswers",
	},
	{
		"batch-renumbered", "I5", "the producer sends a batch without an answer again under other numbers",
		"kafka/verdict.go", "l.carrier, l.trouble = nil, err", "l.renumber()\n\tl.carrier, l.trouble = nil, err",
		"./kafka", "TestOrderUnderLostAnswers",
	},
	{
		"letter-dropped", "I6", "a record that nobody can read is skipped, not kept",
		"saga/coordinator/deadletter.go", "case it.dead == nil || it.record == nil:", "case it.dead == nil || it.dead.class == classDecode:",
		"./saga/sagapg", "TestForgedAndUndecodableReplies",
	},
	{
		"no-fence", "I7", "a batch does not compare the epochs of its buckets",
		"saga/sagapg/batch.go", "load.Held, nil)", "load.Held[:0], nil)",
		"./saga/sagapg", "TestFence",
	},
	{
		"no-guard", "I7", "a batch that was decided from memory does not compare the epochs of its buckets",
		"saga/sagapg/batch.go", "b.late.Held, &b.now)", "b.late.Held[:0], &b.now)",
		"./saga/sagapg", "TestCommitComparesWhatItWasDecidedFrom",
	},
	{
		"stale-state-believed", "I7", "a batch that was decided from memory does not compare the sagas' states with those that are stored",
		"saga/sagapg/queries.go", "IS DISTINCT FROM $2::int8[]", "IS NULL AND $2::int8[] IS NULL",
		"./saga/sagapg", "TestCommitComparesWhatItWasDecidedFrom",
	},
	{
		"stale-saga-believed", "I7", "a saga that was decided from memory is moved from whatever state is stored",
		"saga/sagapg/queries.go", "AND s.seq = n.known", "",
		"./saga/sagapg", "TestCommitComparesWhatItWasDecidedFrom",
	},
	{
		"lone-bucket-unfenced", "I7", "a batch of one bucket that was decided from memory does not compare its epoch",
		"internal/lease/queries.go", "bucket = $1) IS DISTINCT FROM $2", "bucket = $1) IS NULL AND $2::int8 IS NULL",
		"./internal/lease", "TestFenceComparesAfterItsLock",
	},
	{
		"epoch-not-raised", "I7", "a takeover leaves the bucket's epoch as it was",
		"internal/lease/queries.go", "epoch = b.epoch + 1", "epoch = b.epoch",
		"./internal/lease", "TestFenceLetsTheOwnerPassAndStopsAZombie",
	},
	{
		"fence-without-lock", "I7", "the fence compares epochs without its lock",
		"internal/lease/queries.go", "pg_advisory_xact_lock_shared($1, bucket)", "$1::int4 + bucket",
		"./internal/lease", "TestTakeoverWaitsForFencedTransactions",
	},
	{
		"validator-in-a-replay", "I8", "a validator is asked again when its update is run again",
		"saga/code/update.go", "if !r.replay {", "if r.id != (saga.ID{}) {",
		"./saga/code", "TestUpdatesOfCodeThatHasChanged",
	},
	{
		"clock-in-the-core", "I8", "`Decide` draws its jitter from the process's clock",
		"saga/retry.go", "jitter(d.s.ID, i, st.Attempt)", "float64(time.Now().Nanosecond()%1000)/1000",
		"./sagatest", "TestSimulation",
	},
	{
		"quota-in-full-for-each", "I9", "every process takes a namespace's whole quota for its share",
		"internal/quota/book.go", "(max(of, 0) + nodes - 1) / nodes", "max(of, 0) + nodes*0",
		"./internal/quota", "TestAFleetSharesAQuota",
	},
	{
		"quota-sees-the-committed", "I9", "starts that are not committed yet do not count against a quota of open sagas",
		"internal/quota/book.go", "s.since+s.pending >= share(", "s.since >= share(",
		"./internal/quota", "TestOpenQuota",
	},
	{
		"quota-room-not-given-back", "I9", "a saga that ends makes no room for another one in its namespace",
		"internal/quota/book.go", "s.since += open(c.After.Status) - open(c.Before.Status)", "s.since += max(open(c.After.Status)-open(c.Before.Status), 0)",
		"./internal/quota", "TestOpenQuota",
	},
	{
		"drain-cancels", "I10", "SIGTERM cancels the handler that is at work",
		"kafka/subscriber.go", "context.WithoutCancel(ctx)", "ctx",
		"./saga/participant", "TestShutdownDrains",
	},
	{
		"drain-cut-short", "I10", "SIGTERM ends the relay before the last replies have left",
		"saga/participant/participant.go", "stopRelay := context.WithCancel(context.WithoutCancel(ctx))", "stopRelay := context.WithCancel(ctx)",
		"./saga/participant", "TestShutdownDrains",
	},
	{
		"start-key-ignored", "I11", "a start does not ask who holds its idempotency key",
		"saga/coordinator/fold.go", "if it.start.Key != \"\" {", "if false {",
		"./saga/sagapg", "TestStartKeys",
	},
	{
		"business-key-not-asked", "I11", "a start does not ask who has its business key",
		"saga/coordinator/unique.go", "if holder == it.saga {", "if true {",
		"./saga/sagapg", "TestOneRunningSagaForEachBusinessKey",
	},
	{
		"business-key-kept", "I11", "a saga that has ended keeps its business key",
		"saga/coordinator/unique.go", "key != \"\" && state.Status.Ended()", "key != \"\" && state.Status < 0",
		"./saga/sagapg", "TestOneRunningSagaForEachBusinessKey",
	},
	{
		"schedule-starts-anew", "I11", "a saga of a schedule whose start is tried again gets another key",
		"internal/schedule/schedule.go", "at.UTC().Format(time.RFC3339Nano)", "time.Now().UTC().Format(time.RFC3339Nano+at.Format(\"\"))",
		"./internal/schedule", "TestAStartThatNobodyHeardOf",
	},
	{
		"anybody-decides", "I12", "an approval takes the decision of somebody whom it does not ask",
		"saga/wait.go", "if len(d.step(i).Approval.By) == 0 ||", "if len(groups) > 0 ||",
		"./saga/sagapg", "TestWaitsOutliveTheirOwner",
	},
	{
		"stale-epoch-counts", "I12", "a late reply of an earlier epoch advances the saga",
		"saga/reply.go", "if d.e.Epoch != st.Epoch || ", "if ",
		"./saga", "TestScenarios",
	},
	{
		"pause-not-heeded", "I12", "a paused saga sends",
		"saga/forward.go", "if !d.s.Paused.IsZero() || d.holds", "if d.holds",
		"./saga/sagapg", "TestPauseOutlivesItsOwner",
	},
	{
		"edit-keeps-the-epoch", "I12", "answers to a step's old input count for its new one",
		"saga/edit.go", "st.Epoch++", "_ = st.Epoch",
		"./saga", "TestScenarios",
	},
	{
		"edit-forgotten", "I2", "a re-sent command carries the mapped input again",
		"saga/edit.go", "return JSON(e.Data), nil", "return JSON([]byte(\"0\")), nil",
		"./sagatest", "TestSimulation",
	},
	{
		"event-after-the-turn", "I12", "a step still hears events when its saga turns back",
		"saga/watch.go", "if s.Status != Running || i", "if i",
		"./saga", "TestScenarios",
	},
	{
		"end-told-again", "I4", "what still happens to a saga that has ended tells of its end again",
		"saga/onend.go", "d.s.Status == before || ", "",
		"./sagatest", "TestSimulation",
	},
	{
		"reset-same-visit", "I2", "a step that a reset has undone is sent anew with the id that its participant refuses",
		"saga/reset.go", "visit++", "_ = visit",
		"./sagatest", "TestSimulation",
	},
	{
		"reset-past-the-pivot", "I3", "a reset takes back a saga whose pivot was sent",
		"saga/reset.go", "case d.s.PivotSent:", "case false:",
		"./saga", "TestScenarios",
	},
	{
		"tried-in-vain-and-left", "I3", "what a function's step may have done is not undone while the function goes on",
		"saga/grow.go", "if d.s.Steps[i].Phase == Unknown && d.step(i).Compensation != \"\" {", "if false {",
		"./saga/code", "TestCodeGoesOnWhileAFailedStepIsUndone",
	},
	{
		"undone-side-by-side", "I3", "a function does not note what a step came after, so that all is undone at once",
		"saga/code/func.go", "saga.Ask{Step: step, After: c.b.before()}", "saga.Ask{Step: step}",
		"./saga/code", "TestCodeTurnsBackInReverse",
	},
	{
		"changed-code-runs-on", "I8", "a function that asks for something else than it did is not found out",
		"saga/grow.go", "case recorded[n].What != a.What:", "case false:",
		"./saga/code", "TestAChangeOfTheCodeIsFound",
	},
	{
		"side-effect-again", "I8", "a function that is run again has its side effects again",
		"saga/code/routine.go", "case !r.replay:", "case !r.replay || len(r.recorded) > 0:",
		"./saga/sagapg", "TestCodeOutlivesItsOwner",
	},
	{
		"coroutine-of-another-moment", "I8", "a coroutine that was decided on and not committed is taken for the saga's",
		"saga/run.go", "g.run.co == nil || g.run.last != g.before.resumed()", "g.run.co == nil",
		"./saga/code", "TestACoroutineOfAnotherMomentIsThrownAway",
	},
	{
		"context-outlives-its-saga", "I8", "what other packages made of a function's context goes on when the saga turns back",
		"saga/code/cancel.go", "r.life.finish(turnsBack)", "_ = turnsBack",
		"./saga/code", "TestContextsEndWhereTheSagaTurnsBack",
	},
	{
		"input-written-anew", "I2", "what a function asks with is stored as other bytes than were sent",
		"saga/sagapg/asked.go", "`,\"data\":`...), a.Data...)", "`,\"data\": `...), []byte(strings.ReplaceAll(string(a.Data), \"{ \", \"{\"))...)",
		"./saga/sagapg", "TestCodeKeepsTheBytesOfAnInput",
	},
	{
		"approved-by-the-maker", "I12", "who has made a large batch may approve it",
		"internal/batch/queries.go", " AND actor <> $2", "",
		"./internal/batch", "TestALargeBatchNeedsASecondPerson",
	},
	{
		"retry-after-the-end", "I12", "a retry of a terminated saga sends again",
		"saga/verb.go", "if d.s.Status.Ended() {\n\t\treturn fmt.Errorf(\"retry", "if false {\n\t\treturn fmt.Errorf(\"retry",
		"./saga/sagapg", "TestRetryNow",
	},
	{
		"forged-reply-counts", "I12", "the token of a reply is not looked at",
		"saga/coordinator/poll.go", "c.cfg.Keys.Verify(reply); err != nil", "c.cfg.Keys.Verify(reply); err != nil && len(it.record.Headers) < 0",
		"./saga/sagapg", "TestForgedAndUndecodableReplies",
	},
	{
		"wake-before-due", "I13", "a wake ends waits whose time has not come",
		"saga/retry.go", " && !st.Due.After(d.e.At)", "",
		"./saga", "TestScenarios",
	},
	{
		"heartbeat-without-slack", "I13", "a heartbeat that was not stored does not count",
		"saga/heartbeat.go", "p.Heartbeat + p.Heartbeat/4", "p.Heartbeat",
		"./sagatest", "TestSimulation",
	},
	{
		"begins-at-once", "I13", "a start that asks for a later time begins at once",
		"saga/begin.go", "case !begin.After(d.e.At):", "case begin != d.s.Last:",
		"./sagatest", "TestSimulation",
	},
	{
		"all-or-none-passes", "I14", "a gate that holds some commands of a saga's items holds all of them, its probe as well",
		"saga/coordinator/gate.go", "extra.Passed = passed(granted, extra.Held)", "_ = passed",
		"./saga/sagapg", "TestAHalfOpenBreakerGetsItsProbe",
	},
	{
		"hold-burns-an-attempt", "I14", "a command that is held counts as an attempt",
		"saga/forward.go", "st.Phase, st.Due = held, d.e.At", "st.Phase, st.Due, st.Attempt = held, d.e.At, st.Attempt+1",
		"./sagatest", "TestSimulation",
	},
	{
		"hold-forgotten-by-the-next", "I14", "a process that starts does not ask what is held",
		"breaker/hold.go", "g.dams = append(g.dams, d)", "_ = d",
		"./breaker", "TestAHoldKeepsItsGroup",
	},
	{
		"release-without-a-rate", "I14", "a release lets everything go at once",
		"breaker/hold.go", "len(items) < limit && d.ramp.ready(now)-d.row.passes > 0", "len(items) < limit",
		"./breaker", "TestAReleaseHasItsRate",
	},
	{
		"permit-kept", "I14", "a batch that was not committed keeps its permits",
		"saga/coordinator/gate.go", "o.permit.Done(breaker.Excluded)", "_ = o.permit",
		"./saga/sagapg", "TestPermitsOfAnAbortedBatchComeBack",
	},
}
