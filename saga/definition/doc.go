// Package definition reads, checks and binds the definitions of sagas.
//
// A definition is data: a YAML or JSON file (Load) or a Go value that mirrors
// the file (Spec, Build). Both go the same way: every fault is reported at once
// as saga.Faults, each with file, line and cure; an option is enforced or
// refused, never ignored. What comes out is a File: the bound saga.Definition,
// its canonical form and the hash of it. Loading the canonical form gives the
// same hash again, so that is what a store keeps.
//
// # Expressions
//
// "when" is one expression, ${…}, that yields true or false. "input" is any tree
// whose texts may be an expression, "${input.seats}", or have some inside,
// "Trip ${input.id}"; a literal ${ is written $${. Expressions are CEL with
//
//   - input, the saga's input, and steps.NAME.output, the output of a step that
//     is over before this one; of a step that may be skipped it is read with
//     steps.NAME.?output.field.orValue(…);
//   - the standard functions except those of time, the string functions of CEL's
//     strings extension, optional values, and keys(m), a map's keys in order.
//
// An expression that is one path, such as ${input.lines[0].price}, copies the
// bytes it finds: 1.10 stays 1.10. Everything else is computed: a number is an
// int where the input's schema says integer and a double where it says number;
// elsewhere a literal without fraction and exponent is an int (a uint if it needs
// one) and every other a double. The result is encoded with sorted keys.
//
// Evaluation is a function of the scope alone: no clock, no randomness, no
// iteration over a map, a limit on cost instead of time.
package definition
