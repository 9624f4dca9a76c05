package definition

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/parser"
)

// The limits of expressions.
const (
	MaxExpressions   = 1000    // MaxExpressions is how many ${…} a definition may have.
	MaxExpression    = 4096    // MaxExpression is the longest expression, in characters.
	MaxNesting       = 2       // MaxNesting is how many comprehensions may stand in each other.
	MaxCost          = 100_000 // MaxCost is how much one evaluation may cost, in CEL's units.
	maxRecursion     = 32
	maxRegexpProgram = 1000
)

// timeFunctions depend on a clock's zones or are about time, which an expression
// has no business with.
var timeFunctions = []string{
	"timestamp", "duration", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear",
	"getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
}

// toList guards the range of every comprehension. No user can write its name.
const toList = "@list"

// What expressions can read: those of a saga, and those that see an event before
// there is one.
var (
	sagaVariables = []cel.EnvOption{
		cel.Variable("input", cel.DynType),
		cel.Variable("steps", cel.MapType(cel.StringType, cel.DynType)),
	}
	eventVariables = []cel.EnvOption{cel.Variable("event", cel.DynType)}
	itemVariables  = []cel.EnvOption{cel.Variable("item", cel.DynType), cel.Variable("index", cel.IntType)}
	endVariables   = []cel.EnvOption{
		cel.Variable("output", cel.DynType), cel.Variable("status", cel.StringType), cel.Variable("cause", cel.StringType),
	}
)

// isFact reports whether expressions at a place can read something of this name that
// is neither the input nor of a step.
func isFact(step int, name string) bool {
	switch step {
	case atEvent:
		return name == "event"
	case atEnd:
		return name == "output" || name == "status" || name == "cause"
	}
	return false
}

// newEnv returns the environment of all expressions that read these variables.
func newEnv(variables ...cel.EnvOption) (*cel.Env, error) {
	without := &env.LibrarySubset{DisableMacros: true}
	for _, name := range timeFunctions {
		without.ExcludeFunctions = append(without.ExcludeFunctions, env.NewFunction(name))
	}
	element := cel.TypeParamType("A")
	return cel.NewCustomEnv(append(slices.Clone(variables),
		cel.StdLib(cel.StdLibSubset(without)),
		cel.Macros(macros()...),
		cel.OptionalTypes(),
		ext.Strings(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(MaxExpression),
		cel.ParserRecursionLimit(maxRecursion),
		cel.RegexProgramSizeLimit(maxRegexpProgram),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateComprehensionNestingLimit(MaxNesting)),
		cel.Function("keys", cel.Overload("keys_map", []*cel.Type{cel.MapType(cel.StringType, cel.TypeParamType("B"))},
			cel.ListType(cel.StringType), cel.UnaryBinding(keysOf))),
		cel.Function(toList, cel.Overload("to_list", []*cel.Type{cel.ListType(element)},
			cel.ListType(element), cel.UnaryBinding(listOf))),
	)...)
}

// macros are CEL's comprehensions, each with its range guarded: a map has no
// order, so what goes over one would differ from run to run.
func macros() []cel.Macro {
	return []cel.Macro{
		cel.HasMacro,
		cel.ReceiverMacro("all", 2, guarded(parser.MakeAll)),
		cel.ReceiverMacro("exists", 2, guarded(parser.MakeExists)),
		cel.ReceiverMacro("exists_one", 2, guarded(parser.MakeExistsOne)),
		cel.ReceiverMacro("existsOne", 2, guarded(parser.MakeExistsOne)),
		cel.ReceiverMacro("map", 2, guarded(parser.MakeMap)),
		cel.ReceiverMacro("map", 3, guarded(parser.MakeMap)),
		cel.ReceiverMacro("filter", 2, guarded(parser.MakeFilter)),
	}
}

func guarded(expand cel.MacroFactory) cel.MacroFactory {
	return func(eh cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
		return expand(eh, eh.NewCall(toList, target), args)
	}
}

const mapRange = "a map has no order: go over keys(m) instead"

// listOf returns the list it is given: CEL calls it with nothing else.
func listOf(v ref.Val) ref.Val { return v }

func keysOf(v ref.Val) ref.Val {
	m, ok := v.(traits.Mapper)
	if !ok {
		return types.NewErr("keys: want a map, found a %s", v.Type().TypeName())
	}
	keys, err := sortedKeys(m)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.NewStringList(types.DefaultTypeAdapter, keys)
}

// celError is what is wrong with an expression.
type celError struct{ problem, cure string }

// Error returns the problem and the cure.
func (e *celError) Error() string { return e.problem + "; " + e.cure }

// celProblems turns CEL's findings into ours.
func celProblems(issues *cel.Issues) []celError {
	var found []celError
	for _, e := range issues.Errors() {
		message, meant, _ := strings.Cut(strings.ReplaceAll(e.Message, " (in container '')", ""), " (did you mean '")
		message, _, _ = strings.Cut(message, " expecting ")
		cure := ""
		switch {
		case message == "undeclared reference to 'item'" || message == "undeclared reference to 'index'":
			cure = "only the input of a step with forEach has an item"
		case meant != "":
			cure = "did you mean " + strings.TrimSuffix(meant, "'?)") + "?"
		case message == "Syntax error: mismatched input '<EOF>'":
			message = "the expression ends too early"
		case strings.Contains(message, "'"+toList+"'"):
			message, cure = "a comprehension goes over something that is not a list", mapRange
		case strings.HasPrefix(message, "undeclared reference to "):
			cure = undeclared(message)
		}
		at := fmt.Sprintf("column %d", e.Location.Column()+1)
		if e.Location.Line() > 1 {
			at = fmt.Sprintf("line %d, %s", e.Location.Line(), at)
		}
		found = append(found, celError{at + ": " + message, cure})
	}
	return found
}

// undeclared says what could be meant by an unknown name.
func undeclared(message string) string {
	_, name, _ := strings.Cut(message, "'")
	name = strings.TrimSuffix(name, "'")
	if slices.Contains(timeFunctions, name) {
		return "functions of time are not available"
	}
	return didYouMean(name, []string{"input", "steps", "keys", "size", "string", "int", "double", "has"})
}

// program is an expression that CEL computes.
type program struct {
	program cel.Program
	input   bool
	facts   []string
	steps   []string
}

// compile plans a checked expression.
func compile(e *cel.Env, checked *cel.Ast, found *references) (*program, error) {
	p, err := e.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(MaxCost))
	if err != nil {
		return nil, err
	}
	return &program{program: p, input: found.input, facts: found.facts, steps: found.steps}, nil
}

// eval computes the value. What the program reads is fetched first, so that an
// error of the scope comes out as it is.
func (p *program) eval(r *reader) (ref.Val, error) {
	variables := bindings{}
	if len(p.facts) > 0 {
		variables.facts = make(map[string]ref.Val, len(p.facts))
	}
	if p.input {
		input, err := r.value("")
		if err != nil {
			return nil, err
		}
		variables.input = input
	}
	for _, name := range p.facts {
		fact, err := r.value(factPrefix + name)
		if err != nil {
			return nil, err
		}
		variables.facts[name] = fact
	}
	steps := make(map[string]any, len(p.steps))
	for _, name := range p.steps {
		step, err := r.step(name)
		if err != nil {
			return nil, err
		}
		steps[name] = step
	}
	variables.steps = types.NewStringInterfaceMap(types.DefaultTypeAdapter, steps)
	v, _, err := p.program.Eval(&variables)
	return v, p.explain(err, r)
}

// explain adds what CEL does not know: that a step has no output.
func (p *program) explain(err error, r *reader) error {
	if err == nil {
		return nil
	}
	for _, name := range p.steps {
		if d := r.find(name); d.absent && strings.Contains(err.Error(), "no such key: output") {
			return fmt.Errorf("step %s has no output: it was skipped or is not over", name)
		}
	}
	if strings.Contains(err.Error(), "cost limit") {
		return fmt.Errorf("it costs more than %d: make it smaller", MaxCost)
	}
	if _, found, ok := strings.Cut(err.Error(), "no such overload: "+toList+"("); ok {
		found = strings.TrimSuffix(found, ")")
		if found == "map" {
			found += "; " + mapRange
		}
		return fmt.Errorf("want a list, found a %s", found)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "evaluation error: "))
}

// step returns what steps.NAME is: a map with the output, if there is one.
func (r *reader) step(name string) (ref.Val, error) {
	d, err := r.document(name)
	if err != nil {
		return nil, err
	}
	waited := r.scope.Waited(name)
	fields := map[string]any{"timedOut": waited.TimedOut, "signal": waited.Signal}
	if !d.absent {
		if fields[output], err = r.decode(d); err != nil {
			return nil, err
		}
		fields[outputs] = fields[output] // only one of them is ever asked for
	}
	return types.NewStringInterfaceMap(types.DefaultTypeAdapter, fields), nil
}

// bindings are the variables of one evaluation.
type bindings struct {
	input, steps ref.Val
	facts        map[string]ref.Val
}

// ResolveName returns a variable.
func (b *bindings) ResolveName(name string) (any, bool) {
	switch name {
	case "input":
		return b.input, b.input != nil
	case "steps":
		return b.steps, true
	}
	fact, ok := b.facts[name]
	return fact, ok
}

// Parent returns nothing: there is no outer scope.
func (b *bindings) Parent() cel.Activation { return nil }

func (p *program) appendJSON(dst []byte, r *reader) ([]byte, error) {
	v, err := p.eval(r)
	if err != nil {
		return dst, err
	}
	return appendValue(dst, v, 0)
}

func (p *program) appendPlain(dst []byte, r *reader) ([]byte, error) {
	v, err := p.eval(r)
	if err != nil {
		return dst, err
	}
	return appendPlain(dst, v)
}
