package metrics

// kind is what a family measures.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// family describes one metric.
type family struct {
	name    string
	kind    kind
	labels  []string
	buckets []float64 // of a histogram
	help    string
}

// id names a family in the code.
type id int

const (
	sagasStarted id = iota
	sagasEnded
	sagaDuration
	sagasTurned
	stepsEnded
	attentionsRaised
	events

	commandsSent
	commandsRetried
	commandOutcomes
	commandDuration

	replies
	repliesDead

	eventsRead
	eventTopicsMissing

	batches
	batchItems
	batchDuration
	batchRetries
	wakeLateness

	queueItems
	queueCapacity
	wakesPending
	bucketsOwned
	replyLag
	brokersReached

	breakerState
	breakerHeld
	breakerHeldAge
	commandsInFlight
	holdCommands
	holdAge

	leaseRemaining
	leaseRenewals
	leaseFailures
	nodesAlive

	relayRows
	relayPublished
	relayFailed
	relaySwept

	sagasActive
	sagasAttention
	attentionAge
	definitionInfo
	outboxRows
	outboxAge
	farWakes
	mailRows
	deadLettersOpen
	lookAge
	lookDuration

	poolConnections
	poolMax
	poolAcquires
	poolEmptyAcquires
	poolAcquireDuration

	quotaLimit
	quotaUsed
	quotaStarts

	retentionDeleted
	retentionOldest

	scheduleFires
	scheduleLateness

	requests
	requestDuration

	scrapeErrors
	seriesOther
	buildInfo
	idCount
)

// The limits of the histograms' buckets, in seconds or items.
var (
	quick   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	patient = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	long    = []float64{.05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 43200, 259200}
	sizes   = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096}
)

// Labels that several families have.
var (
	byDefinition = []string{"definition"}
	byCommand    = []string{"participant", "command", "direction"}
	byBreaker    = []string{"participant", "direction"}
	byPool       = []string{"pool"}
	byQuota      = []string{"namespace", "quota"}
)

// families describes every metric of ours. Those of the Go runtime and of the
// process come on top, under the names that every Go program gives them.
var families = [idCount]family{
	sagasStarted:     {"unwind_sagas_started_total", counter, byDefinition, nil, "Sagas started."},
	sagasEnded:       {"unwind_sagas_ended_total", counter, []string{"definition", "status"}, nil, "Sagas that came to an end: completed, compensated or abandoned."},
	sagaDuration:     {"unwind_saga_duration_seconds", histogram, []string{"definition", "status"}, long, "How long sagas took from start to end."},
	sagasTurned:      {"unwind_sagas_turned_back_total", counter, byDefinition, nil, "Sagas that turned back and began to compensate."},
	stepsEnded:       {"unwind_steps_ended_total", counter, []string{"definition", "step", "outcome"}, nil, "Steps that came to an outcome: done, skipped, refused, unknown (it may have run), undone."},
	attentionsRaised: {"unwind_attentions_raised_total", counter, []string{"definition", "reason"}, nil, "Reasons for attention that sagas got."},
	events:           {"unwind_saga_events_total", counter, []string{"kind"}, nil, "Events written to the histories."},

	commandsSent:    {"unwind_commands_sent_total", counter, byCommand, nil, "Commands committed to the outbox, retries included."},
	commandsRetried: {"unwind_commands_retried_total", counter, byCommand, nil, "Commands among them that repeat an earlier attempt."},
	commandOutcomes: {"unwind_command_outcomes_total", counter, []string{"participant", "command", "direction", "outcome"}, nil, "What became of attempts: succeeded, rejected, failed, timeout."},
	commandDuration: {"unwind_command_duration_seconds", histogram, []string{"participant", "command", "direction", "outcome"}, patient, "From the commit of an attempt, or its last sign of life, to its reply's commit. Timeouts are not in it."},

	replies:     {"unwind_replies_total", counter, []string{"effect"}, nil, "Replies that were read: applied, repeated (they changed nothing), or forgotten (their saga is so old that it may have been deleted)."},
	repliesDead: {"unwind_replies_dead_total", counter, []string{"class"}, nil, "Records on the reply topic that cannot be taken: undecodable, forged, unmatched; misplaced ones are published again."},

	eventsRead:         {"unwind_events_read_total", counter, []string{"topic", "definition", "result"}, nil, "What events of topics that definitions wait for have done to them: started, advanced (a saga that waits for it), repeated, skipped (the definition does not want it), disabled (so is the definition), late (its saga waits no more), refused (it became a dead letter)."},
	eventTopicsMissing: {"unwind_event_topic_missing", gauge, []string{"topic"}, nil, "1 for each topic that a definition waits for and that does not exist."},

	batches:       {"unwind_batches_total", counter, []string{"written"}, nil, "Batches of the writers, by whether there was anything to write."},
	batchItems:    {"unwind_batch_items", histogram, nil, sizes, "Messages, starts, wakes and verbs decided by one batch."},
	batchDuration: {"unwind_batch_duration_seconds", histogram, nil, quick, "One batch from loading to its commit."},
	batchRetries:  {"unwind_batch_retries_total", counter, nil, nil, "Tries of batches that were not committed."},
	wakeLateness:  {"unwind_wake_lateness_seconds", histogram, nil, patient, "How long after its time a wake was carried out. While the brokers are away wakes wait."},

	queueItems:     {"unwind_queue_items", gauge, []string{"writer"}, nil, "Messages that wait for a writer."},
	queueCapacity:  {"unwind_queue_capacity_items", gauge, nil, nil, "The most messages that may wait for one writer."},
	wakesPending:   {"unwind_wakes_pending", gauge, nil, nil, "Sagas with a due time in the memory of this process."},
	bucketsOwned:   {"unwind_buckets_owned", gauge, nil, nil, "Buckets that this process owns and has taken over. All processes together own 64."},
	replyLag:       {"unwind_reply_lag_records", gauge, []string{"bucket"}, nil, "Replies of an owned bucket that are not finished, as of the last answer of the brokers."},
	brokersReached: {"unwind_brokers_reached", gauge, nil, nil, "1 if the brokers answered the last question of the coordinator. Only with Kafka."},

	breakerState:     {"unwind_breaker_state", gauge, byBreaker, nil, "0 closed, 1 half-open, 2 open, as this process sees it."},
	breakerHeld:      {"unwind_breaker_held_commands", gauge, byBreaker, nil, "Commands that wait for a breaker of this process."},
	breakerHeldAge:   {"unwind_breaker_oldest_held_seconds", gauge, byBreaker, nil, "How long the first of them has been waiting; 0 without any."},
	commandsInFlight: {"unwind_commands_in_flight", gauge, byBreaker, nil, "Commands of this process that were let out and whose answer is awaited."},

	holdCommands: {"unwind_hold_commands", gauge, []string{"kind", "name", "state"}, nil, "Commands that wait in this process for what operators hold, or let go at a rate (held, released). A definition's name may be that of several namespaces."},
	holdAge:      {"unwind_hold_oldest_seconds", gauge, []string{"kind", "name", "state"}, nil, "How long the first of them has been waiting; 0 without any."},

	leaseRemaining: {"unwind_lease_remaining_seconds", gauge, nil, nil, "How long this process may still trust its lease; 0 if it may not."},
	leaseRenewals:  {"unwind_lease_renewals_total", counter, nil, nil, "Renewals of the lease that succeeded."},
	leaseFailures:  {"unwind_lease_renewal_failures_total", counter, nil, nil, "Renewals of the lease that failed."},
	nodesAlive:     {"unwind_nodes_alive", gauge, nil, nil, "Coordinators alive, as of the last renewal."},

	relayRows:      {"unwind_relay_rows", gauge, []string{"state"}, nil, "Outbox rows in the relay's memory: unsent, in_flight (among them), sent (to be deleted)."},
	relayPublished: {"unwind_relay_published_total", counter, nil, nil, "Outbox rows acknowledged by the broker, or run as local steps."},
	relayFailed:    {"unwind_relay_failed_total", counter, nil, nil, "Tries to publish an outbox row that failed."},
	relaySwept:     {"unwind_relay_swept_total", counter, nil, nil, "Outbox rows found by the sweep instead of being handed over."},

	sagasActive:     {"unwind_sagas_active", gauge, []string{"definition", "status"}, nil, "Sagas that have not ended. Of the database: every process shows the same."},
	sagasAttention:  {"unwind_sagas_attention", gauge, []string{"definition", "reason"}, nil, "Sagas that need an operator. Of the database."},
	attentionAge:    {"unwind_attention_oldest_saga_age_seconds", gauge, nil, nil, "How long ago the oldest saga started that needs an operator; 0 without any. Of the database."},
	definitionInfo:  {"unwind_definition_info", gauge, []string{"definition", "owner"}, nil, "1 for each definition with sagas that need an operator, with its owner."},
	outboxRows:      {"unwind_outbox_rows", gauge, nil, nil, "Rows in the outbox, counted up to 100,000. Rows that were sent are deleted within about a second. Of the database."},
	outboxAge:       {"unwind_outbox_oldest_age_seconds", gauge, nil, nil, "How long ago the oldest command in the outbox was written; 0 without any. Of the database."},
	farWakes:        {"unwind_far_wakes", gauge, nil, nil, "Sagas that their bucket's owner was asked to look at and has not. Of the database."},
	mailRows:        {"unwind_kept_messages", gauge, nil, nil, "Messages kept for sagas that cannot take them now. Of the database."},
	deadLettersOpen: {"unwind_dead_letters_open", gauge, []string{"class"}, nil, "Dead letters that nobody has redriven or discarded. Of the database."},
	lookAge:         {"unwind_database_look_age_seconds", gauge, nil, nil, "How old the gauges of the database are."},
	lookDuration:    {"unwind_database_look_duration_seconds", gauge, nil, nil, "How long the last look at the database took."},

	poolConnections:     {"unwind_pool_connections", gauge, []string{"pool", "state"}, nil, "Connections to Postgres: acquired, idle, constructing."},
	poolMax:             {"unwind_pool_max_connections", gauge, byPool, nil, "The most connections of a pool."},
	poolAcquires:        {"unwind_pool_acquires_total", counter, byPool, nil, "Connections taken from a pool."},
	poolEmptyAcquires:   {"unwind_pool_empty_acquires_total", counter, byPool, nil, "Connections among them that had to be waited for."},
	poolAcquireDuration: {"unwind_pool_acquire_seconds_total", counter, byPool, nil, "Time spent on taking connections."},

	quotaLimit:  {"unwind_quota_limit", gauge, byQuota, nil, "What a namespace may start (starts a second), have open (sagas) and keep (bytes), all processes together. Every process shows the same."},
	quotaUsed:   {"unwind_quota_used", gauge, byQuota, nil, "How much of that this process believes to be used, of open sagas and of bytes: take max."},
	quotaStarts: {"unwind_quota_starts_total", counter, []string{"namespace", "quota", "how"}, nil, "Starts that a quota did not let in at once: refused (429), or waits (from Kafka, by a schedule; each second anew)."},

	retentionDeleted: {"unwind_retention_deleted_total", counter, []string{"class"}, nil, "Ended sagas that this process has deleted, by their class of retention."},
	retentionOldest:  {"unwind_retention_oldest_seconds", gauge, []string{"class"}, nil, "How long ago the oldest saga of a class ended that the last whole round has left; shown by the process that deletes, in a class that has any."},

	scheduleFires:    {"unwind_schedule_fires_total", counter, []string{"outcome"}, nil, "Times of schedules by what this process has made of them: started, skipped, missed, refused."},
	scheduleLateness: {"unwind_schedule_lateness_seconds", histogram, nil, long, "How long after its time a saga of a schedule was started; what waited for another saga, or was caught up on, is late."},

	requests:        {"unwind_http_requests_total", counter, []string{"operation", "class"}, nil, "REST requests by operation and class of status: 2xx, 3xx, 4xx, 5xx."},
	requestDuration: {"unwind_http_request_duration_seconds", histogram, []string{"operation"}, patient, "REST requests. Those with ?wait= last as long as they wait."},

	scrapeErrors: {"unwind_scrape_errors_total", counter, nil, nil, "Looks at the database for this page that failed; its gauges are left out then."},
	seriesOther:  {"unwind_series_other_total", counter, []string{"metric"}, nil, "Observations counted under the label other, because the metric has too many series."},
	buildInfo:    {"unwind_build_info", gauge, []string{"version", "goversion"}, nil, "1, with the version of this program."},
}
