// Package travel is an example of what Unwind is for: a trip that is booked with
// three participants, each a program of its own with tables of its own.
//
//   - flights reserves seats and releases them; it refuses when none is left.
//   - hotels reserves rooms and releases them; it refuses when none is left.
//   - payments charges cards and refunds them; it refuses when the card has not
//     enough credit.
//
// The programs are in the folders flights, hotels and payments; what they do is
// here, each in the file of its name. travel.yaml does one step after the other,
// weekend.yaml flight and hotel at the same time; contracts/ says what each
// participant offers.
//
// Every participant has a table switch in its schema, with which a test or a
// person makes it slow, silent or faulty while it runs (Fault), and every effect
// names its saga, so that an audit can compare the tables with how the sagas
// ended (Audit).
package travel
