package access

// Remembered returns how many answers v remembers.
func (v *Verifier) Remembered() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.valid) + len(v.other)
}
