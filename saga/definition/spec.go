package definition

// Version1 is the value of the option unwind.
const Version1 = "v1"

// Spec is a definition as it is written: the fields are the file's options. The
// zero value of a field means that the option is not given. Durations are text
// such as 500ms, 30s or 14d.
type Spec struct {
	Unwind      string            `json:"unwind"`                // Unwind is Version1; Build fills it in.
	Saga        string            `json:"saga"`                  // Saga is the saga's name, [a-z][A-Za-z0-9]*.
	Title       string            `json:"title,omitempty"`       // Title is shown to people; with ${…} that reads the input each saga has its own.
	Owner       string            `json:"owner,omitempty"`       // Owner is alerted when a saga needs attention.
	Input       *Input            `json:"input,omitempty"`       // Input describes the saga's input.
	Key         string            `json:"key,omitempty"`         // Key is the business key, a text with ${…} that reads the input: one running saga for each.
	Subject     string            `json:"subject,omitempty"`     // Subject is whose data a saga holds, a text with ${…} that reads the input.
	StartOn     *StartOn          `json:"startOn,omitempty"`     // StartOn lets the events of a topic start sagas.
	Lock        []string          `json:"lock,omitempty"`        // Lock are keys, texts with ${…} that read the input: of the sagas with one, one at a time runs.
	LockTimeout string            `json:"lockTimeout,omitempty"` // LockTimeout is how long a saga waits for its locks; then it turns back.
	Attributes  map[string]string `json:"attributes,omitempty"`  // Attributes are what sagas can be found by, texts with ${…} that read the input or outputs.
	Retention   string            `json:"retention,omitempty"`   // Retention is short, standard (default) or long: how long an ended saga is kept.
	Priority    string            `json:"priority,omitempty"`    // Priority is low, normal (default) or high, or a text with ${…} that yields one of them from the input.
	Deadline    string            `json:"deadline,omitempty"`    // Deadline is how long after its start the saga may still turn back because it is late.
	Defaults    *Policies         `json:"defaults,omitzero"`     // Defaults hold for every step that says nothing else.
	OnEnd       *OnEnd            `json:"onEnd,omitempty"`       // OnEnd lets an event go out when a saga ends.
	Steps       []Step            `json:"steps"`                 // Steps are 1 to saga.MaxSteps.
	Output      any               `json:"output,omitempty"`      // Output is any tree, as Step.Input: the saga's output when it completes.
}

// Input describes a saga's input.
type Input struct {
	// Schema is a JSON Schema: anything that encodes to a JSON object (such as
	// json.RawMessage), or the path of a .json file in Options.Dir.
	Schema any `json:"schema,omitempty"`
}

// Policies say how long to wait for a step and how to try again. Defaults for a
// do: 30 s, 5 attempts, 1 s doubling to 60 s. For an undo the same with 10
// attempts, after which it asks for attention and goes on.
type Policies struct {
	Timeout string `json:"timeout,omitempty"` // Timeout is how long one attempt may take.
	Retry   *Retry `json:"retry,omitempty"`   // Retry says how to try again.
	Undo    *Undo  `json:"undo,omitempty"`    // Undo is the same for the compensation.
}

// Undo is the policy of a compensation.
type Undo struct {
	Timeout string `json:"timeout,omitempty"` // Timeout is how long one attempt may take.
	Retry   *Retry `json:"retry,omitempty"`   // Retry says how to try again.
}

// Retry says how to try again.
type Retry struct {
	Attempts int    `json:"attempts,omitempty"` // Attempts is how many there are, at least 1.
	Backoff  string `json:"backoff,omitempty"`  // Backoff is the wait after the first one; it doubles.
	Cap      string `json:"cap,omitempty"`      // Cap is the longest wait.
}

// Step is one step as it is written.
type Step struct {
	Step           string    `json:"step"`                     // Step is the step's name, unique.
	After          []string  `json:"after,omitzero"`           // After: nil is the step above, empty is none.
	When           string    `json:"when,omitempty"`           // When is ${…}; the step is skipped unless it yields true.
	Kind           string    `json:"kind,omitempty"`           // Kind is compensable (default), pivot or retriable.
	Command        string    `json:"command,omitempty"`        // Command is participant/command.
	Local          string    `json:"local,omitempty"`          // Local names a function in the coordinator's process instead.
	Child          string    `json:"child,omitempty"`          // Child names a definition: another saga carries the step out.
	Version        string    `json:"version,omitempty"`        // Version is the child's to pin, such as r3; default the latest when it begins.
	Compensation   string    `json:"compensation,omitempty"`   // Compensation is the same participant's command that undoes it.
	NoCompensation string    `json:"noCompensation,omitempty"` // NoCompensation says why there is none.
	Sleep          *Sleep    `json:"sleep,omitempty"`          // Sleep lets time pass, instead of a command.
	Await          *Await    `json:"await,omitempty"`          // Await waits for a signal, instead of a command.
	ForEach        string    `json:"forEach,omitempty"`        // ForEach is ${…} that yields a list; the command is sent for each of its items.
	Limit          *Limit    `json:"limit,omitempty"`          // Limit bounds ForEach.
	Approval       *Approval `json:"approval,omitempty"`       // Approval waits for somebody's decision, instead of a command.
	// Input is any tree that encodes to JSON and whose texts may hold ${…}. nil
	// passes the saga's input. The fields of a Go map are sorted; use
	// json.RawMessage to keep an order.
	Input     any    `json:"input,omitempty"`
	Timeout   string `json:"timeout,omitempty"`   // Timeout is how long one attempt may take; beside a heartbeat there is none unless it is written here.
	Heartbeat string `json:"heartbeat,omitempty"` // Heartbeat is how often the participant has to say that it is at work.
	Retry     *Retry `json:"retry,omitempty"`     // Retry says how to try again.
	Undo      *Undo  `json:"undo,omitempty"`      // Undo is the compensation's policy.
}
