package definition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/unwindhq/unwind/saga"
)

// SVG draws a definition: what comes after what, from the top to the bottom, and at
// the right of each step what undoes it, with the way back in dashes. The same
// definition gives the same bytes.
func SVG(def *saga.Definition) string {
	d := newDrawing(def)
	var b strings.Builder
	fmt.Fprintf(&b, svgHead, d.width, d.height, d.width, d.height, escapeSVG(d.title))
	fmt.Fprintf(&b, "<text class=\"title\" x=\"%d\" y=\"32\">%s</text>\n", svgMargin, escapeSVG(d.title))
	fmt.Fprintf(&b, "<text class=\"note\" x=\"%d\" y=\"50\">%s</text>\n", svgMargin, escapeSVG(d.subtitle))
	d.arrows(&b)
	for i := range d.boxes {
		d.box(&b, &d.boxes[i])
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// Measures, in pixels.
const (
	svgMargin  = 24
	svgTop     = 70  // below the title
	svgLine    = 17  // a line of text
	svgPad     = 10  // around the text of a box
	svgGapX    = 36  // between the boxes of a layer
	svgGapY    = 44  // between layers
	svgPill    = 26  // the height of a compensation
	svgChar    = 7   // a letter
	svgBold    = 9   // a letter of a step's name
	svgMost    = 46  // letters of a line
	svgLane    = 16  // the width of an arrow that passes a layer
	svgPillGap = 18  // between a step and what undoes it
	svgLeast   = 120 // the least width of a box
)

const svgHead = `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">
<title>%s</title>
<style>
.title{font-size:18px;font-weight:bold;fill:#1c2733}.note{font-size:12px;fill:#5b6875}
.name{font-size:14px;font-weight:bold;fill:#1c2733}.line{font-size:12px;fill:#3c4854}
.step{fill:#ffffff;stroke:#2f6fb3;stroke-width:1.5}.pivot{fill:#fff1d6;stroke:#c77700;stroke-width:2}
.retriable{fill:#e9f6ec;stroke:#2f8a4a;stroke-width:1.5}.wait{fill:#f0f1f4;stroke:#6b7785;stroke-width:1.5}
.undo{fill:#fdecec;stroke:#b83a3a;stroke-dasharray:4 3}.back{fill:none;stroke:#b83a3a;stroke-width:1.3;stroke-dasharray:5 4}
.way{fill:none;stroke:#44515e;stroke-width:1.5}.undone{font-size:12px;fill:#8f2424}
</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#44515e"/></marker>
<marker id="u" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#b83a3a"/></marker></defs>
<rect width="100%%" height="100%%" fill="#ffffff"/>
`

// drawing is a definition laid out.
type drawing struct {
	title, subtitle string
	steps           []saga.Step
	after           [][]int // without what follows from the others
	reach           []map[int]bool
	boxes           []svgBox
	layers          [][]int // of boxes; those from len(steps) on are lanes
	boxWidth        int
	pillWidth       int // 0: nothing is undone
	width, height   int
}

// svgBox is a step, or a lane in which an arrow passes a layer.
type svgBox struct {
	step        int // -1: a lane
	layer       int
	x, y, w, h  int // y and h of the whole layer for a lane
	lines       []string
	above       []int // boxes from which arrows come
	pill        string
	barycentre  float64
	pillX, midY int
}

func newDrawing(def *saga.Definition) *drawing {
	d := &drawing{title: cmp.Or(def.Title, def.Name), steps: def.Steps, boxWidth: svgLeast}
	d.subtitle = strings.TrimSuffix(def.Name+" · owner "+def.Owner, " · owner ")
	d.graph()
	for i := range d.steps {
		d.measure(i)
	}
	d.rank()
	d.order()
	d.place()
	return d
}

// graph finds what each step comes after, without what follows from the others.
func (d *drawing) graph() {
	index := map[string]int{}
	d.reach = make([]map[int]bool, len(d.steps))
	for i := range d.steps {
		index[d.steps[i].Name] = i
	}
	for i := range d.steps {
		names := d.steps[i].After
		if names == nil && i > 0 {
			names = []string{d.steps[i-1].Name}
		}
		d.reach[i] = map[int]bool{}
		var after []int
		for _, name := range names {
			after = append(after, index[name])
			for j := range d.reach[index[name]] {
				d.reach[i][j] = true
			}
		}
		after = slices.DeleteFunc(after, func(j int) bool { return d.reach[i][j] })
		for _, j := range after {
			d.reach[i][j] = true
		}
		slices.Sort(after)
		d.after = append(d.after, slices.Compact(after))
	}
}

// measure writes down a step's texts and makes room for them.
func (d *drawing) measure(i int) {
	step := &d.steps[i]
	box := svgBox{step: i}
	for _, line := range linesOf(step) {
		if !strings.HasPrefix(line, "undone by ") {
			box.lines = append(box.lines, shortSVG(line))
		}
	}
	d.boxWidth = max(d.boxWidth, utf8.RuneCountInString(box.lines[0])*svgBold+4*svgPad)
	for _, line := range box.lines[1:] {
		d.boxWidth = max(d.boxWidth, utf8.RuneCountInString(line)*svgChar+4*svgPad)
	}
	if undo := undoOf(step); undo != "" {
		box.pill = shortSVG("↩ " + undo)
		d.pillWidth = max(d.pillWidth, utf8.RuneCountInString(box.pill)*svgChar+2*svgPad)
	}
	box.h = len(box.lines)*svgLine + 2*svgPad
	d.boxes = append(d.boxes, box)
}

// undoOf is what undoes a step; empty if nothing does.
func undoOf(step *saga.Step) string {
	if step.UndoesChild() {
		return "turns back"
	}
	return step.Compensation
}

// rank puts each step into the layer below everything that it comes after, and a lane
// into every layer that an arrow passes.
func (d *drawing) rank() {
	for i := range d.steps {
		for _, j := range d.after[i] {
			d.boxes[i].layer = max(d.boxes[i].layer, d.boxes[j].layer+1)
		}
	}
	for i := range d.steps {
		for _, j := range d.after[i] {
			from := j
			for layer := d.boxes[j].layer + 1; layer < d.boxes[i].layer; layer++ {
				d.boxes = append(d.boxes, svgBox{step: -1, layer: layer, above: []int{from}})
				from = len(d.boxes) - 1
			}
			d.boxes[i].above = append(d.boxes[i].above, from)
		}
	}
	for i := range d.boxes {
		for len(d.layers) <= d.boxes[i].layer {
			d.layers = append(d.layers, nil)
		}
		d.layers[d.boxes[i].layer] = append(d.layers[d.boxes[i].layer], i)
	}
}

// order puts the boxes of a layer into the order of what is above them.
func (d *drawing) order() {
	at := make([]int, len(d.boxes))
	for _, layer := range d.layers {
		for n, i := range layer {
			b := &d.boxes[i]
			b.barycentre = float64(n)
			if len(b.above) > 0 {
				sum := 0
				for _, j := range b.above {
					sum += at[j]
				}
				b.barycentre = float64(sum) / float64(len(b.above))
			}
		}
		slices.SortStableFunc(layer, func(i, j int) int { return cmp.Compare(d.boxes[i].barycentre, d.boxes[j].barycentre) })
		for n, i := range layer {
			at[i] = n
		}
	}
}

// cell is how wide a box is with what undoes it.
func (d *drawing) cell(i int) int {
	switch {
	case d.boxes[i].step < 0:
		return svgLane
	case d.pillWidth > 0:
		return d.boxWidth + svgPillGap + d.pillWidth
	}
	return d.boxWidth
}

// place gives every box its place; layers are centred.
func (d *drawing) place() {
	widths := make([]int, len(d.layers))
	for l, layer := range d.layers {
		for n, i := range layer {
			widths[l] += d.cell(i) + min(n, 1)*svgGapX
		}
	}
	inner := max(slices.Max(widths), utf8.RuneCountInString(d.title)*12, utf8.RuneCountInString(d.subtitle)*svgChar)
	y := svgTop
	for l, layer := range d.layers {
		x, height := svgMargin+(inner-widths[l])/2, 0
		for _, i := range layer {
			height = max(height, d.boxes[i].h)
		}
		for _, i := range layer {
			b := &d.boxes[i]
			b.x, b.y, b.w, b.midY = x, y+(height-b.h)/2, d.boxWidth, y+height/2
			b.pillX = x + d.boxWidth + svgPillGap
			if b.step < 0 {
				b.y, b.h, b.w = y, height, svgLane
			}
			x += d.cell(i) + svgGapX
		}
		y += height + svgGapY
	}
	d.width, d.height = inner+2*svgMargin, y-svgGapY+svgMargin
}

// arrows draws the ways forward, and in dashes the way back.
func (d *drawing) arrows(b *strings.Builder) {
	for i := range d.boxes {
		to := &d.boxes[i]
		for _, j := range to.above {
			from := &d.boxes[j]
			marker := " marker-end=\"url(#a)\""
			if to.step < 0 {
				marker = ""
				fmt.Fprintf(b, "<path class=\"way\" d=\"M%d %dV%d\"/>\n", to.x+to.w/2, to.y, to.y+to.h)
			}
			curve(b, "way", marker, point{from.x + from.w/2, from.y + from.h}, point{to.x + to.w/2, to.y})
		}
	}
	for i := range d.steps {
		for _, j := range d.undoneAfter(i) {
			from, to := &d.boxes[i], &d.boxes[j]
			curve(b, "back", " marker-end=\"url(#u)\"",
				point{from.pillX + d.pillWidth/2, from.midY - svgPill/2}, point{to.pillX + d.pillWidth/2, to.midY + svgPill/2})
		}
	}
}

// undoneAfter are the steps that are undone next once step i is: those before it, or
// before those that have nothing to undo, without what follows from the others.
func (d *drawing) undoneAfter(i int) []int {
	if undoOf(&d.steps[i]) == "" {
		return nil
	}
	found := d.undone(i, nil)
	return slices.DeleteFunc(slices.Clone(found), func(j int) bool {
		return slices.ContainsFunc(found, func(k int) bool { return d.reach[k][j] })
	})
}

func (d *drawing) undone(i int, found []int) []int {
	for _, j := range d.after[i] {
		if undoOf(&d.steps[j]) == "" {
			found = d.undone(j, found)
		} else if !slices.Contains(found, j) {
			found = append(found, j)
		}
	}
	return found
}

// point is a place in a picture.
type point struct{ x, y int }

// curve draws a line that leaves and arrives upright.
func curve(b *strings.Builder, class, marker string, from, to point) {
	bend := (to.y - from.y) / 2
	fmt.Fprintf(b, "<path class=%q d=\"M%d %dC%d %d %d %d %d %d\"%s/>\n", class, from.x, from.y, from.x, from.y+bend, to.x, to.y-bend, to.x, to.y, marker)
}

func (d *drawing) box(b *strings.Builder, box *svgBox) {
	if box.step < 0 {
		return
	}
	step := &d.steps[box.step]
	x, y, w, h := box.x, box.y, box.w, box.h
	fmt.Fprintf(b, "<g><title>%s</title>\n", escapeSVG(strings.Join(linesOf(step), "\n")))
	switch {
	case step.Kind == saga.Pivot:
		const cut = 14
		fmt.Fprintf(b, "<path class=\"pivot\" d=\"M%d %dH%dL%d %dL%d %dH%dL%d %dz\"/>\n",
			x+cut, y, x+w-cut, x+w, y+h/2, x+w-cut, y+h, x+cut, x, y+h/2)
	case step.Waits():
		fmt.Fprintf(b, "<rect class=\"wait\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n", x, y, w, h, h/2)
	default:
		class := "step"
		if step.Kind == saga.Retriable {
			class = "retriable"
		}
		fmt.Fprintf(b, "<rect class=%q x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", class, x, y, w, h)
	}
	for n, line := range box.lines {
		class := "line"
		if n == 0 {
			class = "name"
		}
		fmt.Fprintf(b, "<text class=%q x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", class, x+w/2, y+svgPad+svgLine*n+13, escapeSVG(line))
	}
	if box.pill != "" {
		fmt.Fprintf(b, "<path class=\"back\" d=\"M%d %dH%d\"/>\n", x+w, box.midY, box.pillX)
		fmt.Fprintf(b, "<rect class=\"undo\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n", box.pillX, box.midY-svgPill/2, d.pillWidth, svgPill, svgPill/2)
		fmt.Fprintf(b, "<text class=\"undone\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", box.pillX+d.pillWidth/2, box.midY+4, escapeSVG(box.pill))
	}
	b.WriteString("</g>\n")
}

// shortSVG is a text that fits a box; the whole one is shown by its title.
func shortSVG(text string) string {
	if utf8.RuneCountInString(text) <= svgMost {
		return text
	}
	return string([]rune(text)[:svgMost-1]) + "…"
}

func escapeSVG(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(strings.ToValidUTF8(text, ""))
}
