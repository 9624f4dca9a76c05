package sagapg

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// asked is saga.Asked. Its data is written as it is, so that it is read back byte for
// byte: a command that is sent again must carry the same.
type asked struct {
	What string          `json:"what"`
	Data json.RawMessage `json:"data,omitempty"`
}

// appendAsked adds to an object what a function has asked for; an empty object becomes
// nothing.
func appendAsked(object []byte, list []saga.Asked) []byte {
	if len(list) == 0 {
		return []byte(strings.TrimPrefix(string(object), "{}"))
	}
	text := object[:len(object)-1]
	if len(text) > 1 {
		text = append(text, ',')
	}
	text = append(text, `"asked":[`...)
	for i, a := range list {
		if i > 0 {
			text = append(text, ',')
		}
		text = appendText(append(text, `{"what":`...), a.What)
		if len(a.Data) > 0 {
			text = append(append(text, `,"data":`...), a.Data...)
		}
		text = append(text, '}')
	}
	return append(text, "]}"...)
}

// appendText appends a text as JSON.
func appendText(buf []byte, text string) []byte {
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c >= 0x7f || c == '"' || c == '\\' }) {
		data, err := json.Marshal(text)
		if err != nil {
			panic(fmt.Sprintf("a text is always JSON: %v", err))
		}
		return append(buf, data...)
	}
	return append(append(append(buf, '"'), text...), '"')
}
