// Package subscription is a saga that lasts for years: a function that takes the money
// and sleeps for a month, until the customer cancels or does not pay. After a year it
// continues as new, so that no history is longer than forty events and a new version
// reaches every customer within a year. Its test plays ten years in virtual time:
//
//	go test ./examples/subscription -v
package subscription

import (
	"errors"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// Subscription is what somebody has subscribed to.
type Subscription struct {
	Customer string `json:"customer"` // Customer is who pays.
	Cents    int    `json:"cents"`    // Cents is what a month costs.
	Paid     int    `json:"paid"`     // Paid is how many months have been paid.
}

// Ended says how a subscription has ended.
type Ended struct {
	Paid   int    `json:"paid"`   // Paid is how many months were paid.
	Reason string `json:"reason"` // Reason is why it has ended.
}

const (
	month    = 30 * 24 * time.Hour
	patience = 5 * 24 * time.Hour // for the second try, after a reminder
	year     = 12                 // months of one run
)

// Subscribe takes the money once a month until the customer cancels, or does not pay
// after a reminder either. Each year is a run of its own.
func Subscribe(c *code.Context, in Subscription) (Ended, error) {
	cancelled := code.Signal[struct{}](c, "cancel", 0)
	for range year {
		paid, err := pay(c, in)
		if err != nil {
			return Ended{}, err
		}
		if !paid {
			return Ended{in.Paid, "not paid"}, nil
		}
		in.Paid++
		if code.First(c, cancelled, c.Timer(month)) == 0 {
			return Ended{in.Paid, "cancelled"}, nil
		}
	}
	return Ended{}, code.ContinueAsNew(c, in)
}

// pay takes a month's money, a second time after a reminder.
func pay(c *code.Context, in Subscription) (bool, error) {
	charge := saga.Step{Name: "charge", Participant: "payments", Command: "charge", Reason: "a month that was used is paid for"}
	_, err := code.Do[struct{}](c, charge, in)
	var refused *code.Refused
	if !errors.As(err, &refused) {
		return err == nil, err
	}
	remind := saga.Step{Name: "remind", Participant: "mail", Command: "remind", Reason: "a mail cannot be taken back"}
	if _, err := code.Do[struct{}](c, remind, in); err != nil {
		return false, err
	}
	c.Sleep(patience)
	_, err = code.Do[struct{}](c, charge, in)
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, err
}
