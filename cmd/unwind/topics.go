package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/kafka"
)

// topicState is a topic that is needed and what the brokers say of it.
type topicState struct {
	Name       string `json:"name"`
	Partitions int32  `json:"partitions"`
	State      string `json:"state"` // exists, missing, or what differs
}

const (
	topicExists  = "exists"
	topicMissing = "missing"
	topicForeign = "missing; a definition names it, and it is not ours to make"
)

func (p *program) topicsCommand() *cobra.Command {
	var s stores
	var format string
	var replicas int16
	command := func(use, short string, run func(*cobra.Command, topicPlan) error) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.need(true); err != nil {
				return err
			}
			plan, err := s.planTopics(cmd.Context(), replicas)
			if err != nil {
				return err
			}
			plan.format = format
			return run(cmd, plan)
		}}
		formatFlag(cmd, &format)
		return cmd
	}
	cmd := group("topics", "Look after the Kafka topics that the applied definitions need",
		command("plan", "Show which topics are needed and which are missing", func(cmd *cobra.Command, t topicPlan) error { return t.show(cmd) }),
		command("apply", "Create the topics that are missing", applyTopics),
		command("check", "Show the topics; exit code 1 if one is missing or has too few partitions", checkTopics))
	flags := cmd.PersistentFlags()
	s.postgres(flags)
	s.kafka(flags)
	s.tenants(flags)
	flags.Int16Var(&replicas, "replication-factor", 0, "copies of a new topic; 0 is the cluster's default")
	fromEnv(flags, "replication-factor")
	return cmd
}

// topicPlan is what is needed and what is there.
type topicPlan struct {
	admin  *kafka.Admin
	wanted []kafka.Topic
	states []topicState
	format string
}

// planTopics compares the topics of all applied definitions with the brokers'.
func (s *stores) planTopics(ctx context.Context, replicas int16) (topicPlan, error) {
	needed, err := s.needed(ctx)
	if err != nil {
		return topicPlan{}, err
	}
	names := app.Topics{Prefix: s.prefix, Namespaces: s.namespaces, Partitions: s.partitions}
	plan := topicPlan{wanted: append(names.Plan(needed.participants...), needed.ends...)}
	if plan.admin, err = kafka.NewAdmin(kafka.Config{Brokers: s.brokers, Security: s.protection.security()}); err != nil {
		return plan, usageError{err}
	}
	there, err := plan.admin.List(ctx)
	if err != nil {
		return plan, err
	}
	partitions := map[string]int32{}
	for _, t := range there {
		partitions[t.Name] = t.Partitions
	}
	for i := range plan.wanted {
		plan.wanted[i].ReplicationFactor = replicas
		plan.states = append(plan.states, compare(plan.wanted[i], partitions))
	}
	for _, name := range needed.foreign {
		state := topicState{Name: name, Partitions: partitions[name], State: topicExists}
		if state.Partitions == 0 {
			state.State = topicForeign
		}
		plan.states = append(plan.states, state)
	}
	return plan, nil
}

func compare(t kafka.Topic, there map[string]int32) topicState {
	state := topicState{Name: t.Name, Partitions: t.Partitions, State: topicExists}
	switch n, ok := there[t.Name]; {
	case !ok:
		state.State = topicMissing
	case n < t.Partitions:
		state.State = fmt.Sprintf("has %d partitions", n)
	}
	return state
}

// needs are what the applied definitions need of the brokers.
type needs struct {
	names        app.Topics
	participants []string      // whose commands are sent
	ends         []kafka.Topic // those of ours that ends of sagas are announced on
	foreign      []string      // somebody else's topics that definitions name, sorted
}

// needed asks the definitions of all namespaces.
func (s *stores) needed(ctx context.Context) (needs, error) {
	n := needs{names: app.Topics{Prefix: s.prefix, Namespaces: s.namespaces, Partitions: s.partitions}}
	pool, err := pgxpool.New(ctx, s.database)
	if err != nil {
		return n, usageError{err}
	}
	defer pool.Close()
	reg := registry.New(pool, s.schema)
	for _, namespace := range s.namespaces {
		if err := n.ofNamespace(ctx, reg, namespace); err != nil {
			return n, err
		}
		listeners, err := reg.Listeners(ctx, namespace)
		if err != nil {
			return n, err
		}
		awaiters, err := reg.Awaiters(ctx, namespace)
		if err != nil {
			return n, err
		}
		for _, l := range listeners {
			n.foreign = append(n.foreign, l.Topics...)
		}
		for _, a := range awaiters {
			n.foreign = append(n.foreign, a.Topics...)
		}
	}
	slices.Sort(n.foreign)
	n.foreign = slices.Compact(n.foreign)
	return n, nil
}

// ofNamespace asks every definition of a namespace.
func (n *needs) ofNamespace(ctx context.Context, reg *registry.Registry, namespace string) error {
	for after := ""; ; {
		page, err := reg.List(ctx, namespace, after, registry.MaxList)
		if err != nil {
			return err
		}
		for _, entry := range page {
			if err := n.ofDefinition(ctx, reg, namespace, entry.Name); err != nil {
				return err
			}
			after = entry.Name
		}
		if len(page) < registry.MaxList {
			return nil
		}
	}
}

// ofDefinition asks every version: sagas of old versions still run.
func (n *needs) ofDefinition(ctx context.Context, reg *registry.Registry, namespace, name string) error {
	versions, err := reg.Versions(ctx, namespace, name, registry.MaxList)
	if err != nil {
		return err
	}
	for _, v := range versions {
		file, err := reg.Get(ctx, namespace, name, v.Version)
		if err != nil {
			return err
		}
		n.participants = append(n.participants, app.Participants(file.Definition)...)
		ends := n.names.Ends(namespace, file.Definition)
		if on := file.Definition.OnEnd; on != nil && on.Topic != "" {
			n.foreign, ends = append(n.foreign, on.Topic), nil
		}
		for _, topic := range ends {
			if !slices.ContainsFunc(n.ends, func(t kafka.Topic) bool { return t.Name == topic.Name }) {
				n.ends = append(n.ends, topic)
			}
		}
	}
	return nil
}

func (t topicPlan) show(cmd *cobra.Command) error {
	return show(cmd, t.format, t.states, func(w io.Writer) {
		list := table{head: []string{"TOPIC", "PARTITIONS", "STATE"}}
		for _, s := range t.states {
			list.add(s.Name, s.Partitions, s.State)
		}
		list.write(w)
	})
}

func applyTopics(cmd *cobra.Command, t topicPlan) error {
	if err := t.admin.Create(cmd.Context(), t.wanted...); err != nil {
		return err
	}
	for i := range t.states {
		if t.states[i].State == topicMissing {
			t.states[i].State = "created"
		}
	}
	return t.show(cmd)
}

func checkTopics(cmd *cobra.Command, t topicPlan) error {
	if err := t.show(cmd); err != nil {
		return err
	}
	for _, s := range t.states {
		if s.State != topicExists {
			return silentError{}
		}
	}
	return nil
}
