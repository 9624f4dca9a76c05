package rest_test

import "github.com/danielgtaylor/huma/v2"

// extensionsOf returns an operation's extensions; nil without an operation.
func extensionsOf(op any) map[string]any {
	if o, ok := op.(*huma.Operation); ok && o != nil {
		if o.Extensions == nil {
			return map[string]any{}
		}
		return o.Extensions
	}
	return nil
}
