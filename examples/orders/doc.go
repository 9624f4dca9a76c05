// Package orders is an order that is paid by invoice, with an approval and a reminder:
// a declared saga (order.yaml), whose scenes (order.test.yaml) take two weeks of virtual
// time and no server.
//
//	go run ./cmd/unwind def test examples/orders/order.test.yaml --stories
package orders
