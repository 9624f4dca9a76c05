package travel

import "embed"

// The participants, which are also the names of their schemas.
const (
	Flights  = "flights"  // Flights reserves seats.
	Hotels   = "hotels"   // Hotels reserves rooms.
	Payments = "payments" // Payments charges cards.
)

// Participants lists the names of all participants.
func Participants() []string { return []string{Flights, Hotels, Payments} }

//go:embed *.yaml contracts/*.yaml
var files embed.FS

// Files holds the definitions (travel.yaml, weekend.yaml), their scripts and, in contracts/, the
// contracts of the participants.
func Files() embed.FS { return files }

// Input is the input of both definitions.
type Input struct {
	Traveller string `json:"traveller"` // Traveller is who goes.
	Flight    string `json:"flight"`    // Flight is a flight number, such as LH100; FULL1 has no seats.
	Hotel     string `json:"hotel"`     // Hotel is a hotel's name, such as Astoria; Full has no rooms.
	Nights    int    `json:"nights"`    // Nights is how long; 0 in weekend.yaml is a day trip without a hotel.
	Card      string `json:"card"`      // Card is a card's number, such as gold; empty is declined.
	Cents     int    `json:"cents"`     // Cents is the price.
}
