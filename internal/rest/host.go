package rest

import (
	"net"
	"net/http"
	"strings"

	"github.com/unwindhq/unwind/client"
)

// localOnly refuses requests that name another host than this machine. An address
// that asks for no keys trusts whoever is on the machine, but a browser there runs
// pages of anybody, and one whose name its owner points to 127.0.0.1 is of the same
// origin as the API: only the Host header tells it apart. What a proxy on this
// machine passes on from elsewhere is refused for the same reason.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localHost(r.Host) {
			newProblem(http.StatusMisdirectedRequest, client.CrossOrigin,
				"this server asks for no keys and answers this machine only, as localhost or 127.0.0.1: let it ask for keys (--auth keys), or say that something before it authenticates (--insecure)").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localHost tells whether a Host header names this machine; a port does not matter.
func localHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
