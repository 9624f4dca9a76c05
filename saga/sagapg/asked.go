package sagapg

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
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
	text := slices.Grow(object[:len(object)-1], askedRoom(list))
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

// askedRoom is what a list takes, if its texts need no escapes.
func askedRoom(list []saga.Asked) int {
	room := len(`,"asked":[]}`)
	for i := range list {
		room += len(`{"what":"","data":},`) + len(list[i].What) + len(list[i].Data)
	}
	return room
}

// onlyAsked reports whether an event has nothing else that few events have.
func onlyAsked(x *saga.EventExtra) bool {
	v := reflect.ValueOf(x).Elem()
	for i := range v.NumField() {
		if i != askedField && !v.Field(i).IsZero() {
			return false
		}
	}
	return true
}

// askedField is the number of EventExtra.Asked.
var askedField = func() int {
	field, _ := reflect.TypeFor[saga.EventExtra]().FieldByName("Asked")
	return field.Index[0]
}()

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
