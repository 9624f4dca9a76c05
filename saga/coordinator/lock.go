package coordinator

import "github.com/unwindhq/unwind/saga"

// Lock is one key of one saga: asked for, or given back.
type Lock struct {
	Namespace string  // Namespace is the tenant; sagas of others have the same key to themselves.
	Key       string  // Key is the key.
	Saga      saga.ID // Saga is who asks for it, or gives it back.
	Grant     []byte  // Grant is the message that whoever has it next is to get.
}

// lockEffects keeps what a transition asks of locks.
func (s *folding) lockEffects(effects []saga.Effect) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case saga.Acquire:
			s.acquire = append(s.acquire, s.locks(e.Keys)...)
		case saga.Release:
			s.release = append(s.release, s.locks(e.Keys)...)
		}
	}
}

func (s *folding) locks(keys []string) []Lock {
	list := make([]Lock, len(keys))
	for i, key := range keys {
		list[i] = Lock{Namespace: s.row.Namespace, Key: key, Saga: s.id, Grant: grant(s.row.Namespace, key)}
	}
	return list
}

// lock writes what sagas ask of locks.
func (f *fold) lock() {
	for _, id := range f.ids {
		s := f.sagas[id]
		f.writes.Acquire = append(f.writes.Acquire, s.acquire...)
		f.writes.Release = append(f.writes.Release, s.release...)
	}
}

// grant is the message that a saga has a key.
func grant(namespace, key string) []byte {
	e := saga.Event{Kind: saga.Granted, Actor: saga.Actor{Kind: saga.Engine}}
	e.Own().Key = key
	return encodeMail(namespace, e)
}

// granted lists the messages of the keys that a batch has granted.
func (f *fold) granted() []*item {
	list := make([]*item, 0, len(f.writes.Granted))
	for _, m := range f.writes.Granted {
		if it, err := decodeMail(m); err == nil { // it was made by grant
			list = append(list, it)
		}
	}
	return list
}
