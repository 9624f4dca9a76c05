// Package cron says when a cron expression is due in a time zone. The fields are
// read by gronx; what happens when a zone's clocks are moved is decided here.
package cron
