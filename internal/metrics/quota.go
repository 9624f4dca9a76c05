package metrics

import "github.com/unwindhq/unwind/internal/quota"

// OverQuota counts a start that a quota did not let in at once; waits: it waits, or
// comes again by itself.
func (m *Metrics) OverQuota(namespace string, over quota.Name, waits bool) {
	how := "refused"
	if waits {
		how = "waits"
	}
	m.overQuota.with(namespace, string(over), how).Inc()
}

func showQuotas(show shower, list []quota.Level) {
	for _, l := range list {
		show(quotaLimit, float64(l.Limit), l.Namespace, string(l.Quota))
		if l.Quota != quota.Starts {
			show(quotaUsed, float64(l.Used), l.Namespace, string(l.Quota))
		}
	}
}
