// Oracle prints what robfig/cron v3.0.1, the clock of the CronJob controller, says about
// schedules: one JSON object a line, read by test_oracle.py. The same Go release prints the same lines.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const robfig = "github.com/robfig/cron/v3 v3.0.1"

// Answers later than this are not written: governments still change what comes after, and two
// releases of the tz database then differ. UTC has no such limit.
var settled = time.Date(2026, time.September, 1, 0, 0, 0, 0, time.UTC)

// A writer of lines, and the one source of chance.
type oracle struct {
	out  *json.Encoder
	rand *rand.Rand
	seen map[string]bool
}

func main() {
	pinZones()
	buffer := bufio.NewWriter(os.Stdout)
	defer buffer.Flush()
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	o := &oracle{out: encoder, rand: rand.New(rand.NewPCG(2026, 52)), seen: map[string]bool{}}
	o.write(map[string]any{"kind": "about", "go": runtime.Version(), "cron": robfig})
	o.grammar()
	o.zoneNames()
	o.transitions()
	o.random()
	o.leapDays()
	o.controller()
	o.hang()
}

func (o *oracle) write(line any) {
	if err := o.out.Encode(line); err != nil {
		log.Fatal(err)
	}
}

// pinZones makes the Go release's own copy of the tz database win over the machine's.
func pinZones() {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		log.Fatal(err)
	}
	archive := filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip")
	if _, err := os.Stat(archive); err != nil {
		log.Fatal(err)
	}
	os.Setenv("ZONEINFO", archive)
}

// parse is the API server's judgement: robfig's, with panics as refusals, and nothing that holds "TZ".
func parse(text string) (schedule cron.Schedule, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	if strings.Contains(text, "TZ") {
		return nil, fmt.Errorf("TZ in schedule")
	}
	return cron.ParseStandard(text)
}

// in returns the schedule set in a zone, as the controller does by putting TZ= before it.
func in(zone, text string) cron.Schedule {
	schedule, err := cron.ParseStandard("TZ=" + zone + " " + text)
	if err != nil {
		log.Fatalf("%s: %v", text, err)
	}
	return schedule
}

func location(zone string) *time.Location {
	loaded, err := time.LoadLocation(zone)
	if err != nil {
		log.Fatal(err)
	}
	return loaded
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
