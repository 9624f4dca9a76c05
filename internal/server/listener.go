package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Listener is a port of a broker beside its first one.
type Listener struct {
	// Name is the listener's name, in capital letters.
	Name string
	// Protocol is SSL, SASL_SSL or SASL_PLAINTEXT.
	Protocol string
	// Properties are settings of this listener alone, without their prefix, such as
	// "ssl.client.auth": "required".
	Properties map[string]string
}

// listenerText is what the listeners add to a node's properties.
type listenerText struct{ addresses, protocols, settings string }

func listenerProperties(listeners []Listener, port int) (text listenerText) {
	for i, l := range listeners {
		text.addresses += fmt.Sprintf(",%s://%s", l.Name, Address(port+i))
		text.protocols += fmt.Sprintf(",%s:%s", l.Name, l.Protocol)
		for _, name := range slices.Sorted(maps.Keys(l.Properties)) {
			text.settings += fmt.Sprintf("listener.name.%s.%s=%s\n", strings.ToLower(l.Name), name, l.Properties[name])
		}
	}
	return text
}
