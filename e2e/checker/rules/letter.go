package rules

// letters: I6, what was given up is kept as it was; I10, nothing was given up.
func (c *checker) letters() {
	for _, l := range c.run.Letters {
		if c.run.NoDeadLetters {
			c.findf("I10", "", "%s is a dead letter", l.Where)
		}
		if was, read := c.run.Records[l.Source]; read && was != l.Digest {
			c.findf("I6", "", "%s differs from its record %s", l.Where, l.Source)
		}
	}
}
