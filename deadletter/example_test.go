package deadletter_test //nolint:testableexamples // it wants a broker

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/kafka"
)

// A consumer of orders, with nothing else of Unwind: an order that nobody can read
// goes to orders.dlt at once, one that keeps failing after five attempts, and the
// next one is handled.
func ExampleMiddleware() {
	config := kafka.Config{Brokers: []string{"localhost:9092"}}
	producer, err := kafka.NewProducer(config)
	if err != nil {
		panic(err)
	}
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{Config: config, Group: "shipping"})
	if err != nil {
		panic(err)
	}
	giveUp, err := deadletter.Middleware(deadletter.MiddlewareConfig{Producer: producer, Log: slog.Default()})
	if err != nil {
		panic(err)
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NewSlogLogger(slog.Default()))
	if err != nil {
		panic(err)
	}
	router.AddMiddleware(giveUp)
	router.AddConsumerHandler("ship", "orders", subscriber, func(m *message.Message) error {
		var order struct{ ID string }
		if err := json.Unmarshal(m.Payload, &order); err != nil {
			return deadletter.Permanent(err)
		}
		return ship(m.Context(), order.ID)
	})
	if err := router.Run(context.Background()); err != nil {
		panic(err)
	}
}

// ship is what the handler is there for.
func ship(context.Context, string) error { return nil }
